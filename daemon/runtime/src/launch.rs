//! The caller's side: forks the outer half and listens until the first process waits at its gate (or
//! runs, for an exec). Whatever fails, no process of ours is left behind.
#![allow(unsafe_code)] // fork(2)

use crate::fork::reap;
use crate::parent;
use crate::sync::{self, Packet};
use crate::work::{Launch, Work};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{ForkResult, Pid};
use shared::error::{Context, Error, Result};
use std::os::fd::OwnedFd;
use std::time::Instant;

/// What came of it.
pub struct Launched {
    /// The first process, a child of the caller.
    pub pid: i32,
    /// The caller's end; for a create with [`Gate::Socket`] the gate.
    pub socket: OwnedFd,
    /// The terminal's master.
    pub terminal: Option<OwnedFd>,
    /// What was left out.
    pub warnings: Vec<String>,
}

/// Runs it: for a create until it is ready, for an exec until the program runs.
pub fn run(launch: Launch<'_>) -> Result<Launched> {
    let (ours, theirs) = sync::pair()?;
    let exec = matches!(launch.work, Work::Exec { .. });
    let end = launch.end;
    // SAFETY: the caller has one thread, so the child may do anything that the caller could.
    match unsafe { nix::unistd::fork() }.context("fork")? {
        ForkResult::Child => {
            drop(ours);
            parent::run(launch, theirs)
        }
        ForkResult::Parent { child } => {
            drop(theirs);
            drop(launch);
            let mut state = Launched { pid: 0, socket: ours, terminal: None, warnings: Vec::new() };
            let result = listen(&mut state, exec, end);
            if result.is_err() {
                for pid in [child.as_raw(), state.pid] {
                    // Both are unreaped children, so the numbers cannot mean anyone else.
                    if pid > 0 {
                        let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
                    }
                }
                if state.pid > 0 {
                    reap(state.pid)?;
                }
            }
            let outer = reap(child.as_raw())?;
            match (result, outer) {
                (Err(error), _) => Err(error),
                (Ok(()), _) => Ok(state),
            }
        }
    }
}

/// The halves talk at the same time: the inner one may be ready, or have failed, before the outer one
/// has told its number.
fn listen(state: &mut Launched, exec: bool, end: Instant) -> Result<()> {
    let mut ready = false;
    let mut failure = None;
    loop {
        if ready && !exec && state.pid > 0 {
            return Ok(());
        }
        if failure.is_some() && state.pid > 0 {
            break;
        }
        match sync::receive_until(&state.socket, end)? {
            Some((Packet::Pid(pid), _)) => state.pid = pid,
            Some((Packet::Warning(text), _)) => state.warnings.push(text),
            Some((Packet::Failed(told), _)) => {
                failure.get_or_insert(told);
            }
            Some((Packet::Ready, terminal)) => {
                state.terminal = terminal;
                ready = true;
            }
            Some((Packet::Go, _)) => return Err(Error::internal("the container said go")),
            None => break,
        }
    }
    match failure {
        Some(told) => Err(told.into()),
        None if exec && ready && state.pid > 0 => Ok(()),
        None => Err(Error::internal("the container's first process ended too early")),
    }
}
