//! clone3(2): a fork that becomes a sibling of its maker, in new namespaces and, under control groups
//! version 2, born in its group. For processes of one thread only.
#![allow(unsafe_code)] // clone3 has no safe wrapper

use crate::error::{Context, Result};
use nix::sched::CloneFlags;
use std::mem::size_of;
use std::os::fd::{AsRawFd, OwnedFd};

/// `CLONE_INTO_CGROUP` (Linux 5.7).
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// Which side of the clone this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloned {
    /// The new process.
    Inner,
    /// The old one, with the new one's number.
    Outer(i32),
}

/// Clones without sharing memory, as fork does, a child of this process's own parent.
pub fn sibling(flags: CloneFlags, group: Option<&OwnedFd>) -> Result<Cloned> {
    // SAFETY: all zeroes is a valid clone_args.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    // With CLONE_PARENT the exit signal is the maker's own, SIGCHLD, and must not be given.
    args.flags = (flags | CloneFlags::CLONE_PARENT).bits() as u32 as u64;
    if let Some(group) = group {
        args.flags |= INTO_CGROUP;
        args.cgroup = group.as_raw_fd() as u64;
    }
    // SAFETY: without CLONE_VM and a stack this is a fork; this process has one thread.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &mut args, size_of::<libc::clone_args>()) };
    match pid {
        0 => Ok(Cloned::Inner),
        pid if pid > 0 => Ok(Cloned::Outer(pid as i32)),
        _ => Err(std::io::Error::last_os_error()).context("clone a process"),
    }
}
