//! Priority of one thread: for work that nobody waits for. Never changes the whole process.

#![allow(unsafe_code)] // nix has neither setpriority nor ioprio_set

use crate::error::{Context, Result};
use nix::errno::Errno;

/// `ioprio_set(2)`: the target is a thread.
const WHO_PROCESS: libc::c_int = 1;
/// `ioprio_set(2)`: only when the disk is idle (class 3, shifted by 13).
const CLASS_IDLE: libc::c_int = 3 << 13;
/// The lowest priority of ordinary scheduling, `setpriority(2)`.
const NICEST: libc::c_int = 19;

/// Puts the calling thread behind everybody else, for the processor and for the disk.
pub fn lower_thread() -> Result<()> {
    // SAFETY: plain integers; `who` 0 means the calling thread on Linux.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICEST) };
    Errno::result(result).context("lower the thread's priority")?;
    // SAFETY: plain integers; `who` 0 means the calling thread.
    let result = unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, CLASS_IDLE) };
    Errno::result(result).context("lower the thread's disk priority")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowers_only_the_calling_thread() {
        let nice = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            let after_name = stat.rsplit(')').next().unwrap().to_owned();
            after_name.split_whitespace().nth(16).unwrap().parse::<i32>().unwrap()
        };
        let before = nice();
        let inside = std::thread::spawn(move || {
            lower_thread().unwrap();
            nice()
        });
        assert_eq!(inside.join().unwrap(), 19);
        assert_eq!(nice(), before);
    }
}
