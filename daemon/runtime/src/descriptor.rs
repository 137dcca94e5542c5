//! Descriptors: what a forked half keeps of the caller's, reading a memfd whole. Never leaks one into
//! a container.
#![allow(unsafe_code)] // close_range(2) has no safe wrapper; closing is by number on purpose

use shared::error::{Context, Result};
use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::{OwnedFd, RawFd};

fn close_range(first: u32, last: u32, flags: u32) -> Result<()> {
    // SAFETY: no pointers. Callers close only numbers that no live value owns in this process: they
    // run in a fresh fork, on numbers that they have been told nobody keeps.
    if unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) } < 0 {
        return Err(std::io::Error::last_os_error()).context("close inherited descriptors");
    }
    Ok(())
}

/// In a fresh fork: closes every descriptor from 3 on but these.
pub fn keep_only(keep: &[RawFd]) -> Result<()> {
    let mut keep: Vec<u32> = keep.iter().filter(|fd| **fd > 2).map(|fd| *fd as u32).collect();
    keep.sort_unstable();
    let mut first = 3;
    for fd in keep {
        if fd > first {
            close_range(first, fd - 1, 0)?;
        }
        first = first.max(fd + 1);
    }
    close_range(first, u32::MAX, 0)
}

/// Every descriptor from `first` on is closed by `execve`.
pub fn close_on_exec_from(first: u32) -> Result<()> {
    close_range(first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC)
}

/// The whole of a memfd or file, from its beginning.
pub fn read_all(fd: OwnedFd, what: &str) -> Result<Vec<u8>> {
    let mut file = File::from(fd);
    let mut bytes = Vec::new();
    file.rewind().with_context(|| format!("read {what}"))?;
    file.read_to_end(&mut bytes).with_context(|| format!("read {what}"))?;
    Ok(bytes)
}
