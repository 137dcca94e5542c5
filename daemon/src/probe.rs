//! What this host can do, read once at start: for `/info`, its warnings, and for parts that must know
//! whether a limit works here. Reads files only; judges nothing but the warnings' wording.

use shared::error::{Context, Result};
use shared::kernel::cgroup::{Layout, Version};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The host's features.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Name of the machine.
    pub name: String,
    /// Release of the kernel.
    pub kernel: String,
    /// The distribution's name for people.
    pub os_name: String,
    /// The distribution's version.
    pub os_version: String,
    /// As Docker names it: `x86_64`, `aarch64`.
    pub machine: &'static str,
    /// Processors that the daemon may use.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// 1 or 2; `None` when no control groups are mounted.
    pub cgroup_version: Option<u8>,
    /// Controllers that are there.
    pub controllers: BTreeSet<String>,
    /// Which limits work.
    pub limits: Limits,
    /// The kernel has filters for system calls.
    pub seccomp: bool,
    /// The AppArmor module is on.
    pub apparmor: bool,
    /// The kernel forwards IPv4 packets.
    pub ip_forward: bool,
    /// Bridged packets go through iptables; `None` when the module is not loaded.
    pub bridge_iptables: Option<bool>,
    /// The same for IPv6.
    pub bridge_ip6tables: Option<bool>,
}

/// Limits that the control groups of this host can enforce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Memory.
    pub memory: bool,
    /// Memory and swap.
    pub swap: bool,
    /// Soft limit of memory.
    pub memory_reservation: bool,
    /// Switching the OOM killer off.
    pub oom_disable: bool,
    /// Relative share of CPU.
    pub cpu_shares: bool,
    /// Quota of CPU.
    pub cpu_quota: bool,
    /// Choice of processors and memory nodes.
    pub cpuset: bool,
    /// Number of processes.
    pub pids: bool,
    /// Block devices.
    pub blkio: bool,
}

/// Reads everything.
pub fn read() -> Result<Host> {
    let layout = Layout::detect().ok();
    let (cgroup_version, controllers, limits) = match &layout {
        Some(layout) => {
            let controllers = controllers(layout);
            let limits = limits(layout, &controllers);
            let version = if layout.version == Version::V1 { 1 } else { 2 };
            (Some(version), controllers, limits)
        }
        None => (None, BTreeSet::new(), Limits::default()),
    };
    let release = release(&text("/etc/os-release").unwrap_or_default());
    Ok(Host {
        name: text("/proc/sys/kernel/hostname").context("read the host's name")?,
        kernel: text("/proc/sys/kernel/osrelease").context("read the kernel's release")?,
        os_name: release.0,
        os_version: release.1,
        machine: std::env::consts::ARCH,
        cpus: std::thread::available_parallelism()
            .ok()
            .and_then(|count| u32::try_from(count.get()).ok())
            .unwrap_or(1),
        memory_bytes: memory(&text("/proc/meminfo").context("read the host's memory")?),
        cgroup_version,
        controllers,
        limits,
        seccomp: Path::new("/proc/sys/kernel/seccomp/actions_avail").exists(),
        apparmor: text("/sys/module/apparmor/parameters/enabled").is_ok_and(|text| text == "Y"),
        ip_forward: switched("/proc/sys/net/ipv4/ip_forward").unwrap_or(false),
        bridge_iptables: switched("/proc/sys/net/bridge/bridge-nf-call-iptables"),
        bridge_ip6tables: switched("/proc/sys/net/bridge/bridge-nf-call-ip6tables"),
    })
}

impl Host {
    /// What does not work here, in Docker's words.
    pub fn warnings(&self) -> Vec<String> {
        let Limits { memory, swap, cpu_shares, cpu_quota, cpuset, pids, blkio, .. } = self.limits;
        let checks = [
            (self.cgroup_version.is_some(), "WARNING: No control groups are mounted"),
            (memory, "WARNING: No memory limit support"),
            (swap, "WARNING: No swap limit support"),
            (cpu_quota, "WARNING: No cpu cfs quota support"),
            (cpu_shares, "WARNING: No cpu shares support"),
            (cpuset, "WARNING: No cpuset support"),
            (pids, "WARNING: No pids limit support"),
            (blkio, "WARNING: No blkio support"),
            (self.seccomp, "WARNING: No seccomp support"),
            (self.ip_forward, "WARNING: IPv4 forwarding is disabled"),
        ];
        checks.iter().filter(|(there, _)| !there).map(|(_, text)| (*text).to_owned()).collect()
    }

    /// Docker's names of the mechanisms that confine containers here.
    pub fn security_options(&self, seccomp_profile: &str) -> Vec<String> {
        let mut options = Vec::new();
        if self.apparmor {
            options.push("name=apparmor".to_owned());
        }
        if self.seccomp {
            options.push(format!("name=seccomp,profile={seccomp_profile}"));
        }
        if self.cgroup_version == Some(2) {
            options.push("name=cgroupns".to_owned());
        }
        options
    }
}

fn text(path: impl AsRef<Path>) -> std::io::Result<String> {
    fs::read_to_string(path).map(|text| text.trim().to_owned())
}

fn switched(path: &str) -> Option<bool> {
    text(path).ok().map(|text| text == "1")
}

fn release(text: &str) -> (String, String) {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"').to_owned())
    };
    (
        value("PRETTY_NAME").unwrap_or_else(|| "Linux".into()),
        value("VERSION_ID").unwrap_or_default(),
    )
}

fn memory(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

fn controllers(layout: &Layout) -> BTreeSet<String> {
    match layout.version {
        Version::V1 => layout.hierarchies.iter().flat_map(|h| h.controllers.clone()).collect(),
        Version::V2 => {
            let mount = layout.hierarchies.first().map(|h| h.mount.join("cgroup.controllers"));
            let text = mount.and_then(|path| text(path).ok()).unwrap_or_default();
            text.split_whitespace().map(str::to_owned).collect()
        }
    }
}

fn limits(layout: &Layout, controllers: &BTreeSet<String>) -> Limits {
    let has = |name: &str| controllers.contains(name);
    if layout.version == Version::V2 {
        return Limits {
            memory: has("memory"),
            swap: has("memory") && Path::new("/proc/swaps").exists(),
            memory_reservation: has("memory"),
            oom_disable: false,
            cpu_shares: has("cpu"),
            cpu_quota: has("cpu"),
            cpuset: has("cpuset"),
            pids: has("pids"),
            blkio: has("io"),
        };
    }
    let file = |controller: &str, name: &str| {
        let hierarchy =
            layout.hierarchies.iter().find(|h| h.controllers.iter().any(|c| c == controller));
        hierarchy.map(|h| h.mount.join(name)).is_some_and(|path: PathBuf| path.exists())
    };
    Limits {
        memory: file("memory", "memory.limit_in_bytes"),
        swap: file("memory", "memory.memsw.limit_in_bytes"),
        memory_reservation: file("memory", "memory.soft_limit_in_bytes"),
        oom_disable: file("memory", "memory.oom_control"),
        cpu_shares: file("cpu", "cpu.shares"),
        cpu_quota: file("cpu", "cpu.cfs_quota_us"),
        cpuset: has("cpuset"),
        pids: has("pids"),
        blkio: has("blkio"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_host() {
        let host = read().unwrap();
        assert!(host.cpus > 0 && host.memory_bytes > 0 && !host.kernel.is_empty());
        assert_eq!(memory("MemFree: 1 kB\nMemTotal:   2048 kB\n"), 2 << 20);
        assert_eq!(
            release("NAME=x\nPRETTY_NAME=\"Debian 12\"\nVERSION_ID=\"12\"\n"),
            ("Debian 12".into(), "12".into())
        );
    }
}
