//! The daemon's configuration: every key once, with its meaning and its default.
//!
//! A JSON file with dockerd's keys, then flags; [`merge`] joins them, [`check`] judges the result
//! before anything is touched. `assets/config/daemon.json` is [`Config::default`] as text.

pub mod build;
mod check;
mod host;
mod merge;
mod size;

pub use host::{Host, TCP_PORT};
pub use merge::{load, to_text};
pub use size::Size;

use serde::{Deserialize, Serialize};
use shared::docker::ResourcesUlimits;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where the file is looked for when no flag says otherwise.
pub const DEFAULT_FILE: &str = "/etc/coffer/daemon.json";
/// The group of the socket when the configuration names none.
pub const DEFAULT_GROUP: &str = "coffer";

/// Every key. Names are dockerd's where dockerd has the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Addresses to listen on: `unix:///path`, `tcp://host:port`, `fd://`. Empty: the default socket.
    pub hosts: Vec<String>,
    /// Group of unix sockets. Empty: `coffer` if there is such a group; a named one must exist.
    pub group: String,
    /// What survives a reboot: images, volumes, containers, the store.
    pub data_root: PathBuf,
    /// What does not: shims' sockets, exit records.
    pub exec_root: PathBuf,
    /// File with the daemon's process id, locked while it runs. Empty: none.
    pub pidfile: PathBuf,
    /// Logs every step and serves `/debug/pprof/profile`.
    pub debug: bool,
    /// `trace`, `debug`, `info`, `warn` or `error`, or a filter such as `info,daemon::api=debug`.
    pub log_level: String,
    /// `text` or `json`.
    pub log_format: String,
    /// Labels of the engine, `key=value`. `node_ip` and `SN` are added when they can be found.
    pub labels: Vec<String>,
    /// The daemon's own standing with the kernel's OOM killer, -1000 to 1000.
    pub oom_score_adjust: i32,
    /// Cgroup that the daemon moves itself into, such as `/coffer/daemon`. Empty: it stays.
    pub daemon_cgroup: String,
    /// Seconds for requests to end when the daemon stops.
    pub shutdown_timeout: u32,
    /// Containers go on when the daemon stops. They always do; `false` is refused.
    pub live_restore: bool,
    /// OCI runtime of containers that name none: `coffer` is the one inside the shim.
    pub default_runtime: String,
    /// Further OCI runtimes by name.
    pub runtimes: BTreeMap<String, Runtime>,
    /// Options for the execution of containers: `native.cgroupdriver=cgroupfs`.
    pub exec_opts: Vec<String>,
    /// Cgroup under which containers are put. Empty: `/coffer`.
    pub cgroup_parent: String,
    /// Program that supervises one container. Empty: `coffer-shim` beside the daemon.
    pub shim: PathBuf,
    /// Seconds after which a start is given up and undone.
    pub start_timeout: u32,
    /// Starts at the same time.
    pub max_concurrent_starts: u32,
    /// Resource limits of processes of containers that set none.
    pub default_ulimits: BTreeMap<String, ResourcesUlimits>,
    /// Size of `/dev/shm`: bytes, or text such as `64MiB`.
    pub default_shm_size: Size,
    /// Containers get an init process as their first.
    pub init: bool,
    /// That process's program. Empty: `coffer-init` beside the daemon, then `docker-init` on `PATH`.
    pub init_path: PathBuf,
    /// Processes of containers cannot gain privileges.
    pub no_new_privileges: bool,
    /// Seccomp profile: `builtin`, `unconfined` or a file.
    pub seccomp_profile: String,
    /// Log driver of containers that name none.
    pub log_driver: String,
    /// Its options.
    pub log_opts: BTreeMap<String, String>,
    /// Name servers for containers.
    pub dns: Vec<String>,
    /// Options of the resolver in containers.
    pub dns_opts: Vec<String>,
    /// Search domains in containers.
    pub dns_search: Vec<String>,
    /// `overlayfs` (also `overlay2`) or `copy` (also `vfs`). Empty: the first that works here.
    pub storage_driver: String,
    /// Parts that must come up, by id.
    pub required_plugins: Vec<String>,
    /// Parts that are left out, by id.
    pub disabled_plugins: Vec<String>,
    /// Settings of parts, by id.
    pub plugins: BTreeMap<String, serde_json::Value>,
}

/// An OCI runtime besides the embedded one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Runtime {
    /// A program with runc's command line; looked up in `PATH` when it has no slash.
    pub path: PathBuf,
    /// Arguments put before the command.
    pub runtime_args: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            group: String::new(),
            data_root: "/var/lib/coffer".into(),
            exec_root: "/run/coffer".into(),
            pidfile: "/run/coffer.pid".into(),
            debug: false,
            log_level: "info".into(),
            log_format: "text".into(),
            labels: Vec::new(),
            oom_score_adjust: -500,
            daemon_cgroup: String::new(),
            shutdown_timeout: 15,
            live_restore: true,
            default_runtime: "coffer".into(),
            runtimes: BTreeMap::new(),
            exec_opts: Vec::new(),
            cgroup_parent: String::new(),
            shim: PathBuf::new(),
            start_timeout: 120,
            max_concurrent_starts: 16,
            default_ulimits: BTreeMap::new(),
            default_shm_size: Size(64 << 20),
            init: false,
            init_path: PathBuf::new(),
            no_new_privileges: false,
            seccomp_profile: "builtin".into(),
            log_driver: "json-file".into(),
            log_opts: BTreeMap::new(),
            dns: Vec::new(),
            dns_opts: Vec::new(),
            dns_search: Vec::new(),
            storage_driver: String::new(),
            required_plugins: Vec::new(),
            disabled_plugins: Vec::new(),
            plugins: BTreeMap::new(),
        }
    }
}

impl Config {
    /// The addresses to listen on, the default one if none is named.
    pub fn listen(&self) -> shared::error::Result<Vec<Host>> {
        if self.hosts.is_empty() {
            return Ok(vec![Host::default()]);
        }
        self.hosts.iter().map(|host| host.parse()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_asset_shows_every_default() {
        let asset = include_str!("../../../assets/config/daemon.json");
        assert_eq!(asset, to_text(&Config::default()).unwrap(), "write `cofferd config default`");
    }
}
