//! What this host can do for containers, read once at boot. What it lacks becomes a warning at create.
//!
//! Reads only; never changes the host.

use super::capability::Set;
use super::seccomp::version;
use std::fs;
use std::path::Path;

/// Features and sizes of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Processors that are online.
    pub cpus: u32,
    /// Processors that containers may use, as in a cpuset (`0-3,8`).
    pub cpuset_cpus: String,
    /// Memory nodes that containers may use.
    pub cpuset_mems: String,
    /// The unified hierarchy (cgroup v2) only.
    pub unified: bool,
    /// Memory limit.
    pub memory: bool,
    /// Memory and swap limit.
    pub swap: bool,
    /// Soft memory limit.
    pub reservation: bool,
    /// Swappiness of one cgroup.
    pub swappiness: bool,
    /// The OOM killer can be turned off for a cgroup.
    pub oom_kill_disable: bool,
    /// Relative CPU weight.
    pub cpu_shares: bool,
    /// CPU quota and period.
    pub cpu_cfs: bool,
    /// Real-time scheduling in cgroups.
    pub cpu_realtime: bool,
    /// Processors and memory nodes.
    pub cpuset: bool,
    /// Number of processes.
    pub pids: bool,
    /// Relative block I/O weight.
    pub blkio_weight: bool,
    /// The same for one device.
    pub blkio_weight_device: bool,
    /// Limits of bytes and operations a second.
    pub blkio_throttle: bool,
    /// Cgroup namespaces.
    pub cgroup_namespaces: bool,
    /// Seccomp filters.
    pub seccomp: bool,
    /// AppArmor.
    pub apparmor: bool,
    /// IPv4 forwarding is on.
    pub ipv4_forwarding: bool,
    /// What the daemon itself may give away: its bounding set.
    pub capabilities: Set,
    /// Kernel version: major, minor.
    pub kernel: (u32, u32),
}

impl Host {
    /// A host that lacks nothing: for pure tests.
    pub fn able() -> Self {
        Self {
            cpus: 2,
            cpuset_cpus: "0-1".into(),
            cpuset_mems: "0".into(),
            unified: false,
            memory: true,
            swap: true,
            reservation: true,
            swappiness: true,
            oom_kill_disable: true,
            cpu_shares: true,
            cpu_cfs: true,
            cpu_realtime: true,
            cpuset: true,
            pids: true,
            blkio_weight: true,
            blkio_weight_device: true,
            blkio_throttle: true,
            cgroup_namespaces: true,
            seccomp: true,
            apparmor: true,
            ipv4_forwarding: true,
            capabilities: Set::all(),
            kernel: (6, 1),
        }
    }

    /// Asks the running kernel. What cannot be read counts as absent.
    pub fn probe() -> Self {
        let root = Path::new("/sys/fs/cgroup");
        let unified = root.join("cgroup.controllers").exists();
        let mut host = if unified { Self::unified(root) } else { Self::legacy(root) };
        host.cpus = count(&text("/sys/devices/system/cpu/online")).max(1);
        let status = text("/proc/self/status");
        let field = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).map(str::trim);
        host.capabilities = field("CapBnd:")
            .and_then(|hex| u64::from_str_radix(hex, 16).ok())
            .map_or(Set(0), |bits| Set(bits).common(Set::all()));
        host.seccomp = field("Seccomp:").is_some();
        host.apparmor = text("/sys/module/apparmor/parameters/enabled").trim() == "Y";
        host.cgroup_namespaces = Path::new("/proc/self/ns/cgroup").exists();
        host.ipv4_forwarding = text("/proc/sys/net/ipv4/ip_forward").trim() == "1";
        host.kernel = version(&text("/proc/sys/kernel/osrelease"));
        host
    }

    fn legacy(root: &Path) -> Self {
        let has = |file: &str| root.join(file).exists();
        let cpuset = root.join("cpuset");
        Self {
            cpuset_cpus: first(&[cpuset.join("cpuset.effective_cpus"), cpuset.join("cpuset.cpus")]),
            cpuset_mems: first(&[cpuset.join("cpuset.effective_mems"), cpuset.join("cpuset.mems")]),
            memory: has("memory/memory.limit_in_bytes"),
            swap: has("memory/memory.memsw.limit_in_bytes"),
            reservation: has("memory/memory.soft_limit_in_bytes"),
            swappiness: has("memory/memory.swappiness"),
            oom_kill_disable: has("memory/memory.oom_control"),
            cpu_shares: has("cpu/cpu.shares"),
            cpu_cfs: has("cpu/cpu.cfs_quota_us"),
            cpu_realtime: has("cpu/cpu.rt_runtime_us"),
            cpuset: has("cpuset/cpuset.cpus"),
            pids: root.join("pids").is_dir(),
            blkio_weight: has("blkio/blkio.weight") || has("blkio/blkio.bfq.weight"),
            blkio_weight_device: has("blkio/blkio.weight_device")
                || has("blkio/blkio.bfq.weight_device"),
            blkio_throttle: has("blkio/blkio.throttle.read_bps_device"),
            ..Self::able()
        }
    }

    fn unified(root: &Path) -> Self {
        let controllers = text(root.join("cgroup.controllers"));
        let has = |name: &str| controllers.split_whitespace().any(|c| c == name);
        Self {
            unified: true,
            cpuset_cpus: first(&[root.join("cpuset.cpus.effective")]),
            cpuset_mems: first(&[root.join("cpuset.mems.effective")]),
            memory: has("memory"),
            swap: has("memory") && Path::new("/proc/swaps").exists(),
            reservation: has("memory"),
            swappiness: false,
            oom_kill_disable: false,
            cpu_shares: has("cpu"),
            cpu_cfs: has("cpu"),
            cpu_realtime: false,
            cpuset: has("cpuset"),
            pids: has("pids"),
            blkio_weight: has("io"),
            blkio_weight_device: has("io"),
            blkio_throttle: has("io"),
            ..Self::able()
        }
    }
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn first(paths: &[std::path::PathBuf]) -> String {
    let mut texts = paths.iter().map(|p| text(p).trim().to_owned());
    texts.find(|t| !t.is_empty()).unwrap_or_default()
}

/// The members of a list such as `0-3,8`; `None` when it is not one.
pub fn members(list: &str) -> Option<Vec<u32>> {
    let mut all = Vec::new();
    for part in list.trim().split(',').filter(|p| !p.is_empty()) {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let (low, high): (u32, u32) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
        if low > high || high > CPU_MAX {
            return None;
        }
        all.extend(low..=high);
    }
    Some(all)
}

/// The highest number of a processor that is believed: the kernel's own limit is 8192.
const CPU_MAX: u32 = 8192;

fn count(list: &str) -> u32 {
    members(list).map_or(0, |m| m.len() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors() {
        assert_eq!(members("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(members(""), Some(vec![]));
        for bad in ["a", "3-1", "0-", "0-99999999"] {
            assert_eq!(members(bad), None, "{bad}");
        }
    }

    #[test]
    fn this_machine_has_a_processor_and_a_kernel() {
        let host = Host::probe();
        assert!(host.cpus >= 1);
        assert!(host.kernel >= (3, 10), "{:?}", host.kernel);
    }
}
