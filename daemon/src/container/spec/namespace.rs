//! The `linux.namespaces` section, and what the words of `--network`, `--pid`, `--ipc`, `--uts`,
//! `--cgroupns` mean. Pure.

use super::host::Host;
use oci_spec::runtime::{LinuxNamespace, LinuxNamespaceType};
use shared::docker::{HostConfig, HostConfigCgroupnsModeEnum};
use shared::error::{Error, Result};
use std::path::PathBuf;

/// Whose namespace a container is in, as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A new one.
    Private,
    /// A new one that others may join (only `--ipc shareable`).
    Shareable,
    /// None at all (only `--ipc none`).
    None,
    /// The host's.
    Host,
    /// That of another container: name or id.
    Container(String),
}

impl Mode {
    /// The other container whose namespace is joined.
    pub fn container(&self) -> Option<&str> {
        match self {
            Mode::Container(name) => Some(name),
            _ => None,
        }
    }
}

fn joined(text: &str, what: &str) -> Option<Result<Mode>> {
    let name = text.strip_prefix("container:")?;
    Some(match name.is_empty() {
        true => Err(Error::invalid(format!("Invalid {what} mode: {text}"))),
        false => Ok(Mode::Container(name.to_owned())),
    })
}

/// `--pid`.
pub fn pid(asked: &HostConfig) -> Result<Mode> {
    match asked.pid_mode.as_deref().unwrap_or_default() {
        "" | "private" => Ok(Mode::Private),
        "host" => Ok(Mode::Host),
        other => joined(other, "PID")
            .unwrap_or_else(|| Err(Error::invalid(format!("invalid PID mode: {other}")))),
    }
}

/// `--ipc`; without one it is private, as since API 1.40.
pub fn ipc(asked: &HostConfig) -> Result<Mode> {
    match asked.ipc_mode.as_deref().unwrap_or_default() {
        "" | "private" => Ok(Mode::Private),
        "shareable" => Ok(Mode::Shareable),
        "none" => Ok(Mode::None),
        "host" => Ok(Mode::Host),
        other => joined(other, "IPC")
            .unwrap_or_else(|| Err(Error::invalid(format!("Invalid IPC mode: {other}")))),
    }
}

/// `--uts`.
pub fn uts(asked: &HostConfig) -> Result<Mode> {
    match asked.uts_mode.as_deref().unwrap_or_default() {
        "" => Ok(Mode::Private),
        "host" => Ok(Mode::Host),
        other => Err(Error::invalid(format!("invalid UTS mode: {other}"))),
    }
}

/// `--cgroupns`: private on cgroup v2, the host's on v1, unless asked otherwise.
pub fn cgroup(asked: &HostConfig, host: &Host) -> Mode {
    let private = match asked.cgroupns_mode {
        Some(HostConfigCgroupnsModeEnum::HOST) => false,
        Some(HostConfigCgroupnsModeEnum::PRIVATE) => true,
        Some(HostConfigCgroupnsModeEnum::EMPTY) | None => host.unified,
    };
    if private && host.cgroup_namespaces { Mode::Private } else { Mode::Host }
}

/// Network namespaces as seen from here; names of networks are the network manager's.
pub fn net(asked: &HostConfig) -> Result<Mode> {
    match asked.network_mode.as_deref().unwrap_or_default() {
        "host" => Ok(Mode::Host),
        other => joined(other, "network").unwrap_or(Ok(Mode::Private)),
    }
}

/// A namespace as the runtime gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A new one.
    New,
    /// The host's: no entry.
    Host,
    /// An existing one, by a path such as `/proc/42/ns/net`.
    At(PathBuf),
}

/// Where each namespace comes from, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Network.
    pub net: Place,
    /// Processes.
    pub pid: Place,
    /// Inter-process communication.
    pub ipc: Place,
    /// Host name.
    pub uts: Place,
    /// Cgroup.
    pub cgroup: Place,
}

/// The section; mounts always are the container's own.
pub fn namespaces(places: &Places) -> Vec<LinuxNamespace> {
    use LinuxNamespaceType::{Cgroup, Ipc, Mount, Network, Pid, Uts};
    let rows = [
        (Mount, &Place::New),
        (Network, &places.net),
        (Uts, &places.uts),
        (Pid, &places.pid),
        (Ipc, &places.ipc),
        (Cgroup, &places.cgroup),
    ];
    let section = rows.into_iter().filter_map(|(kind, place)| {
        let mut namespace = LinuxNamespace::default();
        namespace.set_typ(kind);
        match place {
            Place::New => {}
            Place::Host => return None,
            Place::At(path) => {
                namespace.set_path(Some(path.clone()));
            }
        }
        Some(namespace)
    });
    section.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let ask = |mode: &str| HostConfig {
            pid_mode: Some(mode.into()),
            ipc_mode: Some(mode.into()),
            uts_mode: Some(mode.into()),
            ..HostConfig::default()
        };
        assert_eq!(pid(&ask("")).unwrap(), Mode::Private);
        assert_eq!(pid(&ask("container:a")).unwrap(), Mode::Container("a".into()));
        assert_eq!(ipc(&ask("shareable")).unwrap(), Mode::Shareable);
        assert_eq!(ipc(&ask("none")).unwrap(), Mode::None);
        assert_eq!(uts(&ask("host")).unwrap(), Mode::Host);
        assert_eq!(uts(&ask("x")).unwrap_err().message(), "invalid UTS mode: x");
        for mode in ["foo", "container:"] {
            assert!(pid(&ask(mode)).is_err() && ipc(&ask(mode)).is_err(), "{mode}");
        }
    }

    #[test]
    fn the_host_has_no_entry() {
        let places = Places {
            net: Place::At("/proc/1/ns/net".into()),
            pid: Place::Host,
            ipc: Place::New,
            uts: Place::New,
            cgroup: Place::Host,
        };
        let kinds: Vec<_> = namespaces(&places).iter().map(LinuxNamespace::typ).collect();
        use LinuxNamespaceType::{Ipc, Mount, Network, Uts};
        assert_eq!(kinds, [Mount, Network, Uts, Ipc]);
    }

    #[test]
    fn cgroup_namespaces_follow_the_hierarchy() {
        let mut host = Host::able();
        assert_eq!(cgroup(&HostConfig::default(), &host), Mode::Host);
        host.unified = true;
        assert_eq!(cgroup(&HostConfig::default(), &host), Mode::Private);
    }
}
