//! What was asked, with everything resolved -> the OCI runtime spec (version 1.0.2). Pure: golden tests.
//!
//! ```text
//! check    refuses and warns at create        host      what the host can do
//! point    what is to be mounted              user      names -> numbers
//! build    the spec: process mount namespace resource device security seccomp log
//! ```
//! Never mounts, never asks a manager: paths, ids and volumes come resolved in [`Input`].

pub mod capability;
pub mod check;
pub mod check_resource;
pub mod device;
pub mod host;
pub mod log;
pub mod mount;
pub mod namespace;
pub mod point;
mod point_mount;
pub mod process;
pub mod resource;
pub mod seccomp;
pub mod security;
pub mod signal;
pub mod syslog;
pub mod tag;
pub mod user;

use oci_spec::runtime::{Linux, Process, Root, Spec};
use shared::docker::{ContainerCreateBody, HostConfig};
use shared::error::Result;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Everything that a spec is made from.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// As asked and completed by the image; fitted by [`check::create`].
    pub body: &'a ContainerCreateBody,
    /// Where the root filesystem will be, `<bundle>/rootfs`.
    pub rootfs: &'a Path,
    /// Its host name.
    pub hostname: &'a str,
    /// Below each hierarchy's root.
    pub cgroup: &'a str,
    /// Who it runs as.
    pub identity: &'a user::Identity,
    /// What it may do.
    pub security: &'a security::Security,
    /// Devices and their rules.
    pub devices: device::Devices,
    /// Namespaces.
    pub places: &'a namespace::Places,
    /// Shared memory.
    pub shm: mount::Shm,
    /// Mounts with their sources.
    pub points: &'a [point::Point],
    /// Network files: target and file on the host.
    pub files: &'a [(&'static str, PathBuf)],
    /// The init program on the host, with `--init`.
    pub init: Option<&'a Path>,
}

/// The spec without `linux.seccomp`: the embedded runtime gets the filter compiled, a foreign runtime
/// gets it by [`seccomp::Profile::resolve`] and `set_seccomp`.
///
/// # Errors
/// `Invalid`, for what only shows when devices are looked at.
pub fn build(input: Input<'_>) -> Result<Spec> {
    let asked = input.body.host_config.clone().unwrap_or_default();
    let privileged = security::is_privileged(&asked);
    let read_only = asked.readonly_rootfs.unwrap_or_default();
    let wishes = mount::Wishes {
        points: input.points,
        files: input.files,
        init: input.init,
        shm: &input.shm,
        read_only,
        privileged,
    };
    let mut root = Root::default();
    root.set_path(input.rootfs.to_owned()).set_readonly(Some(read_only));
    let mounts = mount::mounts(&wishes);
    let own_uts = input.places.uts == namespace::Place::New;
    let process = first_process(&input, &asked)?;
    let mut spec = Spec::default();
    spec.set_version("1.0.2".to_owned())
        .set_root(Some(root))
        .set_mounts(Some(mounts))
        .set_hostname(Some(input.hostname.to_owned()).filter(|_| own_uts))
        .set_domainname(input.body.domainname.clone().filter(|d| own_uts && !d.is_empty()))
        .set_annotations(asked.annotations.clone().filter(|a| !a.is_empty()))
        .set_process(Some(process))
        .set_linux(Some(linux(input, &asked)?));
    Ok(spec)
}

fn first_process(input: &Input<'_>, asked: &HostConfig) -> Result<Process> {
    let body = input.body;
    let mut args: Vec<String> = Vec::new();
    if input.init.is_some() {
        args.extend([process::INIT_TARGET.to_owned(), "--".to_owned()]);
    }
    args.extend(body.entrypoint.iter().flatten().cloned());
    args.extend(body.cmd.iter().flatten().cloned());
    let size = asked.console_size.as_deref().unwrap_or_default();
    let program = process::Program {
        args,
        env: body.env.as_deref().unwrap_or_default(),
        hostname: input.hostname,
        cwd: body.working_dir.as_deref().unwrap_or_default(),
        terminal: body.tty.unwrap_or_default(),
        size: match size {
            [rows, columns] if *rows > 0 && *columns > 0 => Some((
                u16::try_from(*rows).unwrap_or(u16::MAX),
                u16::try_from(*columns).unwrap_or(u16::MAX),
            )),
            _ => None,
        },
    };
    let ulimits = asked.ulimits.as_deref().unwrap_or_default();
    let adjustment = asked.oom_score_adj.unwrap_or_default() as i32;
    process::process(&program, input.identity, input.security, ulimits, adjustment)
}

fn linux(input: Input<'_>, asked: &HostConfig) -> Result<Linux> {
    let shared = ["shared", "rshared"];
    let slave = ["slave", "rslave"];
    let any =
        |words: [&str; 2]| input.points.iter().any(|p| words.contains(&p.propagation.as_str()));
    let propagation = if any(shared) {
        Some("shared".to_owned())
    } else {
        any(slave).then(|| "slave".to_owned())
    };
    let mut linux = Linux::default();
    linux
        .set_cgroups_path(Some(input.cgroup.into()))
        .set_namespaces(Some(namespace::namespaces(input.places)))
        .set_devices(Some(input.devices.nodes).filter(|d| !d.is_empty()))
        .set_resources(Some(resource::resources(asked, input.devices.rules)?))
        .set_masked_paths(Some(input.security.masked.clone()))
        .set_readonly_paths(Some(input.security.read_only.clone()))
        .set_sysctl(Some(sysctls(asked, input.places)).filter(|s| !s.is_empty()))
        .set_rootfs_propagation(propagation)
        .set_seccomp(None);
    Ok(linux)
}

/// What was asked, and with a network namespace of its own Docker's two defaults: a container may ping
/// and listen on low ports without being root.
fn sysctls(asked: &HostConfig, places: &namespace::Places) -> HashMap<String, String> {
    let mut sysctls = asked.sysctls.clone().unwrap_or_default();
    if places.net == namespace::Place::New {
        for (key, value) in [
            ("net.ipv4.ping_group_range", "0 2147483647"),
            ("net.ipv4.ip_unprivileged_port_start", "0"),
        ] {
            sysctls.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    sysctls
}

#[cfg(test)]
mod golden;
