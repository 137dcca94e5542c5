//! Opening paths beneath a root that a stranger has filled: the kernel resolves them as if the root were
//! `/` (openat2(2), `RESOLVE_IN_ROOT`), so neither `..` nor a symbolic link leads out of it.

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::Mode;
use shared::error::{Context, Result};
use std::fs::File;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

/// How often a lookup that raced with a rename is tried again (openat2(2), `EAGAIN`).
const ATTEMPTS: u32 = 32;

/// Opens with flags of open(2). Symbolic links are followed inside the root, the last one only without
/// `O_NOFOLLOW`.
pub fn open(root: BorrowedFd, path: &Path, flags: OFlag) -> Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .mode(Mode::empty())
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let mut attempts = 0;
    loop {
        match openat2(root, path, how) {
            Err(Errno::EAGAIN) if attempts < ATTEMPTS => attempts += 1,
            other => return other.with_context(|| format!("open {}", path.display())),
        }
    }
}

/// Opens a folder.
pub fn open_folder(root: BorrowedFd, path: &Path) -> Result<OwnedFd> {
    open(root, path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)
}

/// Opens a regular file for reading; never blocks on a pipe, never follows a last symbolic link.
pub fn open_file(root: BorrowedFd, path: &Path) -> Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    open(root, path, flags).map(File::from)
}
