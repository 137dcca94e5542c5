//! Mounts of a container as archives care: which paths of a running one to leave out, and a root with
//! the volumes of one that does not run.

use super::super::root::Root;
use shared::error::Result;
use shared::kernel::detached::{Graft, detached_with};
use shared::kernel::mount::mountinfo;
use shared::shim::Mount;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Where a walk stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// At the kernel's own filesystems: volumes are entered (`docker cp`).
    Kernel,
    /// At these mount points as well: only the container's own tree is wanted (`docker export`).
    Mounts(HashSet<PathBuf>),
}

impl Boundary {
    /// Every mount that a running container has below its root.
    pub fn of_process(pid: i32) -> Result<Self> {
        let mounted = mountinfo(Path::new(&format!("/proc/{pid}/mountinfo")))?;
        let points = mounted.into_iter().map(|m| m.target);
        Ok(Boundary::Mounts(points.filter(|p| p != Path::new("/")).collect()))
    }

    /// Something of another filesystem is mounted there.
    pub fn is_mount(&self, path: &Path) -> bool {
        match self {
            Boundary::Kernel => false,
            Boundary::Mounts(points) => points.contains(path),
        }
    }
}

/// The root of a container that does not run, with its volumes and binds in place: a mount that is
/// attached nowhere. `scratch` is an existing empty folder.
pub fn stopped(rootfs: &[Mount], grafts: &[Graft], scratch: &Path) -> Result<Root> {
    detached_with(rootfs, grafts, scratch).map(Root::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read() {
        let boundary = Boundary::of_process(std::process::id() as i32).unwrap();
        assert!(boundary.is_mount(Path::new("/proc")));
        assert!(!boundary.is_mount(Path::new("/")));
    }
}
