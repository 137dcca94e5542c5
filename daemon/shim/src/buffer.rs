//! The one buffer through which all output passes: large for throughput, small in memory, since only
//! the pages that a read filled exist, and they are given back when it is quiet.
#![allow(unsafe_code)] // an anonymous mapping, the only memory that can be given back page by page

use shared::error::{Context, Result};
use std::ops::{Deref, DerefMut};

/// Bytes of one read at most: what a pipe holds.
pub const SIZE: usize = 64 * 1024;
/// Bytes of one read at first: most programs write little, and the log's batch is as large again.
pub const SMALL: usize = 16 * 1024;
/// Reads of [`SMALL`] that were full, one after the other, before larger ones are worth their memory.
const PATIENCE: u32 = 32;
/// What stays when it is quiet: one page.
const KEPT: usize = 4096;

/// [`SIZE`] bytes.
#[derive(Debug)]
pub struct Buffer {
    start: *mut u8,
    dirty: bool,
    full: u32,
}

/// What the bytes are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// They are only passed on.
    Pass,
    /// They are logged, too: small reads until there is a flood.
    Log,
}

impl Buffer {
    /// Takes address space, not memory.
    pub fn new() -> Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a fresh mapping at a place that the kernel chooses.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), SIZE, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error()).context("map a buffer");
        }
        Ok(Self { start: start.cast(), dirty: false, full: 0 })
    }

    /// The part for one read.
    pub fn part(&mut self, purpose: Use) -> &mut [u8] {
        let small = purpose == Use::Log && self.full < PATIENCE;
        let size = if small { SMALL } else { SIZE };
        &mut self[..size]
    }

    /// Notes how much a read filled; returns it.
    pub fn filled(&mut self, bytes: usize) -> &[u8] {
        self.full = if bytes >= SMALL { self.full.saturating_add(1) } else { 0 };
        self.dirty |= bytes > KEPT;
        &self[..bytes]
    }

    /// Whether there is something to give back.
    pub fn dirty(&self) -> bool {
        self.dirty
    }

    /// Gives all but the first page back to the kernel.
    pub fn trim(&mut self) {
        // SAFETY: inside the mapping, of which nobody holds a slice while `self` is borrowed. Advice
        // may fail without harm.
        unsafe { libc::madvise(self.start.add(KEPT).cast(), SIZE - KEPT, libc::MADV_DONTNEED) };
        (self.dirty, self.full) = (false, 0);
    }
}

impl Deref for Buffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: the mapping is SIZE bytes long, zeroed or written by us, and lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start, SIZE) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.start, SIZE) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the whole mapping, which nobody uses any more.
        unsafe { libc::munmap(self.start.cast(), SIZE) };
    }
}
