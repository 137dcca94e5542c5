//! Loads the compiled filter (seccomp(2)).
#![allow(unsafe_code)] // seccomp(2) has no safe wrapper

use shared::error::{Context, Error, Result};
use std::os::fd::{FromRawFd, OwnedFd};

/// `SECCOMP_FILTER_FLAG_NEW_LISTENER`.
const NEW_LISTENER: u32 = 8;

/// An array of `struct sock_filter` as bytes, and the flags to load it with. No bytes: no filter.
#[derive(Debug, Default)]
pub struct Filter {
    /// Eight bytes an instruction.
    pub program: Vec<u8>,
    /// `SECCOMP_FILTER_FLAG_*`.
    pub flags: u32,
}

impl Filter {
    /// From here on every system call goes through it. `listened`: returns what answers calls that the
    /// filter leaves to others.
    pub fn load(&self, listened: bool) -> Result<Option<OwnedFd>> {
        if self.program.is_empty() {
            return Ok(None);
        }
        let size = size_of::<libc::sock_filter>();
        let count = self.program.len() / size;
        if !self.program.len().is_multiple_of(size) || count > 4096 {
            let bytes = self.program.len();
            return Err(Error::invalid(format!(
                "a seccomp filter of {bytes} bytes cannot be loaded"
            )));
        }
        let instruction = |bytes: &[u8]| libc::sock_filter {
            code: u16::from_le_bytes([bytes[0], bytes[1]]),
            jt: bytes[2],
            jf: bytes[3],
            k: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        };
        let mut program: Vec<_> = self.program.chunks_exact(size).map(instruction).collect();
        let filter = libc::sock_fprog { len: count as u16, filter: program.as_mut_ptr() };
        let mode = libc::SECCOMP_SET_MODE_FILTER;
        let flags = self.flags | if listened { NEW_LISTENER } else { 0 };
        // SAFETY: `filter` points to `count` instructions that outlive the call.
        let loaded = unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &filter) };
        if loaded < 0 || (loaded > 0 && !listened) {
            return Err(std::io::Error::last_os_error()).context("load the seccomp filter");
        }
        // SAFETY: with the flag the kernel has just made a descriptor (close-on-exec) for us.
        Ok(listened.then(|| unsafe { OwnedFd::from_raw_fd(loaded as i32) }))
    }
}
