//! Paths inside a root filesystem that may hold hostile symlinks: resolved by the kernel with
//! `RESOLVE_IN_ROOT` (openat2(2)), so that none leads outside, and made where they are missing.
#![allow(unsafe_code)] // openat2 has no safe wrapper among the features in use

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, readlinkat};
use nix::sys::stat::{Mode, SFlag, fstatat, mkdirat, mknodat};
use shared::error::{Context, Error, Kind, Result};
use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

const IN_ROOT: u64 = 0x10;
const NO_SYMLINKS: u64 = 0x04;
/// Symlinks followed on one path at most, as the kernel does.
const LINKS_MAX: usize = 40;

/// The container's root filesystem, before it becomes `/`.
pub struct Root {
    fd: OwnedFd,
    /// Where it is on the host.
    pub path: PathBuf,
}

/// What is to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// A folder.
    Folder,
    /// A regular file, or anything that is not a folder.
    File,
}

impl Root {
    /// Opens it as it is mounted now.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let fd = nix::fcntl::open(path, flags, Mode::empty())
            .with_context(|| format!("open the root filesystem {}", path.display()))?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// What `path` means inside; `None` if it is not there.
    pub fn find(&self, path: &Path) -> Result<Option<OwnedFd>> {
        self.openat2(path, OFlag::O_PATH, IN_ROOT)
    }

    /// The same, but no part of the path may be a symlink: where `/proc` and `/sys` go.
    pub fn find_plain(&self, path: &Path) -> Result<Option<OwnedFd>> {
        self.openat2(path, OFlag::O_PATH, IN_ROOT | NO_SYMLINKS)
    }

    /// What `path` means inside, made if it is missing.
    pub fn make(&self, path: &Path, want: Want) -> Result<OwnedFd> {
        if let Some(found) = self.find(path)? {
            return Ok(found);
        }
        // Nearly always only the last part is missing.
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name())
            && let Some(parent) = self.find(parent)?
            && put(&parent, name, want).is_ok()
        {
            return self.find(path)?.ok_or_else(|| lost(path));
        }
        let plain = self.expand(path)?;
        let mut level = PathBuf::from("/");
        let parts: Vec<&OsStr> = plain.iter().filter(|p| *p != "/").collect();
        for (at, part) in parts.iter().enumerate() {
            let parent = self.find(&level)?.ok_or_else(|| lost(&level))?;
            level.push(part);
            let last = at + 1 == parts.len();
            match put(&parent, part, if last { want } else { Want::Folder }) {
                Ok(()) | Err(Errno::EEXIST) => {}
                // A read-only or otherwise closed parent matters only if nothing is there.
                Err(error) if self.find(&level)?.is_none() => {
                    return Err(error).context(format!("make {} in the root", level.display()));
                }
                Err(_) => {}
            }
        }
        self.find(path)?.ok_or_else(|| lost(path))
    }

    /// The folder that holds `path` (made if it is missing), and the last name.
    pub fn parent(&self, path: &Path) -> Result<(OwnedFd, OsString)> {
        let name = path
            .file_name()
            .ok_or_else(|| Error::invalid(format!("{} names no file", path.display())))?;
        let parent = self.make(path.parent().unwrap_or(Path::new("/")), Want::Folder)?;
        Ok((parent, name.to_owned()))
    }

    /// The folder itself.
    pub fn folder(&self) -> &OwnedFd {
        &self.fd
    }

    /// Follows what symlinks there are, and keeps the parts that are not there as they are.
    fn expand(&self, path: &Path) -> Result<PathBuf> {
        let mut left: Vec<OsString> = parts(path);
        left.reverse();
        let mut done = PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = left.pop() {
            if part == ".." {
                done.pop();
                continue;
            }
            let link = match self.find(&done)? {
                Some(parent) => readlinkat(&parent, part.as_os_str()).ok(),
                None => None,
            };
            let Some(link) = link else {
                done.push(part);
                continue;
            };
            links += 1;
            if links > LINKS_MAX {
                return Err(Error::invalid(format!("too many symlinks in {}", path.display())));
            }
            if Path::new(&link).is_absolute() {
                done = PathBuf::from("/");
            }
            left.extend(parts(Path::new(&link)).into_iter().rev());
        }
        Ok(done)
    }

    fn openat2(&self, path: &Path, flags: OFlag, resolve: u64) -> Result<Option<OwnedFd>> {
        let text = CString::new(path.as_os_str().as_bytes())
            .context_kind(Kind::Invalid, "a path contains a zero byte")?;
        // SAFETY: all zeroes is a valid open_how.
        let mut how: libc::open_how = unsafe { std::mem::zeroed() };
        how.flags = (flags | OFlag::O_CLOEXEC).bits() as u64;
        how.resolve = resolve;
        let (root, size) = (self.fd.as_raw_fd(), size_of::<libc::open_how>());
        // SAFETY: both pointers are live, `size` is what `how` has.
        let fd = unsafe { libc::syscall(libc::SYS_openat2, root, text.as_ptr(), &how, size) };
        if fd >= 0 {
            // SAFETY: the kernel just made the descriptor for us.
            return Ok(Some(unsafe { OwnedFd::from_raw_fd(fd as i32) }));
        }
        match Errno::last() {
            Errno::ENOENT => Ok(None),
            error => Err(error).context(format!("look up {} in the root", path.display())),
        }
    }
}

fn put(parent: &OwnedFd, name: &OsStr, want: Want) -> Result<(), Errno> {
    match want {
        Want::File => mknodat(parent, name, SFlag::S_IFREG, Mode::from_bits_truncate(0o644), 0),
        Want::Folder => mkdirat(parent, name, Mode::from_bits_truncate(0o755)),
    }
}

fn lost(path: &Path) -> Error {
    Error::internal(format!("{} vanished from the root filesystem", path.display()))
}

fn parts(path: &Path) -> Vec<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}

/// A path that means exactly this descriptor.
pub fn by_number(fd: impl AsFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd()))
}

/// Whether it is a folder, and its permissions.
pub fn mode_of(fd: impl AsFd) -> Result<u32> {
    let found = fstatat(fd, "", AtFlags::AT_EMPTY_PATH).context("look at a mount point")?;
    Ok(found.st_mode)
}

/// What is mounted at the target now.
pub fn reopen(root: &Root, target: &Path) -> Result<OwnedFd> {
    root.find(target)?.ok_or_else(|| Error::internal(format!("{} vanished", target.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn root() -> (PathBuf, Root) {
        let name = format!("coffer-place-{}-{:?}", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(name.replace(['(', ')'], "-"));
        std::fs::create_dir_all(&path).unwrap();
        let root = Root::open(&path).unwrap();
        (path, root)
    }

    #[test]
    fn symlinks_stay_inside() {
        let (path, root) = root();
        symlink("/../../../run/new", path.join("dangling")).unwrap();
        symlink("/../../../etc", path.join("conf")).unwrap();
        root.make(Path::new("/dangling/a"), Want::File).unwrap();
        assert!(path.join("run/new/a").is_file());
        root.make(Path::new("/conf/passwd"), Want::File).unwrap();
        let again = root.find(Path::new("/conf/passwd")).unwrap();
        std::fs::remove_dir_all(&path).unwrap();
        assert!(again.is_some());
        assert!(!Path::new("/run/new").exists());
    }

    #[test]
    fn loops_and_plain_places() {
        let (path, root) = root();
        symlink("b", path.join("a")).unwrap();
        symlink("a", path.join("b")).unwrap();
        let looped = root.make(Path::new("/a/x"), Want::Folder);
        symlink("real", path.join("proc")).unwrap();
        root.make(Path::new("/real"), Want::Folder).unwrap();
        let plain = root.find_plain(Path::new("/proc"));
        std::fs::remove_dir_all(&path).unwrap();
        assert!(looped.is_err() && plain.is_err());
    }
}
