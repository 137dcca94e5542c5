//! Signals: everything as at boot, except that the end of a child wakes the loop, and that signals
//! which would end the shim by accident do nothing.
//!
//! Handlers instead of masks and ignored signals on purpose: `execve` resets handlers by itself, so no
//! choice of the shim reaches a container.
#![allow(unsafe_code)] // signal handlers

use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask,
};
use shared::error::{Context, Result};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};

/// Written by the handler; -1 before there is one.
static WAKE: AtomicI32 = AtomicI32::new(-1);

/// Becomes readable when a child has ended.
#[derive(Debug)]
pub struct Children {
    event: OwnedFd,
}

impl Children {
    /// Sets all signals up; once per process.
    pub fn watch() -> Result<Self> {
        let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
        for signal in Signal::iterator().filter(|s| !matches!(s, Signal::SIGKILL | Signal::SIGSTOP))
        {
            // SAFETY: the default action runs no code of ours.
            unsafe { sigaction(signal, &default) }.with_context(|| format!("reset {signal}"))?;
        }
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
            .context("unblock signals")?;
        // SAFETY: no pointers; the result is checked.
        let event = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if event < 0 {
            return Err(std::io::Error::last_os_error()).context("make an eventfd");
        }
        WAKE.store(event, Ordering::Relaxed);
        // SAFETY: the descriptor was just made and nobody else has it.
        let event = unsafe { OwnedFd::from_raw_fd(event) };
        handle(Signal::SIGCHLD, child_ended)?;
        for signal in [
            Signal::SIGPIPE,
            Signal::SIGHUP,
            Signal::SIGINT,
            Signal::SIGTERM,
            Signal::SIGQUIT,
            Signal::SIGXFSZ,
        ] {
            handle(signal, nothing)?;
        }
        Ok(Self { event })
    }

    /// Takes what made it readable.
    pub fn take(&self) {
        let mut count = [0u8; 8];
        let _nothing_new = nix::unistd::read(&self.event, &mut count);
    }
}

impl AsFd for Children {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

fn handle(signal: Signal, handler: extern "C" fn(i32)) -> Result<()> {
    let flags = SaFlags::SA_RESTART | SaFlags::SA_NOCLDSTOP;
    let action = SigAction::new(SigHandler::Handler(handler), flags, SigSet::empty());
    // SAFETY: both handlers make one async-signal-safe call at most.
    unsafe { sigaction(signal, &action) }.with_context(|| format!("handle {signal}"))?;
    Ok(())
}

extern "C" fn child_ended(_: i32) {
    let one = 1u64;
    // SAFETY: write(2) is async-signal-safe, and 8 bytes are read from a live integer. A full eventfd
    // is readable anyway. errno is kept for the code that was interrupted.
    unsafe {
        let errno = *libc::__errno_location();
        libc::write(WAKE.load(Ordering::Relaxed).as_raw_fd(), (&raw const one).cast(), 8);
        *libc::__errno_location() = errno;
    }
}

extern "C" fn nothing(_: i32) {}
