//! The pid file: who runs. It is locked as long as the daemon lives, so that a stale one, or one whose
//! number another program has by now, does not keep the next daemon from starting.

use nix::fcntl::{Flock, FlockArg};
use shared::error::{Context, Error, Result};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The locked file; removed when dropped.
#[derive(Debug)]
pub struct Pidfile {
    path: PathBuf,
    _lock: Flock<File>,
}

impl Pidfile {
    /// Writes our process id. `Conflict` when another daemon holds the lock.
    pub fn take(path: &Path) -> Result<Self> {
        let what = || format!("write the pid file {}", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(what)?;
        }
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .open(path)
                .with_context(what)?;
            let mut lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => lock,
                Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
                    let mut pid = String::new();
                    file.read_to_string(&mut pid).with_context(what)?;
                    return Err(Error::conflict(format!(
                        "pid file found, ensure cofferd is not running (process {}) or delete {}",
                        pid.trim(),
                        path.display()
                    )));
                }
                Err((_, error)) => return Err(error).with_context(what),
            };
            // The former daemon may have removed the file between our open and our lock.
            let ours = lock.metadata().with_context(what)?.ino();
            match std::fs::metadata(path) {
                Ok(there) if there.ino() == ours => {}
                Ok(_) => continue,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error).with_context(what),
            }
            lock.set_len(0).with_context(what)?;
            lock.seek(SeekFrom::Start(0)).with_context(what)?;
            write!(lock, "{}", std::process::id()).with_context(what)?;
            return Ok(Self { path: path.to_owned(), _lock: lock });
        }
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "cannot remove the pid file");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_file_does_not_block_and_a_held_one_does() {
        let path = std::env::temp_dir().join(format!("coffer-pid-{}", std::process::id()));
        std::fs::write(&path, "1").unwrap();
        let first = Pidfile::take(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), std::process::id().to_string());
        let error = Pidfile::take(&path).unwrap_err();
        assert!(error.to_string().starts_with("pid file found, ensure cofferd"), "{error}");
        drop(first);
        assert!(!path.exists());
        drop(Pidfile::take(&path).unwrap());
    }
}
