//! A bind whose source is in another mount namespace: `/proc/<pid>/root/...` of a container whose IPC
//! namespace is joined, for its `/dev/shm`. mount(2) refuses those, so the source is copied as a detached
//! tree while inside that namespace and attached after coming back.

use super::source::open_tree;
use nix::sched::CloneFlags;
use shared::error::{Context, Result};
use shared::kernel::namespace;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

/// Process and path inside its root, when `source` is of that kind.
fn parse(source: &Path) -> Option<(i32, PathBuf)> {
    let mut parts = source.strip_prefix("/proc").ok()?.components();
    let Component::Normal(pid) = parts.next()? else { return None };
    let pid = pid.to_str()?.parse().ok()?;
    let root = parts.next()? == Component::Normal("root".as_ref());
    root.then(|| (pid, Path::new("/").join(parts.as_path())))
}

/// A detached copy of `source` when it is of that kind. Must be called by a process of one thread.
pub fn copy(source: &Path) -> Result<Option<OwnedFd>> {
    let Some((pid, path)) = parse(source) else { return Ok(None) };
    let own = namespace::open(Path::new("/proc/self/ns/mnt"))?;
    let theirs = namespace::open(Path::new(&format!("/proc/{pid}/ns/mnt")))?;
    nix::sched::setns(&theirs, CloneFlags::CLONE_NEWNS)
        .with_context(|| format!("enter the mount namespace of process {pid}"))?;
    let tree = open_tree(&path, true);
    nix::sched::setns(&own, CloneFlags::CLONE_NEWNS).context("come back from a mount namespace")?;
    tree.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_roots_of_processes_are_foreign() {
        let got = parse(Path::new("/proc/42/root/dev/shm"));
        assert_eq!(got, Some((42, PathBuf::from("/dev/shm"))));
        for other in ["/dev/shm", "/proc/42/rootx/a", "/proc/self/root/a", "/proc/42"] {
            assert_eq!(parse(Path::new(other)), None, "{other}");
        }
    }
}
