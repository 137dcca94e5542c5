//! The caller's side: forks the outer half and listens until the first process waits at its gate (or
//! runs, for an exec). Whatever fails, no process of ours is left behind.
#![allow(unsafe_code)] // fork(2)

use crate::embed::Io;
use crate::listener::Listener;
use crate::sync::{self, Packet};
use crate::{descriptor, parent};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};
use shared::error::{Context, Error, Result};
use shared::kernel::cgroup::Cgroup;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Where the first process of a container waits for its start.
#[derive(Clone, Debug)]
pub enum Gate {
    /// On the socket: the caller stays.
    Socket,
    /// At this fifo: the caller may end.
    Fifo(PathBuf),
}

/// How the root filesystem becomes `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pivot {
    /// By pivot_root(2).
    Root,
    /// By moving it over `/`, where pivot_root cannot work (root on a ramdisk).
    Move,
}

/// Whether the container gets a session keyring of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyring {
    /// A new one.
    New,
    /// The caller's.
    Inherited,
}

/// What is to be launched.
pub enum Work<'a> {
    /// A container.
    Create {
        /// Its name.
        id: &'a str,
        /// OCI bundle.
        bundle: &'a Path,
        /// Root filesystem.
        rootfs: &'a [shared::shim::Mount],
        /// Wins over the spec's.
        netns: Option<OwnedFd>,
        /// Where it waits.
        gate: Gate,
        /// How `/` is changed.
        pivot: Pivot,
        /// Session keyring.
        keyring: Keyring,
        /// A socket that the terminal's master is sent to instead of the caller.
        console: Option<OwnedFd>,
    },
    /// A further process.
    Exec {
        /// The container's first process.
        init: i32,
        /// As above.
        console: Option<OwnedFd>,
        /// Who is told of system calls that the filter leaves to others.
        listener: Option<Listener>,
    },
}

/// One launch.
pub struct Launch<'a> {
    /// OCI spec, or OCI process for an exec.
    pub spec: OwnedFd,
    /// Compiled filter.
    pub seccomp: Option<OwnedFd>,
    /// `None`: the caller's own.
    pub cgroup: Option<&'a dyn Cgroup>,
    /// Standard streams.
    pub io: Io,
    /// Descriptors from 3 on that the program inherits.
    pub preserved: u32,
    /// Give up then.
    pub end: Instant,
    /// What.
    pub work: Work<'a>,
}

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

fn reap(pid: i32) -> Result<WaitStatus> {
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

impl Launch<'_> {
    /// In the fork: closes what belongs to the caller alone.
    pub fn close_inherited(&self, socket: &OwnedFd) -> Result<()> {
        let mut keep: Vec<RawFd> = vec![self.spec.as_raw_fd(), socket.as_raw_fd()];
        keep.extend(self.seccomp.iter().map(AsRawFd::as_raw_fd));
        if let Io::Pipes(stdio) = &self.io {
            keep.extend([&stdio.stdin, &stdio.stdout, &stdio.stderr].map(AsRawFd::as_raw_fd));
        }
        keep.extend(3..3 + self.preserved as RawFd);
        match &self.work {
            Work::Create { netns, console, .. } => {
                keep.extend(netns.iter().chain(console).map(AsRawFd::as_raw_fd));
            }
            Work::Exec { console, .. } => keep.extend(console.iter().map(AsRawFd::as_raw_fd)),
        }
        descriptor::keep_only(&keep)
    }
}
