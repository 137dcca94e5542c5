//! Forks of the caller that are not a container: how one works, ends and is reaped.
#![allow(unsafe_code)] // fork(2), _exit(2)

use crate::sync::{self, Packet};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};
use shared::error::{Context, Error, Result};

/// Waits for a child's end.
pub fn reap(pid: i32) -> Result<WaitStatus> {
    loop {
        match waitpid(Pid::from_raw(pid), None) {
            Err(nix::errno::Errno::EINTR) => {}
            Err(nix::errno::Errno::ECHILD) => return Ok(WaitStatus::StillAlive),
            other => return other.with_context(|| format!("wait for process {pid}")),
        }
    }
}

/// Runs a piece of work in a fork of the caller, for its memory's sake, and returns its warnings.
pub fn in_a_fork(work: impl FnOnce() -> Result<Vec<String>>) -> Result<Vec<String>> {
    let (ours, theirs) = sync::pair()?;
    // SAFETY: the caller has one thread, so the child may do anything that the caller could.
    match unsafe { nix::unistd::fork() }.context("fork")? {
        ForkResult::Child => {
            drop(ours);
            let told = match work() {
                Ok(warnings) => warnings
                    .into_iter()
                    .try_for_each(|text| sync::send(&theirs, &Packet::Warning(text), None))
                    .and_then(|()| sync::send(&theirs, &Packet::Ready, None)),
                Err(error) => sync::send(&theirs, &Packet::Failed(error.into()), None),
            };
            exit(i32::from(told.is_err()))
        }
        ForkResult::Parent { child } => {
            drop(theirs);
            let mut warnings = Vec::new();
            let result = loop {
                match sync::receive(&ours) {
                    Ok(Some((Packet::Warning(text), _))) => warnings.push(text),
                    Ok(Some((Packet::Failed(failure), _))) => break Err(failure.into()),
                    Ok(Some((Packet::Ready, _))) => break Ok(()),
                    Ok(_) => break Err(Error::internal("the forked helper ended too early")),
                    Err(error) => break Err(error),
                }
            };
            reap(child.as_raw())?;
            result.map(|()| warnings)
        }
    }
}

/// Ends a fork without running what the caller has registered for its own end.
pub fn exit(code: i32) -> ! {
    // SAFETY: never returns and touches no memory.
    unsafe { libc::_exit(code) }
}
