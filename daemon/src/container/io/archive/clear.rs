//! Removes an entry of a folder, whatever it is, without following a link.

use super::super::root::judged;
use super::DEPTH_MAX;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};
use shared::error::{Context, Error, Result};
use std::ffi::{CString, OsStr};
use std::os::fd::AsFd;
use std::path::Path;

/// Removes `name` from `folder`; one that is gone is fine.
pub fn clear(folder: impl AsFd, name: &OsStr) -> Result<()> {
    remove(folder.as_fd(), name, 0)
}

fn remove(folder: std::os::fd::BorrowedFd<'_>, name: &OsStr, depth: usize) -> Result<()> {
    if depth > DEPTH_MAX {
        return Err(Error::invalid(format!("folders are nested deeper than {DEPTH_MAX}")));
    }
    match unlinkat(folder, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => return Ok(()),
        Err(Errno::EISDIR | Errno::EPERM) => {}
        Err(e) => return Err(judged(e, Path::new(name))),
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut dir = match Dir::openat(folder, name, flags, Mode::empty()) {
        Ok(dir) => dir,
        Err(Errno::ENOENT) => return Ok(()),
        Err(e) => return Err(judged(e, Path::new(name))),
    };
    let mut children: Vec<CString> = Vec::new();
    for entry in dir.iter() {
        let entry = entry.context("list a folder")?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            children.push(entry.file_name().to_owned());
        }
    }
    for child in children {
        use std::os::unix::ffi::OsStrExt;
        remove(dir.as_fd(), OsStr::from_bytes(child.to_bytes()), depth + 1)?;
    }
    match unlinkat(folder, name, UnlinkatFlags::RemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(e) => Err(judged(e, Path::new(name))),
    }
}
