//! The shim's own place: its session, its cgroup, its standing with the OOM killer. What the kernel
//! refuses is a warning, never a failure.

use nix::errno::Errno;
use shared::error::{Context, Result};
use shared::kernel::cgroup::{self, Cgroup, Version};
use std::os::fd::AsRawFd;

const FILE: &str = "/proc/self/oom_score_adj";
/// Just above "never": if nothing else is left, the kernel may still take a shim.
const PROTECTED: &str = "-998";

/// The shim's standing with the OOM killer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Protected; children have to be born without it.
    Protected,
    /// As it was inherited.
    Ordinary,
}

impl Standing {
    /// Asks for protection. Where the machine refuses, the daemon has said so once at its start: a
    /// warning per container would drown others.
    pub fn protect() -> Self {
        match std::fs::write(FILE, PROTECTED) {
            Ok(()) => Self::Protected,
            Err(error) => {
                if error.kind() != std::io::ErrorKind::PermissionDenied {
                    crate::warn(&format!("protect the shim from the OOM killer: {error}"));
                }
                Self::Ordinary
            }
        }
    }

    /// Runs `work`, which starts processes, without the protection, which they would inherit.
    pub fn lifted<T>(self, work: impl FnOnce() -> T) -> T {
        if self == Self::Ordinary {
            return work();
        }
        // Raising the score is always allowed, and who could lower it once can do so again.
        let _allowed = std::fs::write(FILE, "0");
        let result = work();
        let _allowed = std::fs::write(FILE, PROTECTED);
        result
    }
}

/// A session of its own, so that no terminal's signal reaches it; and every orphan of the container
/// becomes its child, so that no exit is missed.
pub fn detach() -> Result<()> {
    // Executed by way of a descriptor, it would be called by that one's number.
    nix::sys::prctl::set_name(c"coffer-shim").context("set the process's name")?;
    match nix::unistd::setsid() {
        Ok(_) | Err(Errno::EPERM) => {} // EPERM: it leads a session already
        Err(e) => return Err(e).context("start a session"),
    }
    nix::sys::prctl::set_child_subreaper(true).context("become the reaper of orphans")
}

/// Moves the shim into its cgroup.
pub fn enter(group: &str) -> Result<()> {
    let group = cgroup::open(group)?;
    // Nearly always another shim has made it before.
    let entered = group.enter().or_else(|_| group.create().and_then(|()| group.enter()));
    entered.context("enter the shim's cgroup")?;
    match group.version() {
        Version::V1 if beside()? => follow(&*group),
        _ => Ok(()),
    }
}

/// On a hybrid machine: whether the daemon has a group of the version 2 hierarchy, by which a service
/// manager would end us with it.
fn beside() -> Result<bool> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").context("read our cgroups")?;
    Ok(groups.lines().any(|line| line.strip_prefix("0::").is_some_and(|path| path != "/")))
}

/// Enters the group in that hierarchy too, which costs a grace period of the kernel.
fn follow(group: &dyn Cgroup) -> Result<()> {
    let Some(folder) = group.directory()? else { return Ok(()) };
    let path = format!("/proc/self/fd/{}/cgroup.procs", folder.as_raw_fd());
    std::fs::write(path, "0").context("leave the daemon's cgroup")
}
