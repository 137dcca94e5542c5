//! Notification of OOM kills. Both versions end in one descriptor that can be polled: an eventfd on
//! `memory.oom_control` (version 1), an inotify on `memory.events` (version 2).
#![allow(unsafe_code)] // eventfd and inotify have no safe wrapper among the features in use

use super::file;
use super::statistic::keyed;
use crate::error::{Context, Result};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Becomes readable when the kernel was at work; also once when the group is removed.
#[derive(Debug)]
pub struct OomWatch {
    ready: OwnedFd,
    counts: PathBuf,
}

impl AsFd for OomWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }
}

impl OomWatch {
    /// Version 1 (kernel's `cgroup-v1/memory.rst`, section 10).
    pub(super) fn v1(folder: &Path) -> Result<Self> {
        // SAFETY: no pointers; the result is checked and owned by nobody else.
        let ready = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        let ready = own(ready, "make an eventfd")?;
        let counts = folder.join("memory.oom_control");
        let control = File::open(&counts).context("open memory.oom_control")?;
        let line = format!("{} {}", ready.as_raw_fd(), control.as_raw_fd());
        file::write(&folder.join("cgroup.event_control"), &line)?;
        Ok(Self { ready, counts })
    }

    /// Version 2 (kernel's `cgroup-v2.rst`, `memory.events`).
    pub(super) fn v2(folder: &Path) -> Result<Self> {
        // SAFETY: no pointers; the result is checked and owned by nobody else.
        let ready = unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) };
        let ready = own(ready, "make an inotify")?;
        let counts = folder.join("memory.events");
        let path = super::file::c_path(&counts)?;
        // SAFETY: `path` is a C string that outlives the call.
        let watch =
            unsafe { libc::inotify_add_watch(ready.as_raw_fd(), path.as_ptr(), libc::IN_MODIFY) };
        if watch < 0 {
            return Err(std::io::Error::last_os_error()).context("watch memory.events");
        }
        Ok(Self { ready, counts })
    }

    /// Takes what made the descriptor readable, and says how many kills there were in all. `None`:
    /// the group is gone, and the descriptor will not tell more.
    pub fn take(&self) -> Result<Option<u64>> {
        let mut buffer = [0u8; 512];
        loop {
            let at = buffer.as_mut_ptr().cast();
            // SAFETY: the kernel writes at most the buffer's length.
            let got = unsafe { libc::read(self.ready.as_raw_fd(), at, buffer.len()) };
            if got <= 0 || got < buffer.len() as isize {
                break;
            }
        }
        Ok(file::read_if_there(&self.counts)?.map(|text| kills(&text)))
    }
}

/// `oom_kill` in either version's file; 0 where the kernel does not count (version 1 before 4.13).
pub fn kills(text: &str) -> u64 {
    keyed(text).find(|(key, _)| *key == "oom_kill").map_or(0, |(_, count)| count)
}

fn own(fd: i32, sentence: &str) -> Result<OwnedFd> {
    if fd < 0 {
        return Err(std::io::Error::last_os_error()).context(sentence);
    }
    // SAFETY: the descriptor was just made and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
