//! `spec`: a `config.json` to begin with.

use super::arguments::{SPEC, Spec};
use serde_json::{Value, json};
use shared::error::{Context, Error, Kind, Result};
use shared::kernel::cgroup::{Layout, Version};
use std::path::Path;

/// Writes it into the bundle; one that is there is not touched.
pub fn run(args: &Spec) -> Result<u8> {
    let bundle = args.bundle.as_deref().unwrap_or(Path::new("."));
    let path = bundle.join("config.json");
    if path.exists() {
        return Err(Error::new(Kind::Conflict, "file config.json exists. Remove it first"));
    }
    let mut spec = default();
    if args.rootless {
        rootless(&mut spec);
    }
    if matches!(Layout::detect().map(|l| l.version), Ok(Version::V2))
        && let Some(namespaces) = spec["linux"]["namespaces"].as_array_mut()
    {
        namespaces.push(json!({"type": "cgroup"}));
    }
    let text = serde_json::to_string_pretty(&spec).context("encode the spec")?;
    std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(0)
}

fn default() -> Value {
    let capabilities = json!(["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]);
    json!({
        "ociVersion": SPEC,
        "process": {
            "terminal": true,
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": {
                "bounding": capabilities, "effective": capabilities,
                "permitted": capabilities, "ambient": capabilities,
            },
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs", "readonly": true},
        "hostname": "coffer",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
             "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
             "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs",
             "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
             "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]},
        ],
        "linux": {
            "resources": {"devices": [{"allow": false, "access": "rwm"}]},
            "namespaces": [
                {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"},
            ],
            "maskedPaths": [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
            ],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    })
}

/// For a container of whoever calls: a user namespace that maps them to root.
fn rootless(spec: &mut Value) {
    let map = |id: u32| json!([{"containerID": 0, "hostID": id, "size": 1}]);
    spec["linux"]["uidMappings"] = map(nix::unistd::getuid().as_raw());
    spec["linux"]["gidMappings"] = map(nix::unistd::getgid().as_raw());
    if let Some(linux) = spec["linux"].as_object_mut() {
        linux.remove("resources");
    }
    if let Some(namespaces) = spec["linux"]["namespaces"].as_array_mut() {
        namespaces.retain(|n| n["type"] != "network");
        namespaces.push(json!({"type": "user"}));
    }
    if let Some(mounts) = spec["mounts"].as_array_mut() {
        mounts.retain(|m| m["destination"] != "/sys/fs/cgroup" && m["destination"] != "/sys");
        mounts.push(json!({"destination": "/sys", "type": "none", "source": "/sys",
            "options": ["rbind", "nosuid", "noexec", "nodev", "ro"]}));
        for mount in mounts {
            if let Some(options) = mount["options"].as_array_mut() {
                options.retain(|o| !o.as_str().is_some_and(|o| o.starts_with("gid=")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_valid() {
        let mut spec = default();
        let parsed = serde_json::from_value(spec.clone()).unwrap();
        crate::validate::spec(&parsed).unwrap();
        rootless(&mut spec);
        crate::validate::spec(&serde_json::from_value(spec).unwrap()).unwrap();
    }
}
