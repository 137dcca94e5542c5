//! Which namespaces a container gets new, and which it joins.

use nix::sched::CloneFlags;
use oci_spec::runtime::{Linux, LinuxNamespaceType};
use shared::error::{Context, Error, Kind, Result};
use shared::kernel::namespace::{self, Namespace};
use std::os::fd::OwnedFd;

/// What the spec asks for; files are open already.
pub struct Plan {
    fresh: Vec<Namespace>,
    joined: Vec<(Namespace, OwnedFd)>,
}

/// OCI's names to ours.
pub fn kind(kind: LinuxNamespaceType) -> Namespace {
    match kind {
        LinuxNamespaceType::Mount => Namespace::Mount,
        LinuxNamespaceType::Cgroup => Namespace::Cgroup,
        LinuxNamespaceType::Uts => Namespace::Uts,
        LinuxNamespaceType::Ipc => Namespace::Ipc,
        LinuxNamespaceType::User => Namespace::User,
        LinuxNamespaceType::Pid => Namespace::Pid,
        LinuxNamespaceType::Network => Namespace::Network,
        LinuxNamespaceType::Time => Namespace::Time,
    }
}

/// Reads the spec's list; a given network namespace wins over the spec's.
pub fn plan(linux: &Linux, network: Option<OwnedFd>) -> Result<Plan> {
    let mut plan = Plan { fresh: Vec::new(), joined: Vec::new() };
    for entry in linux.namespaces().as_deref().unwrap_or_default() {
        let kind = kind(entry.typ());
        if kind == Namespace::Network && network.is_some() {
            continue;
        }
        match entry.path().as_deref().filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => plan.joined.push((kind, namespace::open(path)?)),
            None => plan.fresh.push(kind),
        }
    }
    plan.joined.extend(network.map(|fd| (Namespace::Network, fd)));
    // The user namespace first, mounts last.
    let order = |kind: &Namespace| Namespace::ALL.iter().position(|other| other == kind);
    plan.joined.sort_by_key(|(kind, _)| order(kind));
    Ok(plan)
}

impl Plan {
    /// The flags for the clone. A time namespace is no part of it: see [`Plan::shift_time`].
    pub fn fresh(&self) -> CloneFlags {
        let kinds = self.fresh.iter().filter(|kind| **kind != Namespace::Time);
        kinds.fold(CloneFlags::empty(), |flags, kind| flags | kind.flag())
    }

    /// Makes a new time namespace for the clone to be born in: its offsets can be set only while
    /// nobody is in it (time_namespaces(7)).
    pub fn shift_time(&self, linux: &Linux) -> Result<()> {
        if !self.fresh.contains(&Namespace::Time) {
            return Ok(());
        }
        nix::sched::unshare(Namespace::Time.flag()).context("make a time namespace")?;
        for (clock, offset) in linux.time_offsets().iter().flatten() {
            let (seconds, nanos) = (offset.secs().unwrap_or(0), offset.nanosecs().unwrap_or(0));
            std::fs::write("/proc/self/timens_offsets", format!("{clock} {seconds} {nanos}"))
                .context_kind(Kind::Invalid, format!("shift the clock {clock}"))?;
        }
        Ok(())
    }

    /// Whether one of this kind is joined.
    pub fn joins(&self, kind: Namespace) -> bool {
        self.joined.iter().any(|(joined, _)| *joined == kind)
    }

    /// Enters those that are joined; for pids and time it is the clone that is then born there.
    pub fn enter(&self) -> Result<()> {
        self.joined.iter().try_for_each(|(kind, fd)| kind.enter(fd))
    }
}

/// Enters every namespace of a process that is not ours already. True if its user namespace was one.
pub fn enter_all(pid: i32) -> Result<bool> {
    let mut entered = Vec::new();
    for kind in Namespace::ALL {
        let theirs = match kind.identity(pid) {
            // A kernel without time namespaces.
            Err(_) if kind == Namespace::Time => continue,
            other => other?,
        };
        // What our children are born into is what counts for pids; before this both are the same.
        if theirs != kind.identity(std::process::id() as i32)? {
            entered.push((kind, kind.of(pid)?));
        }
    }
    entered.iter().try_for_each(|(kind, fd)| kind.enter(fd))?;
    if !entered.iter().any(|(kind, _)| *kind == Namespace::Mount) {
        root_of(pid)?;
    }
    Ok(entered.iter().any(|(kind, _)| *kind == Namespace::User))
}

/// A container without a mount namespace of its own is in a changed root.
fn root_of(pid: i32) -> Result<()> {
    let root = format!("/proc/{pid}/root");
    nix::unistd::chroot(root.as_str())
        .and_then(|()| nix::unistd::chdir("/"))
        .map_err(|error| Error::internal(format!("change the root to {root}: {error}")))
}
