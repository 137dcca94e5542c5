//! Processes: a handle that cannot mean another process (pidfd), signals, waiting, and what
//! `/proc/<pid>/stat` says. Never guesses from a bare number where a handle is at hand.
#![allow(unsafe_code)] // pidfd system calls have no safe wrapper among the features in use

use crate::error::{Context, Error, Kind, Result};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// A process, by descriptor: becomes readable when it has ended.
#[derive(Debug)]
pub struct Process {
    pid: i32,
    handle: OwnedFd,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Ending {
    /// As a shell says it: a signal is 128 and its number.
    pub fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

impl Process {
    /// Opens a process by number. `NotFound` if there is none.
    pub fn open(pid: i32) -> Result<Self> {
        // SAFETY: no pointers.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        if fd < 0 {
            return Err(judged()).context(format!("open process {pid}"));
        }
        // SAFETY: the kernel just made the descriptor (close-on-exec) for us.
        Ok(Self { pid, handle: unsafe { OwnedFd::from_raw_fd(fd as i32) } })
    }

    /// Its number in our namespace.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Sends a signal; 0 only asks. `NotFound` once it has ended and was waited for.
    pub fn signal(&self, signal: i32) -> Result<()> {
        let (fd, none) = (self.handle.as_raw_fd(), std::ptr::null::<libc::siginfo_t>());
        // SAFETY: the information pointer may be null.
        let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, none, 0) };
        if result < 0 {
            return Err(judged()).context(format!("send signal {signal} to process {}", self.pid));
        }
        Ok(())
    }

    /// Takes its exit status if it is a child of ours and has ended; `None`: it still runs.
    pub fn reap(&self) -> Result<Option<Ending>> {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        let status = waitid(Id::PIDFd(self.handle.as_fd()), flags);
        ending(status.with_context(|| format!("wait for process {}", self.pid))?)
    }

    /// Waits for a child of ours.
    pub fn wait(&self) -> Result<Ending> {
        loop {
            match waitid(Id::PIDFd(self.handle.as_fd()), WaitPidFlag::WEXITED) {
                Err(nix::errno::Errno::EINTR) => {}
                other => {
                    let status = other.with_context(|| format!("wait for process {}", self.pid))?;
                    if let Some(ending) = ending(status)? {
                        return Ok(ending);
                    }
                }
            }
        }
    }
}

fn ending(status: WaitStatus) -> Result<Option<Ending>> {
    match status {
        WaitStatus::Exited(_, code) => Ok(Some(Ending::Code(code))),
        WaitStatus::Signaled(_, signal, _) => Ok(Some(Ending::Signal(signal as i32))),
        WaitStatus::StillAlive => Ok(None),
        other => Err(Error::internal(format!("unexpected wait status {other:?}"))),
    }
}

fn judged() -> Error {
    let error = std::io::Error::last_os_error();
    let kind = match error.raw_os_error() {
        Some(libc::ESRCH) => Kind::NotFound,
        Some(libc::EINVAL) => Kind::Invalid,
        Some(libc::EPERM) => Kind::Forbidden,
        _ => Kind::Internal,
    };
    Error::new(kind, error.to_string())
}

/// What `/proc/<pid>/stat` says (proc_pid_stat(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// `R`, `S`, `Z`, ...
    pub state: char,
    /// Parent's number.
    pub parent: i32,
    /// Clock ticks after boot: with the number it names a process for good.
    pub started_ticks: u64,
}

impl Stat {
    /// Reads it. `NotFound` if there is no such process.
    pub fn read(pid: i32) -> Result<Self> {
        let path = format!("/proc/{pid}/stat");
        let text = std::fs::read_to_string(&path).map_err(|error| match error.raw_os_error() {
            Some(libc::ENOENT | libc::ESRCH) => Error::not_found(error.to_string()),
            _ => Error::internal(error.to_string()),
        });
        let text = text.with_context(|| format!("read {path}"))?;
        Self::parse(&text).ok_or_else(|| Error::internal(format!("{path} is not understood")))
    }

    /// The name in brackets may contain anything, brackets included: fields count from the last one.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text[text.rfind(')')? + 1..].split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let started_ticks = fields.nth(17)?.parse().ok()?;
        Some(Self { state, parent, started_ticks })
    }

    /// It has not ended: neither a zombie nor dead.
    pub fn alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X' | 'x')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets() {
        let text = "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 9 9";
        let stat = Stat::parse(text).unwrap();
        assert_eq!(stat, Stat { state: 'S', parent: 7, started_ticks: 123_456 });
        assert!(stat.alive());
    }

    #[test]
    fn a_child_by_handle() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::open(child.id() as i32).unwrap();
        assert_eq!(process.reap().unwrap(), None);
        process.signal(libc::SIGKILL).unwrap();
        assert_eq!(process.wait().unwrap(), Ending::Signal(9));
        assert_eq!(process.signal(0).unwrap_err().kind(), Kind::NotFound);
        let _reaped = child.try_wait();
    }
}
