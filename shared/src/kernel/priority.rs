//! Priority of one thread: for work that nobody waits for. Never changes the whole process.

#![allow(unsafe_code)] // nix has neither setpriority nor ioprio_set

use crate::error::{Context, Result};
use nix::errno::Errno;

/// `ioprio_set(2)`: the target is a thread.
const WHO_PROCESS: libc::c_int = 1;
/// `ioprio_set(2)`: best effort (class 2, shifted by 13) at the lowest of its levels. The idle class would
/// starve on a busy disk, and what waits for deletion takes room.
const LOWEST: libc::c_int = 2 << 13 | 7;
/// A tenth of an ordinary thread's share of the processor, `sched(7)`. A nicer one would hardly ever
/// run beside a handful of busy ones.
const NICE: libc::c_int = 10;

/// Puts the calling thread behind everybody else, for the processor and for the disk.
pub fn lower_thread() -> Result<()> {
    // SAFETY: plain integers; `who` 0 means the calling thread on Linux.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
    Errno::result(result).context("lower the thread's priority")?;
    // SAFETY: plain integers; `who` 0 means the calling thread.
    let result = unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, LOWEST) };
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
        assert_eq!(inside.join().unwrap(), NICE);
        assert_eq!(nice(), before);
    }
}
