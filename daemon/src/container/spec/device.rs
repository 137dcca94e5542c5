//! Devices: those that every container may use, `--device`, `--device-cgroup-rule`, privileged.
//!
//! Looks at device nodes of the host, never opens one.

use oci_spec::runtime::{LinuxDevice, LinuxDeviceCgroup, LinuxDeviceType};
use shared::docker::{DeviceMapping, HostConfig};
use shared::error::{Context, Error, Kind, Result};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Nodes to make in the container, and what its cgroup allows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Devices {
    /// Beyond the runtime's own (`null`, `zero`, ...).
    pub nodes: Vec<LinuxDevice>,
    /// In the order in which they hold; the first denies everything.
    pub rules: Vec<LinuxDeviceCgroup>,
}

/// Folders and files of the host's `/dev` that privileged containers do not get: they have their own.
const SKIPPED: [&str; 8] =
    ["pts", "shm", "fd", "mqueue", "console", ".lxc", ".lxd-mounts", ".udev"];

/// How deep `/dev` is searched, and how many nodes are taken, at most.
const DEPTH_MAX: usize = 8;
const NODES_MAX: usize = 4096;

/// Major and minor number of the device node at `path`.
pub fn number(path: &str) -> Result<(i64, i64)> {
    let meta = fs::metadata(path)
        .with_context(|| format!("stat {path}"))
        .map_err(|e| e.with_kind(Kind::Invalid))?;
    Ok(split(meta.rdev()))
}

fn split(device: u64) -> (i64, i64) {
    (libc::major(device).into(), libc::minor(device).into())
}

fn rule(
    allow: bool,
    kind: LinuxDeviceType,
    number: (Option<i64>, Option<i64>),
    access: &str,
) -> LinuxDeviceCgroup {
    let mut rule = LinuxDeviceCgroup::default();
    rule.set_allow(allow)
        .set_typ(Some(kind))
        .set_major(number.0)
        .set_minor(number.1)
        .set_access(Some(access.to_owned()));
    rule
}

/// What every container may use: making any node, and the harmless character devices.
fn usual() -> Vec<LinuxDeviceCgroup> {
    use LinuxDeviceType::{A, B, C};
    let mut rules = vec![
        rule(false, A, (None, None), "rwm"),
        rule(true, C, (None, None), "m"),
        rule(true, B, (None, None), "m"),
    ];
    let known = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)];
    rules.extend(known.map(|(major, minor)| rule(true, C, (Some(major), Some(minor)), "rwm")));
    rules.push(rule(true, C, (Some(136), None), "rwm"));
    rules
}

/// Decides nodes and rules.
///
/// # Errors
/// `Invalid`, in Docker's words, for a device or rule that cannot be.
pub fn devices(asked: &HostConfig) -> Result<Devices> {
    if asked.privileged.unwrap_or_default() {
        let mut nodes = Vec::new();
        walk(Path::new("/dev"), 0, &mut nodes);
        for mapping in asked.devices.iter().flatten() {
            nodes.extend(mapped(mapping)?);
        }
        let rules = vec![rule(true, LinuxDeviceType::A, (None, None), "rwm")];
        return Ok(Devices { nodes, rules });
    }
    let mut devices = Devices { nodes: Vec::new(), rules: usual() };
    for mapping in asked.devices.iter().flatten() {
        let access = permissions(mapping)?;
        for node in mapped(mapping)? {
            let number = (Some(node.major()), Some(node.minor()));
            devices.rules.push(rule(true, node.typ(), number, access));
            devices.nodes.push(node);
        }
    }
    for text in asked.device_cgroup_rules.iter().flatten() {
        devices.rules.push(parse_rule(text)?);
    }
    Ok(devices)
}

fn permissions(mapping: &DeviceMapping) -> Result<&str> {
    let text = mapping.cgroup_permissions.as_deref().filter(|p| !p.is_empty()).unwrap_or("rwm");
    match text.bytes().all(|b| b"rwm".contains(&b)) {
        true => Ok(text),
        false => Err(Error::invalid(format!("invalid device mode: {text}"))),
    }
}

/// The node, or all nodes below the folder, that `--device` names.
fn mapped(mapping: &DeviceMapping) -> Result<Vec<LinuxDevice>> {
    let host = mapping.path_on_host.as_deref().unwrap_or_default();
    let target = mapping.path_in_container.as_deref().filter(|p| !p.is_empty()).unwrap_or(host);
    let gather =
        || format!("error gathering device information while adding custom device {host:?}");
    let meta = fs::metadata(host)
        .map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::invalid("no such file or directory"),
            _ => Error::invalid(e.to_string()),
        })
        .with_context(gather)?;
    if let Some(node) = node(Path::new(target), &meta) {
        return Ok(vec![node]);
    }
    if !meta.is_dir() {
        return Err(Error::invalid("not a device node")).with_context(gather);
    }
    let mut nodes = Vec::new();
    walk(Path::new(host), 0, &mut nodes);
    for node in &mut nodes {
        if let Ok(rest) = node.path().strip_prefix(host) {
            let moved = Path::new(target).join(rest);
            node.set_path(moved);
        }
    }
    Ok(nodes)
}

fn node(path: &Path, meta: &fs::Metadata) -> Option<LinuxDevice> {
    let kind = match meta.file_type() {
        t if t.is_block_device() => LinuxDeviceType::B,
        t if t.is_char_device() => LinuxDeviceType::C,
        _ => return None,
    };
    let (major, minor) = split(meta.rdev());
    let mut device = LinuxDevice::default();
    device.set_path(path.to_owned()).set_typ(kind).set_major(major).set_minor(minor);
    device
        .set_file_mode(Some(meta.mode() & 0o7777))
        .set_uid(Some(meta.uid()))
        .set_gid(Some(meta.gid()));
    Some(device)
}

/// Every device node below `folder`. What vanishes meanwhile is left out: `/dev` of a host is alive.
fn walk(folder: &Path, depth: usize, nodes: &mut Vec<LinuxDevice>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if SKIPPED.iter().any(|s| entry.file_name() == *s) || nodes.len() >= NODES_MAX {
            continue;
        }
        let path = entry.path();
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if meta.is_dir() && depth < DEPTH_MAX {
            walk(&path, depth + 1, nodes);
        } else if let Some(node) = node(&path, &meta) {
            nodes.push(node);
        }
    }
}

/// Refuses a bad rule.
pub fn check_rule(text: &str) -> Result<()> {
    parse_rule(text).map(drop)
}

/// A rule as in `--device-cgroup-rule`: `c 1:3 mr`, `*` for any number.
fn parse_rule(text: &str) -> Result<LinuxDeviceCgroup> {
    let bad = || Error::invalid(format!("invalid device cgroup rule format: '{text}'"));
    let mut fields = text.split(' ');
    let kind = match fields.next() {
        Some("a") => LinuxDeviceType::A,
        Some("b") => LinuxDeviceType::B,
        Some("c") => LinuxDeviceType::C,
        _ => return Err(bad()),
    };
    let (major, minor) = fields.next().and_then(|n| n.split_once(':')).ok_or_else(bad)?;
    let number = |text: &str| match text {
        "*" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| bad()),
    };
    let access = fields.next().ok_or_else(bad)?;
    let letters =
        !access.is_empty() && access.len() <= 3 && access.bytes().all(|b| b"rwm".contains(&b));
    if !letters || fields.next().is_some() {
        return Err(bad());
    }
    Ok(rule(true, kind, (number(major)?, number(minor)?), access))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(host: &str, target: &str, access: &str) -> HostConfig {
        let mapping = DeviceMapping {
            path_on_host: Some(host.into()),
            path_in_container: Some(target.into()),
            cgroup_permissions: Some(access.into()),
        };
        HostConfig { devices: Some(vec![mapping]), ..HostConfig::default() }
    }

    #[test]
    fn a_device_gets_a_node_and_a_rule() {
        let got = devices(&mapping("/dev/null", "/dev/nothing", "r")).unwrap();
        assert_eq!(got.nodes[0].path(), Path::new("/dev/nothing"));
        assert_eq!((got.nodes[0].major(), got.nodes[0].minor()), (1, 3));
        assert_eq!(got.rules.last().unwrap().access().as_deref(), Some("r"));
        assert!(!got.rules[0].allow(), "everything is denied first");
    }

    #[test]
    fn what_is_no_device_is_told() {
        let text = |asked| devices(&asked).unwrap_err().to_string();
        assert_eq!(
            text(mapping("/dev/nope", "/dev/nope", "rwm")),
            "error gathering device information while adding custom device \"/dev/nope\": \
             no such file or directory"
        );
        assert!(text(mapping("/etc/passwd", "/x", "rwm")).ends_with("not a device node"));
        assert_eq!(text(mapping("/dev/null", "/x", "rx")), "invalid device mode: rx");
    }

    #[test]
    fn rules_are_parsed() {
        let rule = parse_rule("c 10:* rm").unwrap();
        assert_eq!((rule.major(), rule.minor(), rule.allow()), (Some(10), None, true));
        for bad in ["", "d 1:2 r", "c 1 r", "c 1:2", "c 1:2 x", "c 1:2 r r"] {
            assert!(parse_rule(bad).is_err(), "{bad:?}");
        }
    }
}
