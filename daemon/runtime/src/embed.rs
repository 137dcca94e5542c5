//! The runtime for a process that parents the container itself: the shim. Every function blocks and
//! runs on one thread; the spec is parsed in a forked child, so that the caller stays small.
//!
//! ```no_run
//! # use runtime::embed::*;
//! # fn example(args: CreateArgs<'_>) -> shared::error::Result<()> {
//! let created = create(args)?; // the caller is now the parent of process `created.pid`
//! start(created.start)?; // Ok: the program runs
//! # Ok(()) }
//! ```
//!
//! A program that is not found or not executable is an error of [`create`] (kind `Invalid`, runc's
//! words). After a failed [`start`] or [`exec`] nothing is left to wait for. Beyond the OCI spec,
//! `process.user.username` is honoured: `name`, `name:group`, `uid:gid`, looked up in the container's
//! own `/etc/passwd` and `/etc/group`; it wins over `uid`, `gid`.

use crate::sync::{self, Packet};
use crate::work::{Gate, Keyring, Launch, Pivot, Work};
use crate::{fork, launch};
use shared::error::{Context, Error, Kind, Result};
use shared::kernel::cgroup::{self, Freeze};
use shared::kernel::namespace::Namespace;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

pub use crate::work::{Io, Stdio};

/// What [`create`] needs.
#[derive(Debug)]
pub struct CreateArgs<'a> {
    /// Name of the container, for hooks and messages.
    pub id: &'a str,
    /// OCI bundle; the root filesystem is at `spec.root.path` in it.
    pub bundle: &'a Path,
    /// A memfd with the OCI spec in JSON.
    pub spec: OwnedFd,
    /// Mounted in order at the root filesystem's place, inside the container's mount namespace.
    pub rootfs: &'a [shared::shim::Mount],
    /// Compiled filter (an array of `struct sock_filter`); `None` compiles the spec's.
    pub seccomp: Option<OwnedFd>,
    /// The network namespace; wins over the spec's.
    pub netns: Option<OwnedFd>,
    /// The container's cgroup below each hierarchy's root: `/coffer/<id>`.
    pub cgroup: &'a str,
    /// Standard streams.
    pub io: Io,
    /// How long the container may take to get ready.
    pub timeout: Duration,
}

/// A container that waits for [`start`].
#[derive(Debug)]
pub struct Created {
    /// Its first process, a child of the caller.
    pub pid: i32,
    /// The gate: [`start`] opens it, dropping it ends the process.
    pub start: OwnedFd,
    /// The terminal's master.
    pub terminal: Option<OwnedFd>,
    /// What was left out, one sentence each.
    pub warnings: Vec<String>,
}

/// Makes a container up to the point where its program would be executed. On failure nothing is
/// left: processes are reaped, the cgroup is removed.
pub fn create(args: CreateArgs<'_>) -> Result<Created> {
    let group = cgroup::open(args.cgroup)?;
    let work = Work::Create {
        id: args.id,
        bundle: args.bundle,
        rootfs: args.rootfs,
        netns: args.netns,
        gate: Gate::Socket,
        pivot: Pivot::Root,
        keyring: Keyring::New,
        console: None,
    };
    let launched = launch::run(Launch {
        spec: args.spec,
        seccomp: args.seccomp,
        cgroup: Some(group.as_ref()),
        io: args.io,
        preserved: 0,
        end: Instant::now() + args.timeout,
        work,
    });
    match launched {
        Ok(done) => Ok(Created {
            pid: done.pid,
            start: done.socket,
            terminal: done.terminal,
            warnings: done.warnings,
        }),
        Err(error) => Err(match group.remove() {
            Ok(()) => error,
            Err(second) => Error::new(error.kind(), format!("{error} (and then: {second})")),
        }),
    }
}

/// Lets the program run. `Ok` once `execve` has succeeded; on failure the process ends by itself with
/// status 127 or 126, and the caller reaps it as any other.
pub fn start(gate: OwnedFd) -> Result<()> {
    sync::send(&gate, &Packet::Go, None).context("the container ended before it was started")?;
    match sync::receive(&gate)? {
        None => Ok(()),
        Some((Packet::Failed(failure), _)) => Err(failure.into()),
        Some((other, _)) => Err(Error::internal(format!("unexpected packet {other:?}"))),
    }
}

/// What [`exec`] needs.
#[derive(Debug)]
pub struct ExecArgs<'a> {
    /// The container's first process.
    pub init: i32,
    /// A memfd with the OCI `process` object in JSON.
    pub process: OwnedFd,
    /// Compiled filter.
    pub seccomp: Option<OwnedFd>,
    /// The container's cgroup, as in [`CreateArgs`].
    pub cgroup: &'a str,
    /// Standard streams.
    pub io: Io,
    /// How long it may take until the program runs.
    pub timeout: Duration,
}

/// A further process.
#[derive(Debug)]
pub struct Execed {
    /// A child of the caller.
    pub pid: i32,
    /// The terminal's master.
    pub terminal: Option<OwnedFd>,
    /// What was left out, one sentence each.
    pub warnings: Vec<String>,
}

/// Runs a further program in the container; `Ok` once `execve` has succeeded. `Conflict` when the
/// container ended meanwhile.
pub fn exec(args: ExecArgs<'_>) -> Result<Execed> {
    let group = cgroup::open(args.cgroup)?;
    let end = Instant::now() + args.timeout;
    let done = launch::run(Launch {
        spec: args.process,
        seccomp: args.seccomp,
        cgroup: Some(group.as_ref()),
        io: args.io,
        preserved: 0,
        end,
        work: Work::Exec { init: args.init, console: None, listener: None },
    });
    // A process that ends loses its namespaces first: whatever went wrong, there was nothing to enter.
    let lives = || Namespace::Mount.identity(args.init).is_ok();
    let done = done.map_err(|e| if lives() { e } else { e.with_kind(Kind::Conflict) })?;
    Ok(Execed { pid: done.pid, terminal: done.terminal, warnings: done.warnings })
}

/// Freezes every process of the container.
pub fn pause(cgroup: &str) -> Result<()> {
    cgroup::open(cgroup)?.freeze(Freeze::Frozen)
}

/// Thaws them.
pub fn resume(cgroup: &str) -> Result<()> {
    cgroup::open(cgroup)?.freeze(Freeze::Thawed)
}

/// Changes limits. `resources` is a memfd with OCI's `linux.resources` in JSON; it is parsed in a forked
/// child. Returns what this kernel cannot do, one sentence each.
pub fn update(cgroup: &str, resources: OwnedFd) -> Result<Vec<String>> {
    let group = cgroup::open(cgroup)?;
    fork::in_a_fork(|| {
        let bytes = crate::descriptor::read_all(resources, "the resources")?;
        let resources = serde_json::from_slice(&bytes)
            .map_err(|e| Error::invalid(format!("the resources are not understood: {e}")))?;
        group.apply(&crate::resource::limits(&resources)?)
    })
}

/// Sends a signal to every process of the container.
pub fn kill_all(cgroup: &str, signal: i32) -> Result<()> {
    cgroup::open(cgroup)?.kill(signal)
}

/// Kills what is left and removes the cgroup; one that is gone is fine.
pub fn delete(cgroup: &str) -> Result<()> {
    let group = cgroup::open(cgroup)?;
    group.kill(libc::SIGKILL)?;
    group.remove()
}

/// Whether the gate of a created container still has someone waiting behind it.
pub fn waiting(gate: impl AsFd) -> bool {
    let mut fds = [nix::poll::PollFd::new(gate.as_fd(), nix::poll::PollFlags::POLLIN)];
    // Nothing is sent before Go: readable means that it has ended.
    matches!(nix::poll::poll(&mut fds, nix::poll::PollTimeout::ZERO), Ok(0))
}
