//! What the manager of containers is made of, and what the daemon's configuration tells it.

use super::sampler::Sampler;
use super::spec::host::Host;
use super::spec::log;
use super::spec::seccomp::{DEFAULT, Profile};
use crate::config::Config;
use crate::event::Journal;
use crate::image::Images;
use crate::network::{Dns, Networks};
use crate::shim::Launcher;
use crate::task::channel::{Receiver, Sender, bounded};
use crate::volume::Volumes;
use shared::docker::ResourcesUlimits;
use shared::error::{Context, Error, Result};
use shared::paths::Paths;
use shared::shim::Runtime;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The managers below.
#[derive(Clone)]
pub struct Parts {
    /// Events and the store.
    pub journal: Journal,
    /// Images and writable layers.
    pub images: Images,
    /// Volumes.
    pub volumes: Volumes,
    /// Networks.
    pub networks: Networks,
    /// Starts shims.
    pub launcher: Launcher,
    /// Reads what containers use.
    pub sampler: Sampler,
    /// Where everything lies.
    pub paths: Arc<Paths>,
}

/// From the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Cgroup below each hierarchy's root under which containers are put, such as `/coffer`.
    pub cgroup_parent: String,
    /// Runtime of a container that names none.
    pub default_runtime: String,
    /// Runtimes by name; the embedded one is always there as [`EMBEDDED`].
    pub runtimes: BTreeMap<String, Runtime>,
    /// Log driver and its options of a container that names none.
    pub log: log::Choice,
    /// What this host can do.
    pub host: Host,
    /// The default filter of system calls; `None` means none.
    pub seccomp: Option<Arc<Profile>>,
    /// The program that `--init` puts first.
    pub init_path: PathBuf,
    /// Containers get an init unless they say otherwise.
    pub init: bool,
    /// Programs cannot gain privileges unless the container says otherwise.
    pub no_new_privileges: bool,
    /// A start that takes longer is undone.
    pub start_timeout: Duration,
    /// Starts at the same time.
    pub parallel_starts: usize,
    /// Size of `/dev/shm` in bytes of a container that names none.
    pub shm_bytes: i64,
    /// Limits of a container that names none.
    pub ulimits: Vec<ResourcesUlimits>,
    /// Name servers, search domains and options of a container that names none.
    pub dns: Dns,
}

/// Name of the runtime that the shim links.
pub const EMBEDDED: &str = "coffer";

impl Settings {
    /// From the daemon's configuration, which was checked. `host` is what this host can do. Reads the
    /// seccomp profile if it is a file. Blocking.
    pub fn new(config: &Config, host: Host) -> Result<Self> {
        let parent = config.cgroup_parent.trim_matches('/');
        let parent = if parent.is_empty() { "coffer" } else { parent };
        Ok(Self {
            cgroup_parent: format!("/{parent}"),
            default_runtime: config.default_runtime.clone(),
            runtimes: runtimes(config),
            log: log::Choice::daemon(&config.log_driver, config.log_opts.clone())?,
            host,
            seccomp: seccomp(&config.seccomp_profile)?,
            init_path: init_path(&config.init_path),
            init: config.init,
            no_new_privileges: config.no_new_privileges,
            start_timeout: Duration::from_secs(config.start_timeout.max(1).into()),
            parallel_starts: config.max_concurrent_starts.max(1) as usize,
            shm_bytes: i64::try_from(config.default_shm_size.0).unwrap_or(i64::MAX),
            ulimits: config.default_ulimits.values().cloned().collect(),
            dns: Dns {
                servers: config.dns.clone(),
                search: config.dns_search.clone(),
                options: config.dns_opts.clone(),
            },
        })
    }

    /// A runtime by name; Docker's sentence when there is none.
    pub fn runtime(&self, name: &str) -> Result<Runtime> {
        match name {
            EMBEDDED => Ok(Runtime::Embedded),
            _ => self
                .runtimes
                .get(name)
                .cloned()
                .ok_or_else(|| Error::invalid(format!("Unknown runtime specified {name}"))),
        }
    }
}

/// Runtimes that need no configuration where their program is installed: clients name them as they do
/// with dockerd, which always has the first one.
const USUAL: [&str; 2] = ["runc", "crun"];

/// Those of the configuration, and the usual ones that this host has.
fn runtimes(config: &Config) -> BTreeMap<String, Runtime> {
    let found = USUAL.iter().filter_map(|name| Some((*name, on_path(Path::new(name))?)));
    let found =
        found.map(|(name, path)| (name.to_owned(), Runtime::Program { path, args: vec![] }));
    let configured = config.runtimes.iter().map(|(name, r)| (name.clone(), program(r)));
    found.chain(configured).collect()
}

fn program(runtime: &crate::config::Runtime) -> Runtime {
    let path = if runtime.path.components().count() > 1 {
        runtime.path.clone()
    } else {
        on_path(&runtime.path).unwrap_or_else(|| runtime.path.clone())
    };
    Runtime::Program { path, args: runtime.runtime_args.clone() }
}

/// A program by its bare name, as a shell finds it.
fn on_path(name: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// `builtin`, `unconfined` or a file.
fn seccomp(asked: &str) -> Result<Option<Arc<Profile>>> {
    match asked {
        "unconfined" => Ok(None),
        "" | "builtin" => Profile::parse(DEFAULT).map(|profile| Some(Arc::new(profile))),
        file => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("read the seccomp profile {file}"))?;
            Profile::parse(&text).map(|profile| Some(Arc::new(profile)))
        }
    }
}

/// The configured program, else `coffer-init` beside the daemon, else `docker-init` on `PATH`.
fn init_path(configured: &Path) -> PathBuf {
    if !configured.as_os_str().is_empty() {
        return configured.to_owned();
    }
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name("coffer-init"));
    beside
        .filter(|file| file.is_file())
        .or_else(|| on_path(Path::new("docker-init")))
        .unwrap_or_else(|| PathBuf::from("docker-init"))
}

/// Lets so many through at once.
#[derive(Debug)]
pub struct Gate(Sender<()>, Receiver<()>);

/// A place inside; dropping it lets the next one in.
#[derive(Debug)]
pub struct Place(Receiver<()>);

impl Gate {
    /// A gate of `width` places.
    pub fn new(width: usize) -> Self {
        let (sender, receiver) = bounded(width.max(1));
        Self(sender, receiver)
    }

    /// Waits for a place.
    pub async fn enter(&self) -> Place {
        // Both ends live in `self`: sending cannot fail.
        let _ = self.0.send(()).await;
        Place(self.1.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Our own token is in the queue.
        let _ = self.0.try_recv();
    }
}
