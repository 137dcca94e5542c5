//! Staying with a process in the foreground: signals are passed on, a terminal's bytes go both ways,
//! and its exit status becomes ours. One thread, one poll.
#![allow(unsafe_code)] // prctl, terminal size, signal to the child by number

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, read, write};
use shared::error::{Context, Result};
use std::io::IsTerminal;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Orphans of the container come to us, not to the machine's first process.
pub fn become_subreaper() -> Result<()> {
    // SAFETY: no pointers.
    if unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } < 0 {
        return Err(std::io::Error::last_os_error()).context("become a subreaper");
    }
    Ok(())
}

/// Signals are held from here on: none is lost while the process is being made.
pub struct Attendance {
    signals: SignalFd,
}

impl Attendance {
    /// Before the process is made. What it inherits of this is undone before `execve`.
    pub fn prepare() -> Result<Self> {
        let mut mask = SigSet::all();
        for fatal in
            [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGILL, Signal::SIGFPE, Signal::SIGURG]
        {
            mask.remove(fatal);
        }
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&mask), None).context("hold signals")?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let signals = SignalFd::with_flags(&mask, flags).context("make a signalfd")?;
        Ok(Self { signals })
    }

    /// Until process `pid`, a child of ours, has ended; its exit status.
    pub fn until_end(self, pid: i32, terminal: Option<OwnedFd>) -> Result<u8> {
        let mut wire = terminal.map(Wire::new).transpose()?;
        loop {
            if let Some(code) = reap(pid)? {
                if let Some(wire) = &mut wire {
                    wire.drain();
                }
                return Ok(code);
            }
            let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            if let Some(wire) = &wire {
                fds.push(PollFd::new(wire.master.as_fd(), PollFlags::POLLIN));
                if wire.input {
                    fds.push(PollFd::new(wire.stdin.as_fd(), PollFlags::POLLIN));
                }
            }
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error).context("wait for the container"),
            }
            let ready: Vec<bool> = fds
                .iter()
                .map(|fd| fd.revents().is_some_and(|events| !events.is_empty()))
                .collect();
            drop(fds);
            if ready[0] {
                self.pass_on(pid, wire.as_ref())?;
            }
            if let Some(wire) = &mut wire {
                if ready.get(2).copied().unwrap_or(false) {
                    wire.inwards();
                }
                if ready[1] && !wire.outwards() {
                    // The last holder of the other side has gone: only the exit status is left.
                    let mut fds = [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
                    let _either = poll(&mut fds, PollTimeout::from(50u8));
                }
            }
        }
    }

    fn pass_on(&self, pid: i32, wire: Option<&Wire>) -> Result<()> {
        while let Some(information) = self.signals.read_signal().context("read a signal")? {
            match information.ssi_signo as i32 {
                libc::SIGCHLD | libc::SIGPIPE => {}
                libc::SIGWINCH => {
                    if let Some(wire) = wire {
                        wire.resize();
                    }
                }
                number => {
                    // SAFETY: no pointers; the child is unreaped, so the number is its own.
                    let _ended = unsafe { libc::kill(pid, number) };
                }
            }
        }
        Ok(())
    }
}

/// Takes every child that has ended; the status of the one that counts.
fn reap(pid: i32) -> Result<Option<u8>> {
    loop {
        match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(child, code)) if child.as_raw() == pid => {
                return Ok(Some(code as u8));
            }
            Ok(WaitStatus::Signaled(child, signal, _)) if child.as_raw() == pid => {
                return Ok(Some(128 + signal as u8));
            }
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(None),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("wait for the container"),
        }
    }
}

/// Our terminal and the container's, joined.
struct Wire {
    master: OwnedFd,
    stdin: std::io::Stdin,
    input: bool,
    before: Option<Termios>,
}

impl Wire {
    fn new(master: OwnedFd) -> Result<Self> {
        let stdin = std::io::stdin();
        let mut before = None;
        if stdin.is_terminal() {
            let now = tcgetattr(&stdin).context("read the terminal's mode")?;
            let mut raw = now.clone();
            cfmakeraw(&mut raw);
            tcsetattr(&stdin, SetArg::TCSANOW, &raw).context("set the terminal's mode")?;
            before = Some(now);
        }
        let wire = Self { master, stdin, input: true, before };
        wire.resize();
        Ok(wire)
    }

    /// The container's terminal gets our size.
    fn resize(&self) {
        // SAFETY: all zeroes is a valid winsize, and it is live in both calls.
        unsafe {
            let mut size: libc::winsize = std::mem::zeroed();
            if libc::ioctl(self.stdin.as_raw_fd(), libc::TIOCGWINSZ, &mut size) == 0 {
                libc::ioctl(self.master.as_raw_fd(), libc::TIOCSWINSZ, &size);
            }
        }
    }

    fn inwards(&mut self) {
        let mut buffer = [0u8; 4096];
        match read(&self.stdin, &mut buffer) {
            Ok(count) if count > 0 => self.input = all(self.master.as_fd(), &buffer[..count]),
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            _ => self.input = false,
        }
    }

    fn outwards(&mut self) -> bool {
        let mut buffer = [0u8; 32 * 1024];
        match read(&self.master, &mut buffer) {
            Ok(count) if count > 0 => all(std::io::stdout().as_fd(), &buffer[..count]),
            Err(Errno::EINTR | Errno::EAGAIN) => true,
            _ => false,
        }
    }

    /// What is still in the terminal when the process has ended.
    fn drain(&mut self) {
        loop {
            let mut fds = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
            let ready = poll(&mut fds, PollTimeout::ZERO).unwrap_or(0);
            let readable = fds[0].revents().is_some_and(|e| e.contains(PollFlags::POLLIN));
            if ready < 1 || !readable || !self.outwards() {
                return;
            }
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _gone = tcsetattr(&self.stdin, SetArg::TCSANOW, before);
        }
    }
}

fn all(to: BorrowedFd<'_>, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match write(to, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                let mut fds = [PollFd::new(to, PollFlags::POLLOUT)];
                let _again = poll(&mut fds, PollTimeout::NONE);
            }
            Err(_) => return false,
        }
    }
    true
}
