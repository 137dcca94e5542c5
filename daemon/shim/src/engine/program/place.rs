//! Where a foreign runtime finds its bundle: a mount namespace of the shim's own, the root filesystem
//! mounted in it, the spec with what only the shim knows.

use nix::mount::MsFlags;
use nix::sched::{CloneFlags, unshare};
use serde_json::{Value, json};
use shared::error::{Context, Error, Result};
use shared::kernel::cgroup;
use shared::kernel::mount::{self, Mounted, Options};
use shared::shim::Mount;
use std::path::Path;

/// Leaves the host's mount namespace. What is mounted on the host later still appears here; what is
/// mounted at the bundle stays here. Other mounts stay what they were, so that a volume with shared
/// propagation works.
pub fn enter(bundle: &Path) -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).context("make a mount namespace")?;
    let real = std::fs::canonicalize(bundle).context("find the bundle")?;
    let all = mount::mountinfo(Path::new("/proc/self/mountinfo"))?;
    loosen(&all, &real)?;
    if cgroup::Layout::detect()?.version == cgroup::Version::V1 {
        hide_second(&all)?;
    }
    Ok(())
}

/// Makes the mount that holds `path` tell the host nothing.
fn loosen(all: &[Mounted], path: &Path) -> Result<()> {
    let holders = all.iter().filter(|mounted| path.starts_with(&mounted.target));
    let holder = holders.max_by_key(|mounted| mounted.target.as_os_str().len());
    let holder = holder.ok_or_else(|| Error::internal("the bundle is on no mount"))?;
    mount::propagate(&holder.target, MsFlags::MS_SLAVE)
}

/// Where the controllers are in version 1, a mounted cgroup2 is of no use, and crun refuses to work
/// beside one that has controllers, too.
fn hide_second(all: &[Mounted]) -> Result<()> {
    for second in all.iter().filter(|mounted| mounted.kind == "cgroup2") {
        if let Some(above) = second.target.parent() {
            loosen(all, above)?;
            mount::detach(&second.target)?;
        }
    }
    Ok(())
}

/// Mounts everything at `rootfs`, in order; returns how many mounts there are.
pub fn mount_all(rootfs: &Path, mounts: &[Mount]) -> Result<usize> {
    std::fs::create_dir_all(rootfs).context("make the root filesystem's mount point")?;
    for entry in mounts {
        let options = Options::parse(entry.options.iter().map(String::as_str));
        if options.bind() {
            mount::bind(Path::new(&entry.source), rootfs, options.flags)?;
            let rest = options.flags & !(MsFlags::MS_BIND | MsFlags::MS_REC);
            if !rest.is_empty() {
                mount::remount(rootfs, rest)?;
            }
        } else {
            mount::mount(&entry.source, rootfs, &entry.kind, options.flags, &options.data)?;
        }
    }
    Ok(mounts.len())
}

/// The spec as the program shall read it: the network namespace by path, no limit on processes where
/// none is meant (crun writes the -1 that means it, which the kernel refuses).
pub fn spec(bytes: &[u8], netns: Option<&str>) -> Result<Vec<u8>> {
    let mut spec: Value = serde_json::from_slice(bytes)
        .map_err(|e| Error::invalid(format!("decode the OCI spec: {e}")))?;
    if let Some(resources) = spec.pointer_mut("/linux/resources") {
        drop_unlimited(resources);
    }
    if let Some(netns) = netns {
        let linux =
            spec.as_object_mut().ok_or_else(|| Error::invalid("the OCI spec is no object"))?;
        let linux = linux.entry("linux").or_insert_with(|| json!({}));
        let namespaces =
            linux.as_object_mut().map(|l| l.entry("namespaces").or_insert_with(|| json!([])));
        let namespaces = namespaces.and_then(Value::as_array_mut);
        let namespaces = namespaces.ok_or_else(|| Error::invalid("linux.namespaces is no list"))?;
        namespaces.retain(|namespace| namespace["type"] != "network");
        namespaces.push(json!({"type": "network", "path": netns}));
    }
    serde_json::to_vec(&spec).context("encode the OCI spec")
}

/// Resources as crun can write them. A limit on processes that is taken away stays, there.
pub fn resources(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut resources: Value = serde_json::from_slice(bytes)
        .map_err(|e| Error::invalid(format!("decode the resources: {e}")))?;
    drop_unlimited(&mut resources);
    serde_json::to_vec(&resources).context("encode the resources")
}

fn drop_unlimited(resources: &mut Value) {
    let limit = resources.pointer("/pids/limit").and_then(Value::as_i64);
    if limit.is_some_and(|limit| limit <= 0)
        && let Some(resources) = resources.as_object_mut()
    {
        resources.remove("pids");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_namespace_goes_in_by_path() {
        let given = br#"{"linux":{"namespaces":[{"type":"pid"},{"type":"network"}]},"x":1}"#;
        assert_eq!(spec(given, None).unwrap(), given);
        let unlimited = br#"{"linux":{"resources":{"cpu":{},"pids":{"limit":-1}}}}"#;
        assert_eq!(spec(unlimited, None).unwrap(), br#"{"linux":{"resources":{"cpu":{}}}}"#);
        let limited = br#"{"linux":{"resources":{"pids":{"limit":5}}}}"#;
        assert_eq!(spec(limited, None).unwrap(), limited);
        let changed: Value =
            serde_json::from_slice(&spec(given, Some("/proc/1/fd/9")).unwrap()).unwrap();
        let namespaces = json!([{"type": "pid"}, {"type": "network", "path": "/proc/1/fd/9"}]);
        assert_eq!(changed, json!({"linux": {"namespaces": namespaces}, "x": 1}));
        assert!(spec(b"[]", Some("/x")).is_err() && spec(b"{", Some("/x")).is_err());
    }
}
