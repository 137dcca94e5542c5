//! Updates: what `docker update` gives, piled up and laid over what was asked at create. Pure.

use shared::docker::{ContainerUpdateBody, HostConfig};
use shared::error::{Context, Error, Result};

macro_rules! take_given {
    ($host:ident, $update:ident: $($field:ident),* $(,)?) => {$(
        if $update.$field.is_some() {
            $host.$field = $update.$field.clone();
        }
    )*};
}

/// Lays the fields that an update gives over a host configuration; zero and empty mean "leave it",
/// as in Docker.
pub fn overlay(host: &mut HostConfig, update: &ContainerUpdateBody) {
    take_given!(host, update: cpu_shares, memory, blkio_weight, blkio_weight_device, blkio_device_read_bps,
        blkio_device_write_bps, blkio_device_read_iops, blkio_device_write_iops, cpu_period, cpu_quota,
        cpu_realtime_period, cpu_realtime_runtime, cpuset_cpus, cpuset_mems, memory_reservation, memory_swap,
        memory_swappiness, nano_cpus, oom_kill_disable, pids_limit, restart_policy);
}

macro_rules! clear_zero {
    ($update:ident: $($field:ident),* $(,)?) => {$(
        if $update.$field == Some(0) {
            $update.$field = None;
        }
    )*};
}

/// An update without the fields that ask for nothing, laid over an earlier one.
pub fn merge_update(
    earlier: Option<&ContainerUpdateBody>,
    mut update: ContainerUpdateBody,
) -> Result<ContainerUpdateBody> {
    clear_zero!(update: cpu_shares, memory, blkio_weight, cpu_period, cpu_quota, cpu_realtime_period,
        cpu_realtime_runtime, memory_reservation, memory_swap, nano_cpus);
    for text in [&mut update.cpuset_cpus, &mut update.cpuset_mems] {
        if text.as_ref().is_some_and(String::is_empty) {
            *text = None;
        }
    }
    // The empty policy name asks for no change.
    if update.restart_policy.as_ref().is_some_and(|p| p.name.is_none_or(|n| n.as_ref().is_empty()))
    {
        update.restart_policy = None;
    }
    let Some(earlier) = earlier else { return Ok(update) };
    let mut merged = serde_json::to_value(earlier).context("encode an update")?;
    let newer = serde_json::to_value(&update).context("encode an update")?;
    let (Some(all), Some(newer)) = (merged.as_object_mut(), newer.as_object()) else {
        return Err(Error::internal("an update is not an object"));
    };
    all.extend(
        newer.iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| (k.clone(), v.clone())),
    );
    serde_json::from_value(merged).context("decode an update")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_pile_up_and_zero_changes_nothing() {
        let first = ContainerUpdateBody { memory: Some(64 << 20), ..Default::default() };
        let second =
            ContainerUpdateBody { memory: Some(0), pids_limit: Some(5), ..Default::default() };
        let merged = merge_update(Some(&first), second).unwrap();
        let mut host = HostConfig { memory: Some(1), cpu_shares: Some(7), ..Default::default() };
        overlay(&mut host, &merged);
        assert_eq!((host.memory, host.pids_limit), (Some(64 << 20), Some(5)));
        assert_eq!(host.cpu_shares, Some(7));
    }
}
