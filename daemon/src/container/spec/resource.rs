//! The `linux.resources` section of a container and of an update. Pure. Judging is in `check_resource`.

use super::device;
use oci_spec::runtime::{
    LinuxBlockIo, LinuxCpu, LinuxDeviceCgroup, LinuxMemory, LinuxPids, LinuxResources,
    LinuxThrottleDevice, LinuxThrottleDeviceBuilder, LinuxWeightDevice, LinuxWeightDeviceBuilder,
};
use shared::docker::{HostConfig, ResourcesBlkioWeightDevice, ThrottleDevice};
use shared::error::{Context, Result};

/// Microseconds of a CPU period when only a number of CPUs is asked for.
pub const PERIOD: u64 = 100_000;

/// Everything but devices, so that an update can use it too. What is not asked for is left out.
pub fn limits(asked: &HostConfig) -> Result<LinuxResources> {
    let mut resources = LinuxResources::default();
    resources
        .set_memory(Some(memory(asked)))
        .set_cpu(Some(cpu(asked)))
        .set_pids(pids(asked))
        .set_block_io(Some(block_io(asked)?).filter(|io| *io != LinuxBlockIo::default()));
    Ok(resources)
}

/// The same with the rules of the device cgroup.
pub fn resources(asked: &HostConfig, rules: Vec<LinuxDeviceCgroup>) -> Result<LinuxResources> {
    let mut resources = limits(asked)?;
    if asked.pids_limit.is_none_or(|limit| limit <= 0) {
        // A new group has no limit; not every runtime understands -1.
        resources.set_pids(None);
    }
    resources.set_devices(Some(rules));
    Ok(resources)
}

/// Memory and swap together when only memory is limited: twice the memory, as Docker decides.
pub fn swap(asked: &HostConfig) -> Option<i64> {
    let memory = asked.memory.filter(|m| *m > 0);
    match asked.memory_swap.filter(|s| *s != 0) {
        Some(swap) => Some(swap),
        None => memory.map(|m| m.saturating_mul(2)),
    }
}

fn memory(asked: &HostConfig) -> LinuxMemory {
    let mut memory = LinuxMemory::default();
    memory
        .set_limit(asked.memory.filter(|m| *m > 0))
        .set_reservation(asked.memory_reservation.filter(|m| *m > 0))
        .set_swap(swap(asked))
        .set_swappiness(asked.memory_swappiness.and_then(|s| u64::try_from(s).ok()))
        .set_disable_oom_killer(asked.oom_kill_disable.filter(|disabled| *disabled));
    memory
}

fn cpu(asked: &HostConfig) -> LinuxCpu {
    let positive = |n: Option<i64>| n.filter(|n| *n > 0).map(|n| n as u64);
    let mut cpu = LinuxCpu::default();
    cpu.set_shares(positive(asked.cpu_shares).map(|s| s.clamp(2, 262_144)))
        .set_cpus(asked.cpuset_cpus.clone().filter(|c| !c.is_empty()))
        .set_mems(asked.cpuset_mems.clone().filter(|c| !c.is_empty()))
        .set_realtime_runtime(asked.cpu_realtime_runtime.filter(|n| *n != 0))
        .set_realtime_period(positive(asked.cpu_realtime_period));
    match asked.nano_cpus.filter(|n| *n > 0) {
        Some(nanos) => cpu
            .set_period(Some(PERIOD))
            .set_quota(Some((i128::from(nanos) * i128::from(PERIOD) / 1_000_000_000) as i64)),
        None => cpu
            .set_period(positive(asked.cpu_period))
            .set_quota(asked.cpu_quota.filter(|q| *q != 0)),
    };
    cpu
}

/// Zero and negative ask for no limit; unset leaves it alone.
fn pids(asked: &HostConfig) -> Option<LinuxPids> {
    let limit = asked.pids_limit?;
    let mut pids = LinuxPids::default();
    pids.set_limit(if limit > 0 { limit } else { -1 });
    Some(pids)
}

fn block_io(asked: &HostConfig) -> Result<LinuxBlockIo> {
    let mut io = LinuxBlockIo::default();
    io.set_weight(asked.blkio_weight.filter(|w| *w > 0))
        .set_weight_device(weights(asked.blkio_weight_device.as_deref())?)
        .set_throttle_read_bps_device(throttles(asked.blkio_device_read_bps.as_deref())?)
        .set_throttle_write_bps_device(throttles(asked.blkio_device_write_bps.as_deref())?)
        .set_throttle_read_iops_device(throttles(asked.blkio_device_read_iops.as_deref())?)
        .set_throttle_write_iops_device(throttles(asked.blkio_device_write_iops.as_deref())?);
    Ok(io)
}

fn weights(list: Option<&[ResourcesBlkioWeightDevice]>) -> Result<Option<Vec<LinuxWeightDevice>>> {
    let weight = |asked: &ResourcesBlkioWeightDevice| {
        let (major, minor) = device::number(asked.path.as_deref().unwrap_or_default())?;
        let weight = u16::try_from(asked.weight.unwrap_or_default()).unwrap_or(u16::MAX);
        let device = LinuxWeightDeviceBuilder::default().major(major).minor(minor).weight(weight);
        device.build().context("describe a device's weight")
    };
    let all: Vec<_> = list.unwrap_or_default().iter().map(weight).collect::<Result<_>>()?;
    Ok(Some(all).filter(|a| !a.is_empty()))
}

fn throttles(list: Option<&[ThrottleDevice]>) -> Result<Option<Vec<LinuxThrottleDevice>>> {
    let throttle = |asked: &ThrottleDevice| {
        let (major, minor) = device::number(asked.path.as_deref().unwrap_or_default())?;
        let rate = asked.rate.unwrap_or_default().max(0) as u64;
        let device = LinuxThrottleDeviceBuilder::default().major(major).minor(minor).rate(rate);
        device.build().context("describe a device's limit")
    };
    let all: Vec<_> = list.unwrap_or_default().iter().map(throttle).collect::<Result<_>>()?;
    Ok(Some(all).filter(|a| !a.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_is_twice_the_memory_unless_said() {
        let ask = |memory, memory_swap| HostConfig { memory, memory_swap, ..HostConfig::default() };
        assert_eq!(swap(&ask(Some(8 << 20), None)), Some(16 << 20));
        assert_eq!(swap(&ask(Some(8 << 20), Some(-1))), Some(-1));
        assert_eq!(swap(&ask(Some(8 << 20), Some(9 << 20))), Some(9 << 20));
        assert_eq!(swap(&ask(None, None)), None);
    }

    #[test]
    fn processors_become_quota_and_period() {
        let asked = HostConfig { nano_cpus: Some(1_500_000_000), ..HostConfig::default() };
        let section = cpu(&asked);
        assert_eq!((section.quota(), section.period()), (Some(150_000), Some(100_000)));
        let asked =
            HostConfig { cpu_shares: Some(1), cpu_quota: Some(-1), ..HostConfig::default() };
        assert_eq!((cpu(&asked).shares(), cpu(&asked).quota()), (Some(2), Some(-1)));
    }

    #[test]
    fn nothing_asked_is_nothing_limited() {
        let resources = limits(&HostConfig::default()).unwrap();
        assert_eq!(resources.pids(), &None);
        assert_eq!(resources.block_io(), &None);
        assert_eq!(resources.memory().as_ref().unwrap().limit(), None);
    }
}
