//! What waits for deletion. A rename into the trash frees a name at once; a thread of low
//! priority deletes behind, so that removing an image costs its caller no more than the rename.
//!
//! The folder survives a crash: what a former daemon left in it is deleted by the next one. Nothing is
//! ever taken out of it again.

use crate::limits;
use shared::error::{Context, Error, Result};
use shared::id;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// The trash of one data root. Clones are handles to the same one.
#[derive(Clone)]
pub struct Trash(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    queue: Sender<PathBuf>,
    pending: Arc<Pending>,
}

#[derive(Default)]
struct Pending {
    count: Mutex<u64>,
    changed: Condvar,
}

impl Pending {
    fn add(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    fn done(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.changed.notify_all();
    }
}

impl Trash {
    /// Opens the folder and starts deleting what is in it.
    pub fn open(folder: PathBuf) -> Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("create {}", folder.display()))?;
        let (queue, items) = channel();
        let pending = Arc::new(Pending::default());
        let trash = Self(Arc::new(Inner { folder, queue, pending: pending.clone() }));
        std::thread::Builder::new()
            .name("trash".to_owned())
            .stack_size(limits::TRASH_STACK)
            .spawn(move || empty(&items, &pending))
            .context("start the thread that empties the trash")?;
        trash.find_leftovers()?;
        Ok(trash)
    }

    fn find_leftovers(&self) -> Result<()> {
        let folder = &self.0.folder;
        let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
        let mut found = 0;
        for entry in entries {
            let entry = entry.with_context(|| format!("read {}", folder.display()))?;
            self.delete_behind(entry.path());
            found += 1;
        }
        if found > 0 {
            tracing::info!(found, "deleting what was in the trash");
        }
        Ok(())
    }

    /// Moves a file or folder into the trash. One that does not exist is fine.
    pub fn take(&self, path: &Path) -> Result<()> {
        let target = self.0.folder.join(id::hex(&id::random::<12>()));
        match fs::rename(path, &target) {
            Ok(()) => {
                self.delete_behind(target);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => {
                Err(error).with_context(|| format!("move {} into the trash", path.display()))
            }
        }
    }

    fn delete_behind(&self, path: PathBuf) {
        self.0.pending.add();
        if self.0.queue.send(path).is_err() {
            self.0.pending.done();
            tracing::error!("the thread that empties the trash is gone");
        }
    }

    /// Waits until everything taken so far is deleted. Blocking; an error after `limit`.
    pub fn wait_until_empty(&self, limit: std::time::Duration) -> Result<()> {
        let pending = &self.0.pending;
        let count = pending.count.lock().unwrap_or_else(PoisonError::into_inner);
        let (_count, wait) = pending
            .changed
            .wait_timeout_while(count, limit, |count| *count > 0)
            .unwrap_or_else(PoisonError::into_inner);
        if wait.timed_out() {
            return Err(Error::timeout(format!("the trash is not empty after {limit:?}")));
        }
        Ok(())
    }
}

fn empty(items: &Receiver<PathBuf>, pending: &Pending) {
    if let Err(error) = shared::kernel::priority::lower_thread() {
        tracing::debug!(%error, "the trash is emptied at normal priority");
    }
    while let Ok(path) = items.recv() {
        if let Err(error) = delete_patiently(&path) {
            tracing::error!(%error, "cannot delete; the next start tries again");
        }
        pending.done();
    }
}

/// The kernel still writes to the folders of an overlay that was mounted a moment ago.
fn delete_patiently(path: &Path) -> Result<()> {
    let mut pause = limits::TRASH_PAUSE;
    for _ in 1..limits::TRASH_ATTEMPTS {
        match delete(path) {
            Err(error) if passes(&error) => {
                tracing::debug!(%error, "something is written to what is being deleted");
                std::thread::sleep(pause);
                pause *= 2;
            }
            other => return other,
        }
    }
    delete(path)
}

/// Whether another attempt may succeed.
fn passes(error: &Error) -> bool {
    use ErrorKind::{DirectoryNotEmpty, NotFound, ResourceBusy};
    let kind = error.find::<std::io::Error>().map(std::io::Error::kind);
    matches!(kind, Some(DirectoryNotEmpty | NotFound | ResourceBusy))
}

fn delete(path: &Path) -> Result<()> {
    let sentence = || format!("delete {}", path.display());
    let kind = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.with_context(sentence)?,
    };
    if !kind.is_dir() {
        return fs::remove_file(path).with_context(sentence);
    }
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            make_writable(path)?;
            fs::remove_dir_all(path).with_context(sentence)
        }
        other => other.with_context(sentence),
    }
}

/// Without privileges, folders that came read-only out of an archive must be opened first.
fn make_writable(folder: &Path) -> Result<()> {
    let sentence = || format!("open {} for deletion", folder.display());
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).with_context(sentence)?;
    for entry in fs::read_dir(folder).with_context(sentence)? {
        let entry = entry.with_context(sentence)?;
        if entry.file_type().with_context(sentence)?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn takes_at_once_and_deletes_behind() {
        let root = std::env::temp_dir().join(format!("coffer-trash-{}", std::process::id()));
        let item = root.join("item");
        fs::create_dir_all(item.join("closed")).unwrap();
        fs::write(item.join("closed/file"), "x").unwrap();
        fs::set_permissions(item.join("closed"), fs::Permissions::from_mode(0o500)).unwrap();
        fs::create_dir_all(root.join("trash/left")).unwrap();

        let trash = Trash::open(root.join("trash")).unwrap();
        trash.take(&item).unwrap();
        assert!(!item.exists());
        trash.take(&item).unwrap();
        trash.wait_until_empty(Duration::from_secs(10)).unwrap();
        assert_eq!(fs::read_dir(root.join("trash")).unwrap().count(), 0);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn goes_on_while_somebody_writes_to_it() {
        let root = std::env::temp_dir().join(format!("coffer-trash-busy-{}", std::process::id()));
        let item = root.join("item");
        fs::create_dir_all(&item).unwrap();
        let trash = Trash::open(root.join("trash")).unwrap();
        let folder = fs::File::open(&item).unwrap();
        std::thread::scope(|scope| {
            // By descriptor, as the kernel writes to an overlay: the name does not matter to it.
            scope.spawn(|| {
                let until = std::time::Instant::now() + Duration::from_millis(300);
                let mut number = 0;
                while std::time::Instant::now() < until {
                    number += 1;
                    let mode = nix::sys::stat::Mode::S_IRWXU;
                    let name = format!("{number}");
                    if nix::sys::stat::mkdirat(&folder, name.as_str(), mode).is_err() {
                        return; // the folder is gone
                    }
                }
            });
            trash.take(&item).unwrap();
        });
        trash.wait_until_empty(Duration::from_secs(20)).unwrap();
        assert_eq!(fs::read_dir(root.join("trash")).unwrap().count(), 0);
        fs::remove_dir_all(root).unwrap();
    }
}
