//! What a control group can be asked to hold to, free of any format: the runtime fills it from OCI's
//! `linux.resources`, the files of either version are written from it. `None` leaves a limit alone.

use super::DeviceRule;
use std::collections::BTreeMap;

/// Limits in OCI's units and with OCI's meaning of -1 (unlimited).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// Relative weight, 2 to 262144; 1024 is the default.
    pub cpu_shares: Option<u64>,
    /// Microseconds of CPU time per period; 0 or less is unlimited.
    pub cpu_quota_us: Option<i64>,
    /// Microseconds of a period; the kernel's default is 100000.
    pub cpu_period_us: Option<u64>,
    /// Microseconds that may be saved up.
    pub cpu_burst_us: Option<u64>,
    /// Microseconds of realtime per realtime period (version 1).
    pub cpu_realtime_runtime_us: Option<i64>,
    /// Microseconds of a realtime period (version 1).
    pub cpu_realtime_period_us: Option<u64>,
    /// 1 gives the group only idle time.
    pub cpu_idle: Option<i64>,
    /// `0-2,7`.
    pub cpus: Option<String>,
    /// Memory nodes, as `cpus`.
    pub mems: Option<String>,
    /// Bytes.
    pub memory_bytes: Option<i64>,
    /// Bytes: a soft limit.
    pub memory_reservation_bytes: Option<i64>,
    /// Bytes of memory and swap together.
    pub memory_swap_bytes: Option<i64>,
    /// Bytes of kernel memory; kernels since 5.4 refuse or ignore it.
    pub kernel_memory_bytes: Option<i64>,
    /// Bytes of kernel memory for TCP buffers (version 1).
    pub kernel_tcp_memory_bytes: Option<i64>,
    /// 0 to 100 (version 1).
    pub swappiness: Option<u64>,
    /// True makes processes wait instead of being killed (version 1).
    pub oom_kill_disabled: Option<bool>,
    /// True refuses a memory limit below what is already used.
    pub check_before_update: bool,
    /// Processes and threads; 0 or less is unlimited.
    pub pids: Option<i64>,
    /// 10 to 1000.
    pub io_weight: Option<u16>,
    /// 10 to 1000, against the group's own children (version 1, gone from new kernels).
    pub io_leaf_weight: Option<u16>,
    /// Per device.
    pub io_weights: Vec<Weight>,
    /// Per device.
    pub io_throttles: Vec<Throttle>,
    /// In order: a later one wins.
    pub devices: Vec<DeviceRule>,
    /// Per page size.
    pub huge_pages: Vec<HugePages>,
    /// Class of network packets (version 1).
    pub network_class: Option<u32>,
    /// Interface and priority (version 1).
    pub network_priorities: Vec<(String, u32)>,
    /// Remote DMA: device, handles, objects.
    pub rdma: Vec<(String, Option<u32>, Option<u32>)>,
    /// Version 2: file name and text, written as they are.
    pub unified: BTreeMap<String, String>,
}

/// A block device's share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// Device number.
    pub major: u64,
    /// Device number.
    pub minor: u64,
    /// 10 to 1000.
    pub weight: Option<u16>,
    /// 10 to 1000.
    pub leaf_weight: Option<u16>,
}

/// What a throttle counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Bytes read per second.
    ReadBytes,
    /// Bytes written per second.
    WriteBytes,
    /// Reads per second.
    Reads,
    /// Writes per second.
    Writes,
}

/// A block device's ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// What is counted.
    pub direction: Direction,
    /// Device number.
    pub major: u64,
    /// Device number.
    pub minor: u64,
    /// Per second; 0 lifts the ceiling.
    pub rate: u64,
}

/// A ceiling for huge pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HugePages {
    /// As in the file's name: `2MB`.
    pub page_size: String,
    /// Bytes; -1 is unlimited.
    pub bytes: i64,
}

/// OCI's shares (2 to 262144) as version 2's `cpu.weight` (1 to 10000), by the kernel community's
/// linear rule that runc and crun follow too.
pub fn weight_of_shares(shares: u64) -> u64 {
    if shares == 0 {
        return 0;
    }
    let shares = shares.clamp(2, 262_144);
    1 + (shares - 2) * 9_999 / 262_142
}

/// OCI's block weight (10 to 1000) as version 2's `io.weight` (1 to 10000).
pub fn weight_of_block(weight: u16) -> u64 {
    1 + (u64::from(weight).max(10) - 10) * 9_999 / 990
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_reach_both_ends() {
        assert_eq!(weight_of_shares(2), 1);
        assert_eq!(weight_of_shares(1024), 39);
        assert_eq!(weight_of_shares(262_144), 10_000);
        assert_eq!(weight_of_shares(u64::MAX), 10_000);
        assert_eq!(weight_of_block(10), 1);
        assert_eq!(weight_of_block(1000), 10_000);
    }
}
