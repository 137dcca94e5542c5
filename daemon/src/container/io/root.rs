//! A container's root filesystem as a descriptor: every path is resolved inside it by the kernel
//! (`openat2` with `RESOLVE_IN_ROOT`), so that no symbolic link, `..` or race leads out of it.
//!
//! The only place of the daemon that opens paths chosen by a container. Blocking.

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::Mode;
use shared::error::{Context, Error, Kind, Result};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Times that an open is tried again when the kernel saw a rename meanwhile (`EAGAIN`).
const RACES: usize = 64;

/// The root of a container.
#[derive(Debug)]
pub struct Root {
    folder: OwnedFd,
}

impl Root {
    /// From a descriptor of the root folder, for instance a detached mount.
    pub fn new(folder: OwnedFd) -> Self {
        Self { folder }
    }

    /// The root that a process of the running container sees.
    ///
    /// # Errors
    /// `Conflict` when the process has ended meanwhile.
    pub fn of_process(pid: i32) -> Result<Self> {
        Self::open(Path::new(&format!("/proc/{pid}/root"))).map_err(|e| match e.kind() {
            Kind::NotFound => Error::conflict("the container is not running any more"),
            _ => e,
        })
    }

    /// A folder of the host.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let folder = nix::fcntl::open(path, flags, Mode::empty())
            .map_err(|e| judged(e, path))
            .with_context(|| format!("open {}", path.display()))?;
        Ok(Self { folder })
    }

    /// Opens `path`, which is taken from the root whether it begins with a slash or not.
    ///
    /// # Errors
    /// `NotFound` when a part of it does not exist.
    pub fn open_at(&self, path: &Path, flags: OFlag, mode: Mode) -> Result<OwnedFd> {
        self.raw(path, flags, mode).map_err(|e| judged(e, path))
    }

    /// The same with the kernel's own error.
    pub fn raw(&self, path: &Path, flags: OFlag, mode: Mode) -> nix::Result<OwnedFd> {
        // The kernel refuses every flag that means nothing to a mere handle.
        let is_handle = flags.contains(OFlag::O_PATH);
        let never = if is_handle { OFlag::empty() } else { OFlag::O_NOCTTY };
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC | never)
            .mode(mode)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        for _ in 0..RACES {
            match openat2(&self.folder, path, how) {
                Err(Errno::EAGAIN) => {}
                other => return other,
            }
        }
        Err(Errno::EAGAIN)
    }

    /// The text of a small file; `None` when it does not exist or is no plain file.
    pub fn read(&self, path: &Path, limit: u64) -> Result<Option<String>> {
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
        let file = match self.raw(path, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENXIO) => return Ok(None),
            Err(e) => return Err(judged(e, path)),
        };
        text(file, path.as_os_str(), limit)
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}

/// At most `limit` bytes of a plain file, as text; what is not UTF-8 is replaced.
pub fn text(file: File, name: &OsStr, limit: u64) -> Result<Option<String>> {
    let say = || format!("read {} of the container", name.display());
    if !file.metadata().with_context(say)?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).with_context(say)?;
    if bytes.len() as u64 > limit {
        return Err(Error::invalid(format!(
            "{} of the container is above {limit} bytes",
            name.display()
        )));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The kernel's answer about a path of the container, judged.
pub fn judged(errno: Errno, path: &Path) -> Error {
    let kind = match errno {
        Errno::ENOENT | Errno::ENOTDIR => Kind::NotFound,
        Errno::EACCES | Errno::EPERM | Errno::EROFS => Kind::Forbidden,
        Errno::ELOOP | Errno::ENAMETOOLONG | Errno::EINVAL | Errno::EISDIR | Errno::ENXIO => {
            Kind::Invalid
        }
        _ => Kind::Internal,
    };
    Error::new(kind, format!("{}: {}", path.display(), errno.desc()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_stay_inside() {
        let base = std::env::temp_dir().join(format!("coffer-root-{}", std::process::id()));
        let root = base.join("root");
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::write(base.join("secret"), "out").unwrap();
        fs::write(root.join("etc/name"), "in").unwrap();
        symlink("../../../secret", root.join("up")).unwrap();
        symlink("/etc/name", root.join("absolute")).unwrap();
        let inside = Root::open(&root).unwrap();
        let read = |path: &str| inside.read(Path::new(path), 100).unwrap();
        assert_eq!(read("/etc/name").as_deref(), Some("in"));
        assert_eq!(read("absolute").as_deref(), Some("in"));
        assert_eq!(read("up"), None);
        assert_eq!(read("../../secret"), None);
        assert_eq!(read("/etc"), None);
        assert!(inside.read(Path::new("etc/name"), 1).is_err());
        fs::remove_dir_all(&base).unwrap();
    }
}
