//! The engine as `/info` shows it.

use super::time::moment;
use crate::config::{Config, build};
use crate::container::settings::EMBEDDED;
use crate::container::state::Status;
use crate::engine::Managers;
use crate::process::standing;
use serde_json::{Map, Value, json};
use shared::shim::Runtime;
use std::collections::BTreeMap;

/// Figures of the moment.
pub struct Figures<'a> {
    /// Containers by state.
    pub containers: Count,
    /// Images.
    pub images: usize,
    /// Readers of the journal.
    pub subscribers: usize,
    /// Tasks of the daemon.
    pub tasks: usize,
    /// Nanoseconds since 1970.
    pub now_nanos: i64,
    /// Name of the snapshotter.
    pub driver: &'a str,
}

/// Containers by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Running, those waiting for their restart included, as in Docker.
    pub running: usize,
    /// Paused.
    pub paused: usize,
    /// All others.
    pub stopped: usize,
}

impl Count {
    /// Counts.
    pub fn of(states: impl Iterator<Item = Status>) -> Self {
        let mut count = Self::default();
        for state in states {
            match state {
                Status::Running | Status::Restarting => count.running += 1,
                Status::Paused => count.paused += 1,
                Status::Created | Status::Removing | Status::Exited | Status::Dead => {
                    count.stopped += 1;
                }
            }
        }
        count
    }
}

/// Docker's object.
pub fn info(engine: &Managers, figures: &Figures<'_>) -> Value {
    let Managers { config, host, identity, .. } = engine;
    let Count { running, paused, stopped } = figures.containers;
    let mut object = json!({
        "ID": identity.id,
        "Containers": running + paused + stopped,
        "ContainersRunning": running,
        "ContainersPaused": paused,
        "ContainersStopped": stopped,
        "Images": figures.images,
        "Driver": figures.driver,
        "DriverStatus": [],
        "Plugins": {
            "Volume": ["local"],
            "Network": ["host", "null"],
            "Authorization": null,
            "Log": ["json-file", "local", "none", "syslog"],
        },
        "Debug": config.debug,
        "NFd": open_files(),
        "NGoroutines": figures.tasks,
        "NEventsListener": figures.subscribers,
        "SystemTime": moment(figures.now_nanos),
        "LoggingDriver": config.log_driver,
        "CgroupDriver": if host.cgroup_version.is_some() { "cgroupfs" } else { "none" },
        "CgroupVersion": host.cgroup_version.map(|version| version.to_string()).unwrap_or_default(),
        "KernelVersion": host.kernel,
        "OperatingSystem": host.os_name,
        "OSVersion": host.os_version,
        "OSType": "linux",
        "Architecture": host.machine,
        "NCPU": host.cpus,
        "MemTotal": host.memory_bytes,
    });
    further(&mut object, engine);
    join(
        &mut object,
        json!({
            "IndexServerAddress": "https://index.docker.io/v1/",
            "RegistryConfig": {
                "InsecureRegistryCIDRs": [], "IndexConfigs": {}, "Mirrors": [],
            },
            "GenericResources": null,
            "DockerRootDir": engine.paths.data.display().to_string(),
            "HttpProxy": "",
            "HttpsProxy": "",
            "NoProxy": "",
            "Name": host.name,
            "Labels": identity.labels,
            "ExperimentalBuild": false,
            "ServerVersion": build::VERSION,
            "Swarm": {
                "NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": false,
                "Error": "", "RemoteManagers": null,
            },
            "LiveRestoreEnabled": config.live_restore,
            "Isolation": "",
        }),
    );
    object
}

fn join(object: &mut Value, more: Value) {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
}

fn further(object: &mut Value, engine: &Managers) {
    let Managers { config, host, .. } = engine;
    let limits = host.limits;
    let more = json!({
        "MemoryLimit": limits.memory,
        "SwapLimit": limits.swap,
        "CpuCfsPeriod": limits.cpu_quota,
        "CpuCfsQuota": limits.cpu_quota,
        "CPUShares": limits.cpu_shares,
        "CPUSet": limits.cpuset,
        "PidsLimit": limits.pids,
        "OomKillDisable": limits.oom_disable,
        "IPv4Forwarding": host.ip_forward,
        "BridgeNfIptables": host.bridge_iptables.unwrap_or(false),
        "BridgeNfIp6tables": host.bridge_ip6tables.unwrap_or(false),
        "Runtimes": runtimes(&engine.containers.settings().runtimes),
        "DefaultRuntime": config.default_runtime,
        "InitBinary": "docker-init",
        "ContainerdCommit": commit(""),
        "RuncCommit": commit(build::COMMIT),
        "InitCommit": commit(build::COMMIT),
        "SecurityOptions": host.security_options(&config.seccomp_profile),
        "CDISpecDirs": [],
        "Warnings": host.warnings(),
        "MaxThreads": standing::thread_ceiling(),
        "ListenAddresses": addresses(config),
    });
    join(object, more);
}

/// What a part was built from, and what it should have been: clients compare the two.
fn commit(id: &str) -> Value {
    json!({ "ID": id, "Expected": id })
}

fn addresses(config: &Config) -> Vec<String> {
    // The addresses were checked when the configuration was read.
    config.listen().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn runtimes(known: &BTreeMap<String, Runtime>) -> Value {
    let mut all = Map::new();
    all.insert(EMBEDDED.to_owned(), json!({ "path": "coffer-shim" }));
    for (name, runtime) in known {
        let Runtime::Program { path, args } = runtime else { continue };
        let mut entry = json!({ "path": path.display().to_string() });
        if !args.is_empty() {
            entry["runtimeArgs"] = json!(args);
        }
        all.insert(name.clone(), entry);
    }
    Value::Object(all)
}

/// Descriptors of this process.
fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}
