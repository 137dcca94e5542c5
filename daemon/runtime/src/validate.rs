//! Refuses a bad spec before anything is touched. Pure; runc's words where it has some.

use oci_spec::runtime::{Linux, LinuxNamespaceType, Process, Spec};
use shared::error::{Error, Result};
use std::collections::BTreeSet;

/// The whole spec.
pub fn spec(spec: &Spec) -> Result<()> {
    version(spec.version())?;
    if spec.root().is_none() {
        return Err(Error::invalid("root must be specified"));
    }
    if let Some(entry) = spec.process() {
        process(entry)?;
    }
    let linux = spec.linux().clone().unwrap_or_default();
    unsupported(spec, &linux)?;
    namespaces(&linux)?;
    if spec.hostname().as_deref().is_some_and(|n| !n.is_empty())
        && !has(&linux, LinuxNamespaceType::Uts)
    {
        return Err(Error::invalid("unable to set hostname without a private UTS namespace"));
    }
    for entry in spec.mounts().as_deref().unwrap_or_default() {
        if !entry.destination().is_absolute() {
            return Err(Error::invalid(format!(
                "mount destination {} is not absolute",
                entry.destination().display()
            )));
        }
    }
    sysctl(&linux)
}

/// Known to the specification, but not to this runtime: refused, so that nobody counts on it.
fn unsupported(spec: &Spec, linux: &Linux) -> Result<()> {
    let process = spec.process().as_ref();
    let asked = [
        ("linux.intelRdt", linux.intel_rdt().is_some()),
        ("linux.memoryPolicy", linux.memory_policy().is_some()),
        ("linux.netDevices", linux.net_devices().as_ref().is_some_and(|d| !d.is_empty())),
        ("process.execCPUAffinity", process.is_some_and(|p| p.exec_cpu_affinity().is_some())),
    ];
    match asked.iter().find(|(_, asked)| *asked) {
        Some((name, _)) => Err(Error::unimplemented(format!("{name} is not supported"))),
        None => Ok(()),
    }
}

/// Any 1.x, with or without a suffix (semver).
fn version(version: &str) -> Result<()> {
    let numbers: Vec<&str> =
        version.split(['-', '+']).next().unwrap_or_default().split('.').collect();
    let fine =
        numbers.len() == 3 && numbers.iter().all(|n| n.parse::<u32>().is_ok()) && numbers[0] == "1";
    if !fine {
        return Err(Error::invalid(format!("ociVersion {version:?} is not one of 1.x.y")));
    }
    Ok(())
}

/// A program to run.
pub fn process(process: &Process) -> Result<()> {
    if process.cwd().as_os_str().is_empty() {
        return Err(Error::invalid("Cwd property must not be empty"));
    }
    if !process.cwd().is_absolute() {
        return Err(Error::invalid("Cwd must be an absolute path"));
    }
    if process.args().as_deref().unwrap_or_default().is_empty() {
        return Err(Error::invalid("args must not be empty"));
    }
    let mut seen = BTreeSet::new();
    for limit in process.rlimits().as_deref().unwrap_or_default() {
        if !seen.insert(limit.typ().to_string()) {
            return Err(Error::invalid(format!("rlimit {} is given twice", limit.typ())));
        }
        if limit.soft() > limit.hard() {
            return Err(Error::invalid(format!(
                "rlimit {}: soft {} is above hard {}",
                limit.typ(),
                limit.soft(),
                limit.hard()
            )));
        }
    }
    Ok(())
}

fn has(linux: &Linux, kind: LinuxNamespaceType) -> bool {
    linux.namespaces().as_deref().unwrap_or_default().iter().any(|n| n.typ() == kind)
}

fn private(linux: &Linux, kind: LinuxNamespaceType) -> bool {
    has(linux, kind)
}

fn namespaces(linux: &Linux) -> Result<()> {
    let mut seen = Vec::new();
    for entry in linux.namespaces().as_deref().unwrap_or_default() {
        if seen.contains(&entry.typ()) {
            return Err(Error::invalid(format!(
                "malformed spec file: duplicated ns {:?}",
                entry.typ().to_string().to_lowercase()
            )));
        }
        seen.push(entry.typ());
    }
    let mapped = |m: &Option<Vec<_>>| m.as_deref().is_some_and(|m: &[_]| !m.is_empty());
    if !has(linux, LinuxNamespaceType::User)
        && (mapped(linux.uid_mappings()) || mapped(linux.gid_mappings()))
    {
        return Err(Error::invalid(
            "User namespace mappings specified, but USER namespace isn't enabled in the config",
        ));
    }
    Ok(())
}

/// Only keys that belong to a namespace that the container has for itself; the rest are the host's.
fn sysctl(linux: &Linux) -> Result<()> {
    const IPC: [&str; 8] = [
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
    ];
    for key in linux.sysctl().iter().flatten().map(|(key, _)| key) {
        let dotted = if key.contains('.') && key.find('.') < key.find('/').or(Some(usize::MAX)) {
            key.clone()
        } else {
            key.replace('/', ".")
        };
        let needed = if IPC.contains(&dotted.as_str()) || dotted.starts_with("fs.mqueue.") {
            LinuxNamespaceType::Ipc
        } else if dotted.starts_with("net.") {
            LinuxNamespaceType::Network
        } else if dotted == "kernel.domainname" || dotted == "kernel.hostname" {
            LinuxNamespaceType::Uts
        } else {
            return Err(Error::invalid(format!(
                "sysctl {key:?} is not in a separate kernel namespace"
            )));
        };
        if !private(linux, needed) {
            return Err(Error::invalid(format!(
                "sysctl {key:?} is not allowed in the hosts {} namespace",
                match needed {
                    LinuxNamespaceType::Network => "network",
                    LinuxNamespaceType::Ipc => "ipc",
                    _ => "uts",
                }
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> String {
        spec(&serde_json::from_str(json).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn bad_specs() {
        assert!(refused(r#"{"ociVersion":"2.0.0"}"#).contains("ociVersion"));
        assert!(refused(r#"{"ociVersion":"1.0.2-dev"}"#).contains("root"));
        let process = r#"{"ociVersion":"1.0.2","root":{"path":"r"},"process":{"user":{},"cwd":"/","args":[]}}"#;
        assert_eq!(refused(process), "args must not be empty");
        let linux = r#"{"ociVersion":"1.0.2","root":{"path":"r"},"linux":{"sysctl":{"kernel.panic":"1"},
            "namespaces":[{"type":"ipc"}]}}"#;
        assert!(refused(linux).contains("not in a separate kernel namespace"));
        let twice = r#"{"ociVersion":"1.0.2","root":{"path":"r"},
            "linux":{"namespaces":[{"type":"ipc"},{"type":"ipc"}]}}"#;
        assert!(refused(twice).contains("duplicated ns"));
        let net = r#"{"ociVersion":"1.0.2","root":{"path":"r"},"linux":{"sysctl":{"net.ipv4.ip_forward":"1"},
            "namespaces":[{"type":"ipc"}]}}"#;
        assert!(refused(net).contains("hosts network namespace"));
    }
}
