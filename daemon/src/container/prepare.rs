//! What a start needs besides the shim: specification, filter, root filesystem, log. Nothing is
//! acquired here that would have to be given back.

use super::account;
use super::io::root::Root;
use super::record::Record;
use super::spec::mount::Shm;
use super::spec::namespace::{self, Mode, Place, Places};
use super::spec::point::PointKind;
use super::spec::security::{Defaults, Security};
use super::spec::{self, Input, check, device, log, resource, seccomp, tag, user};
use super::state::View;
use super::{Inner, files, propagation};
use crate::network::{self, Dns};
use crate::task;
use shared::docker::{ContainerCreateBody, HostConfig};
use shared::error::{Context, Error, Kind, Result};
use shared::kernel::socket::memory_file;
use shared::shim::{Log, Mount, Runtime, Stdin, Stdio};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

/// Ready to be sent to the shim.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The specification as a memfd.
    pub(super) spec: OwnedFd,
    /// The compiled filter of system calls as a memfd.
    pub(super) filter: Option<OwnedFd>,
    /// Root filesystem as data.
    pub(super) rootfs: Vec<Mount>,
    /// Where output goes.
    pub(super) log: Option<Log>,
}

/// The other containers whose namespaces are joined.
#[derive(Clone, Debug, Default)]
struct Others {
    net: Option<Arc<View>>,
    pid: Option<Arc<View>>,
    ipc: Option<Arc<View>>,
}

/// Makes everything; what it asks of other containers is read from their views.
pub(super) async fn prepare(inner: &Arc<Inner>, record: &Arc<Record>) -> Result<Prepared> {
    let others = others(inner, record)?;
    let rootfs = inner.parts.images.rootfs(&record.id)?;
    let (inner, record) = (inner.clone(), record.clone());
    task::blocking("make a specification", move || make(&inner, &record, &others, rootfs)).await
}

fn others(inner: &Inner, record: &Record) -> Result<Others> {
    let host = record.host();
    // A network that was unknown at create is unknown still.
    inner.parts.networks.decide(&host)?;
    let running = |reference: &str| {
        let view = inner.index().find(reference)?.view();
        match view.status().is_alive() {
            true => Ok(view),
            false => Err(Error::new(
                Kind::Conflict,
                format!("cannot join namespaces of a non running container: {}", view.id()),
            )),
        }
    };
    let net = match network::Mode::parse(&record.decided.network) {
        network::Mode::Container(other) => Some(running(&other)?),
        _ => None,
    };
    let of = |mode: &Mode| mode.container().map(running).transpose();
    let ipc = of(&namespace::ipc(&host)?)?;
    if let Some(donor) = &ipc {
        let theirs = namespace::ipc(&donor.record.host())?;
        if matches!(theirs, Mode::Private | Mode::None) {
            return Err(Error::new(
                Kind::Conflict,
                format!(
                    "can't join IPC of container {}: non-shareable IPC (hint: use \
                     IpcMode:shareable for the donor container)",
                    donor.id()
                ),
            ));
        }
    }
    Ok(Others { net, pid: of(&namespace::pid(&host)?)?, ipc })
}

fn make(inner: &Inner, record: &Record, others: &Others, rootfs: Vec<Mount>) -> Result<Prepared> {
    let (settings, paths) = (&inner.settings, &inner.parts.paths);
    let body = fitted(inner, record)?;
    let host = body.host_config.clone().unwrap_or_default();
    let security = Security::decide(&host, &settings.host, defaults(inner))?;
    let identity = identity(inner, record, &body, &host)?;
    for point in &record.decided.mounts {
        if point.kind == PointKind::Bind && point.create_source {
            let made = std::fs::create_dir_all(&point.source);
            let exists = std::path::Path::new(&point.source).exists();
            if !exists {
                made.with_context(|| format!("create the bind source {}", point.source))?;
            }
        }
    }
    propagation::check(&record.decided.mounts)?;
    let hostname = hostname(record, others);
    let init = host.init.unwrap_or(settings.init).then_some(settings.init_path.as_path());
    let bundle = paths.bundle(&record.id);
    let input = Input {
        body: &body,
        rootfs: &bundle.join("rootfs"),
        hostname: &hostname,
        cgroup: &record.decided.cgroup,
        identity: &identity,
        security: &security,
        devices: device::devices(&host)?,
        places: &places(inner, record, &host, others)?,
        shm: shm(&host, others, settings.shm_bytes)?,
        points: &record.decided.mounts,
        files: &network_files(inner, record, &host, others)?,
        init,
    };
    let mut spec = spec::build(input)?;
    let filter = confine(inner, record, &mut spec, &security)?;
    let text = serde_json::to_vec(&spec).context("encode a specification")?;
    let spec = memory_file("spec", &text)?;
    Ok(Prepared { spec, filter, rootfs, log: log_of(inner, record)? })
}

/// The body without what this host cannot do; the warnings were given at create.
fn fitted(inner: &Inner, record: &Record) -> Result<ContainerCreateBody> {
    let mut body = record.body.clone();
    let settings = &inner.settings;
    check::create(&mut body, &settings.host, defaults(inner), &settings.log)?;
    let host = body.host_config.get_or_insert_with(HostConfig::default);
    if host.ulimits.as_ref().is_none_or(Vec::is_empty) && !settings.ulimits.is_empty() {
        host.ulimits = Some(settings.ulimits.clone());
    }
    Ok(body)
}

/// What the daemon's configuration says about security.
pub(super) fn defaults(inner: &Inner) -> Defaults {
    Defaults { no_new_privileges: inner.settings.no_new_privileges }
}

/// Who the first process runs as, by the files in the container's layers.
fn identity(
    inner: &Inner,
    record: &Record,
    body: &ContainerCreateBody,
    host: &HostConfig,
) -> Result<user::Identity> {
    let images = &inner.parts.images;
    let asked = body.user.as_deref().unwrap_or_default();
    let add = host.group_add.as_deref().unwrap_or_default();
    let layers = images.layers(&record.id)?;
    // The writable folder first, then the image's from the top.
    let folders: Vec<PathBuf> =
        std::iter::once(layers.upper).chain(layers.lower.into_iter().rev()).collect();
    let mount = || Ok(Root::new(images.open_root(&record.id)?));
    account::of_layers(&folders, asked, add, mount)
}

/// The compiled filter for the embedded runtime; in the specification for any other.
fn confine(
    inner: &Inner,
    record: &Record,
    spec: &mut oci_spec::runtime::Spec,
    security: &Security,
) -> Result<Option<OwnedFd>> {
    let target = seccomp::Target { capabilities: security.set, kernel: inner.settings.host.kernel };
    let embedded = inner.settings.runtime(&record.decided.runtime)? == Runtime::Embedded;
    let (section, bytes) = if embedded {
        match inner.filters.get(&security.seccomp, target)? {
            Some(filter) => (filter.flags.clone(), Some(memory_file("seccomp", &filter.bytes)?)),
            None => (None, None),
        }
    } else {
        (inner.filters.section(&security.seccomp, target)?, None)
    };
    if let Some(linux) = spec.linux_mut() {
        linux.set_seccomp(section);
    }
    Ok(bytes)
}

fn hostname(record: &Record, others: &Others) -> String {
    match &others.net {
        Some(other) => other.record.decided.hostname.clone(),
        None => record.decided.hostname.clone(),
    }
}

fn places(inner: &Inner, record: &Record, host: &HostConfig, others: &Others) -> Result<Places> {
    let at = |other: &Option<Arc<View>>, kind: &str| {
        let pid = other.as_ref().map_or(0, |view| view.state.pid);
        Place::At(PathBuf::from(format!("/proc/{pid}/ns/{kind}")))
    };
    let place = |mode: &Mode, other: &Option<Arc<View>>, kind: &str| match mode {
        Mode::Host => Place::Host,
        Mode::Container(_) => at(other, kind),
        Mode::Private | Mode::Shareable | Mode::None => Place::New,
    };
    let net = match network::Mode::parse(&record.decided.network) {
        network::Mode::None => Place::New,
        network::Mode::Host => Place::Host,
        network::Mode::Container(_) => at(&others.net, "net"),
    };
    Ok(Places {
        net,
        pid: place(&namespace::pid(host)?, &others.pid, "pid"),
        ipc: place(&namespace::ipc(host)?, &others.ipc, "ipc"),
        uts: place(&namespace::uts(host)?, &None, "uts"),
        cgroup: place(&namespace::cgroup(host, &inner.settings.host), &None, "cgroup"),
    })
}

fn shm(host: &HostConfig, others: &Others, default_bytes: i64) -> Result<Shm> {
    let bytes = host.shm_size.filter(|bytes| *bytes > 0).unwrap_or(default_bytes);
    Ok(match namespace::ipc(host)? {
        Mode::Private | Mode::Shareable => Shm::Own(bytes),
        Mode::None => Shm::None,
        Mode::Host => Shm::At("/dev/shm".into()),
        Mode::Container(_) => {
            let pid = others.ipc.as_ref().map_or(0, |view| view.state.pid);
            Shm::At(format!("/proc/{pid}/root/dev/shm").into())
        }
    })
}

/// The files of the container whose network is joined, else our own, written anew.
fn network_files(
    inner: &Inner,
    record: &Record,
    host: &HostConfig,
    others: &Others,
) -> Result<Vec<(&'static str, PathBuf)>> {
    let paths = &inner.parts.paths;
    if let Some(other) = &others.net {
        let home = paths.container(other.id());
        let names = ["hostname", "hosts", "resolv.conf"];
        let targets = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];
        return Ok(targets.into_iter().zip(names.map(|name| home.join(name))).collect());
    }
    let network = files::Network {
        hostname: &record.decided.hostname,
        extra_hosts: host.extra_hosts.as_deref().unwrap_or_default(),
        dns: &Dns::of(host, &inner.settings.dns),
        mode: &network::Mode::parse(&record.decided.network),
    };
    files::write_network(&paths.container(&record.id), &network)
}

/// The log as decided at create.
pub(super) fn log_of(inner: &Inner, record: &Record) -> Result<Option<Log>> {
    let options = record.decided.log_options.clone();
    let choice = log::Choice::daemon(&record.decided.log_driver, options)?;
    let choice = choice.tagged(&tag_info(record))?;
    let labels = record.body.labels.clone().unwrap_or_default();
    let env = record.body.env.clone().unwrap_or_default();
    choice.shim(inner.parts.paths.log(&record.id), choice.attributes(&labels, &env))
}

/// What a log's tag may name of the container.
pub(super) fn tag_info(record: &Record) -> tag::Info<'_> {
    tag::Info {
        id: record.id.as_str(),
        name: &record.decided.name,
        image_id: record.decided.image_id.as_ref().map_or("", |id| id.as_str()),
        image_name: &record.decided.image,
    }
}

/// The standard streams as asked.
pub(super) fn stdio(record: &Record) -> Stdio {
    let body = &record.body;
    let stdin = match (body.open_stdin.unwrap_or(false), body.stdin_once.unwrap_or(false)) {
        (false, _) => Stdin::Closed,
        (true, false) => Stdin::Open,
        (true, true) => Stdin::Once,
    };
    let size = record.host_config().and_then(|host| host.console_size.as_deref());
    let (rows, columns) = match size {
        Some([rows, columns]) => (clamp(*rows), clamp(*columns)),
        _ => (0, 0),
    };
    Stdio { terminal: record.has_terminal(), stdin, rows, columns }
}

/// A number of rows or columns.
pub(super) fn clamp(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// The resources of an update as a memfd.
pub(super) fn resources(record: &Record) -> Result<OwnedFd> {
    let resources = resource::limits(&record.host())?;
    let text = serde_json::to_vec(&resources).context("encode resources")?;
    memory_file("resources", &text)
}
