//! OCI's `linux.resources` as the limits of `shared::kernel::cgroup`. Pure.

use oci_spec::runtime::{
    LinuxBlockIo, LinuxDeviceCgroup, LinuxDeviceType, LinuxResources, LinuxThrottleDevice,
};
use shared::error::{Error, Result};
use shared::kernel::cgroup::{
    Access, DeviceKind, DeviceRule, Direction, HugePages, Limits, Throttle, Weight,
};

/// Devices that every container may use whatever the spec says, as runc has them: making nodes is
/// harmless, using them is what counts.
const ALWAYS: [(DeviceKind, Option<u32>, Option<u32>, &str); 12] = [
    (DeviceKind::Character, None, None, "m"),
    (DeviceKind::Block, None, None, "m"),
    (DeviceKind::Character, Some(1), Some(3), "rwm"),
    (DeviceKind::Character, Some(1), Some(5), "rwm"),
    (DeviceKind::Character, Some(1), Some(7), "rwm"),
    (DeviceKind::Character, Some(1), Some(8), "rwm"),
    (DeviceKind::Character, Some(1), Some(9), "rwm"),
    (DeviceKind::Character, Some(5), Some(0), "rwm"),
    (DeviceKind::Character, Some(5), Some(2), "rwm"),
    (DeviceKind::Character, Some(136), None, "rwm"),
    (DeviceKind::Character, Some(5), Some(1), "rwm"),
    (DeviceKind::Character, Some(10), Some(200), "rwm"),
];

/// The spec's resources; `Invalid` for a rule that makes no sense.
#[allow(deprecated)] // `kernel` memory is still in specs: it becomes a warning
pub fn limits(resources: &LinuxResources) -> Result<Limits> {
    let mut limits = Limits::default();
    if let Some(cpu) = resources.cpu() {
        limits.cpu_shares = cpu.shares();
        limits.cpu_quota_us = cpu.quota();
        limits.cpu_period_us = cpu.period();
        limits.cpu_burst_us = cpu.burst();
        limits.cpu_idle = cpu.idle();
        limits.cpu_realtime_runtime_us = cpu.realtime_runtime();
        limits.cpu_realtime_period_us = cpu.realtime_period();
        limits.cpus.clone_from(cpu.cpus());
        limits.mems.clone_from(cpu.mems());
    }
    if let Some(memory) = resources.memory() {
        limits.memory_bytes = memory.limit();
        limits.memory_reservation_bytes = memory.reservation();
        limits.memory_swap_bytes = memory.swap();
        limits.kernel_memory_bytes = memory.kernel();
        limits.kernel_tcp_memory_bytes = memory.kernel_tcp();
        limits.swappiness = memory.swappiness();
        limits.oom_kill_disabled = memory.disable_oom_killer();
        limits.check_before_update = memory.check_before_update().unwrap_or(false);
    }
    limits.pids = resources.pids().map(|pids| pids.limit()).filter(|count| *count != 0);
    if let Some(io) = resources.block_io() {
        blocks(io, &mut limits)?;
    }
    for pages in resources.hugepage_limits().as_deref().unwrap_or_default() {
        let page_size = pages.page_size().clone();
        limits.huge_pages.push(HugePages { page_size, bytes: pages.limit() });
    }
    if let Some(network) = resources.network() {
        limits.network_class = network.class_id();
        for entry in network.priorities().as_deref().unwrap_or_default() {
            limits.network_priorities.push((entry.name().clone(), entry.priority()));
        }
    }
    for (device, rdma) in resources.rdma().iter().flatten() {
        limits.rdma.push((device.clone(), rdma.hca_handles(), rdma.hca_objects()));
    }
    limits.unified = resources.unified().clone().unwrap_or_default().into_iter().collect();
    if let Some(rules) = resources.devices() {
        limits.devices = rules.iter().map(rule).collect::<Result<_>>()?;
        limits.devices.extend(always());
    }
    Ok(limits)
}

fn always() -> impl Iterator<Item = DeviceRule> {
    ALWAYS.iter().map(|(kind, major, minor, letters)| DeviceRule {
        allow: true,
        kind: *kind,
        major: *major,
        minor: *minor,
        access: Access::parse(letters).unwrap_or(Access::ALL),
    })
}

fn rule(rule: &LinuxDeviceCgroup) -> Result<DeviceRule> {
    let number = |value: Option<i64>| match value {
        None | Some(-1) => Ok(None),
        Some(value) => u32::try_from(value)
            .map(Some)
            .map_err(|_| Error::invalid(format!("device number {value} in {rule} is not one"))),
    };
    let (major, minor) = (number(rule.major())?, number(rule.minor())?);
    let letters = rule.access().as_deref().filter(|a| !a.is_empty()).unwrap_or("rwm");
    // Some specs say "a" for all, as version 1's own files do for the kind.
    let access = if letters.contains('a') { Some(Access::ALL) } else { Access::parse(letters) }
        .ok_or_else(|| {
            Error::invalid(format!("device access {letters:?} is not made of r, w, m"))
        })?;
    let kind = match rule.typ().unwrap_or(LinuxDeviceType::A) {
        LinuxDeviceType::B => DeviceKind::Block,
        LinuxDeviceType::C | LinuxDeviceType::U => DeviceKind::Character,
        // A rule for "all" can name no number: nothing could be written for it in version 1.
        LinuxDeviceType::A => DeviceKind::All,
        LinuxDeviceType::P => {
            return Err(Error::invalid(format!("device rule {rule} is about a fifo")));
        }
    };
    Ok(DeviceRule { allow: rule.allow(), kind, major, minor, access })
}

fn blocks(io: &LinuxBlockIo, limits: &mut Limits) -> Result<()> {
    let number = |value: i64| {
        u64::try_from(value)
            .map_err(|_| Error::invalid(format!("device number {value} is not one")))
    };
    limits.io_weight = io.weight();
    limits.io_leaf_weight = io.leaf_weight();
    for device in io.weight_device().as_deref().unwrap_or_default() {
        limits.io_weights.push(Weight {
            major: number(device.major())?,
            minor: number(device.minor())?,
            weight: device.weight(),
            leaf_weight: device.leaf_weight(),
        });
    }
    let mut throttles = |list: &Option<Vec<LinuxThrottleDevice>>, direction| -> Result<()> {
        for device in list.as_deref().unwrap_or_default() {
            let (major, minor) = (number(device.major())?, number(device.minor())?);
            limits.io_throttles.push(Throttle { direction, major, minor, rate: device.rate() });
        }
        Ok(())
    };
    throttles(io.throttle_read_bps_device(), Direction::ReadBytes)?;
    throttles(io.throttle_write_bps_device(), Direction::WriteBytes)?;
    throttles(io.throttle_read_iops_device(), Direction::Reads)?;
    throttles(io.throttle_write_iops_device(), Direction::Writes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_of_it() {
        let json = r#"{
            "cpu": {"shares": 512, "quota": 50000, "cpus": "0-1"},
            "memory": {"limit": 1048576, "swap": -1},
            "pids": {"limit": 10},
            "blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1024}]},
            "devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": -1}]
        }"#;
        let limits = limits(&serde_json::from_str(json).unwrap()).unwrap();
        assert_eq!(limits.cpu_shares, Some(512));
        assert_eq!((limits.memory_bytes, limits.memory_swap_bytes), (Some(1_048_576), Some(-1)));
        assert_eq!(limits.io_throttles[0].rate, 1024);
        assert_eq!(limits.devices[0].to_string(), "a");
        assert_eq!(limits.devices[1].to_string(), "c 10:* rwm");
        assert_eq!(limits.devices.len(), 2 + ALWAYS.len());
    }

    #[test]
    fn nonsense_is_refused() {
        let json = r#"{"devices": [{"allow": true, "type": "c", "access": "x"}]}"#;
        assert!(limits(&serde_json::from_str(json).unwrap()).is_err());
    }
}
