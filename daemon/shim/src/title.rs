//! The command line that others see, as in `ps`: a fork of the zygote shows whose shim it is. The
//! kernel reads it from the process's own memory, so that it is overwritten there, as far as it goes.
#![allow(unsafe_code)] // the argument strings are written in place

use std::ops::Range;

/// Shows `arguments` as this process's own. What does not fit is cut; nothing depends on it.
pub fn set(arguments: &[&str]) {
    let Some(place) = place() else { return };
    let mut text = arguments.join("\0").into_bytes();
    text.truncate(place.len().saturating_sub(1));
    text.resize(place.len(), 0);
    // SAFETY: the kernel put this process's argument strings there, writable, at its start; this is the
    // only thread, and the standard library hands out copies of them only.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), place.start as *mut u8, text.len()) };
}

/// Where the argument strings lie: fields 48 and 49 of proc_pid_stat(5).
fn place() -> Option<Range<usize>> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name may hold anything, the rest no bracket.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(45);
    let (start, end) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    (start != 0 && start < end).then_some(start..end)
}
