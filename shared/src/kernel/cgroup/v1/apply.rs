//! Writes [`Limits`] into version 1's files. Order matters where two values bound each other: memory
//! and memory with swap, quota and period.

use super::super::file::{number, read, write};
use super::super::{Direction, Limits, Throttle};
use super::{Group, missing};
use crate::error::{Context, Error, Kind, Result};
use std::path::Path;

pub(super) fn apply(group: &Group, limits: &Limits) -> Result<Vec<String>> {
    if !limits.unified.is_empty() {
        return Err(Error::invalid("invalid configuration: cannot use unified on cgroup v1"));
    }
    let mut warnings = Vec::new();
    cpuset(group, limits)?;
    cpu(group, limits, &mut warnings)?;
    memory(group, limits, &mut warnings)?;
    if let Some(count) = limits.pids {
        let text = if count > 0 { count.to_string() } else { "max".to_owned() };
        write(&group.need("pids")?.join("pids.max"), &text)?;
    }
    blocks(group, limits, &mut warnings)?;
    for rule in &limits.devices {
        let file = if rule.allow { "devices.allow" } else { "devices.deny" };
        write(&group.need("devices")?.join(file), &rule.to_string())?;
    }
    for pages in &limits.huge_pages {
        let file = format!("hugetlb.{}.limit_in_bytes", pages.page_size);
        write(&group.need("hugetlb")?.join(file), &pages.bytes.to_string())?;
    }
    if let Some(class) = limits.network_class {
        write(&group.need("net_cls")?.join("net_cls.classid"), &class.to_string())?;
    }
    for (interface, priority) in &limits.network_priorities {
        let line = format!("{interface} {priority}");
        write(&group.need("net_prio")?.join("net_prio.ifpriomap"), &line)?;
    }
    for (device, handles, objects) in &limits.rdma {
        let line = super::super::v2::rdma_line(device, *handles, *objects);
        write(&group.need("rdma")?.join("rdma.max"), &line)?;
    }
    Ok(warnings)
}

fn cpuset(group: &Group, limits: &Limits) -> Result<()> {
    for (file, value) in [("cpuset.cpus", &limits.cpus), ("cpuset.mems", &limits.mems)] {
        if let Some(value) = value.as_deref().filter(|v| !v.is_empty()) {
            write(&group.need("cpuset")?.join(file), value)?;
        }
    }
    Ok(())
}

fn cpu(group: &Group, limits: &Limits, warnings: &mut Vec<String>) -> Result<()> {
    let put = |file: &str, value: String| write(&group.need("cpu")?.join(file), &value);
    if let Some(shares) = limits.cpu_shares.filter(|s| *s != 0) {
        let path = group.need("cpu")?.join("cpu.shares");
        write(&path, &shares.to_string())?;
        let kept = number(&path)?;
        if shares > kept {
            return Err(Error::invalid(format!("the maximum allowed cpu-shares is {kept}")));
        }
        if shares < kept {
            return Err(Error::invalid(format!("the minimum allowed cpu-shares is {kept}")));
        }
    }
    let quota = limits.cpu_quota_us.filter(|q| *q != 0).map(|q| q.max(-1).to_string());
    if let Some(period) = limits.cpu_period_us.filter(|p| *p != 0) {
        match put("cpu.cfs_period_us", period.to_string()) {
            // The new period may not fit the old quota: set the quota first then.
            Err(error) if error.kind() == Kind::Invalid && quota.is_some() => {
                put("cpu.cfs_quota_us", quota.clone().unwrap_or_default())?;
                put("cpu.cfs_period_us", period.to_string())?;
            }
            other => other?,
        }
    }
    if let Some(quota) = quota {
        put("cpu.cfs_quota_us", quota)?;
    }
    if let Some(burst) = limits.cpu_burst_us {
        optional(put("cpu.cfs_burst_us", burst.to_string()), warnings)?;
    }
    if let Some(idle) = limits.cpu_idle {
        optional(put("cpu.idle", idle.to_string()), warnings)?;
    }
    if let Some(period) = limits.cpu_realtime_period_us.filter(|p| *p != 0) {
        put("cpu.rt_period_us", period.to_string())?;
    }
    if let Some(runtime) = limits.cpu_realtime_runtime_us.filter(|r| *r != 0) {
        put("cpu.rt_runtime_us", runtime.to_string())?;
    }
    Ok(())
}

fn memory(group: &Group, limits: &Limits, warnings: &mut Vec<String>) -> Result<()> {
    let set = |value: Option<i64>| value.filter(|v| *v != 0);
    let (bytes, mut swap) = (set(limits.memory_bytes), set(limits.memory_swap_bytes));
    if bytes == Some(-1) && swap.is_none() {
        swap = Some(-1);
    }
    if bytes.is_some() || swap.is_some() {
        memory_and_swap(group.need("memory")?, bytes, swap, limits.check_before_update, warnings)?;
    }
    let put = |file: &str, value: String| write(&group.need("memory")?.join(file), &value);
    if let Some(bytes) = set(limits.memory_reservation_bytes) {
        put("memory.soft_limit_in_bytes", bytes.to_string())?;
    }
    if set(limits.kernel_memory_bytes).is_some() {
        warnings.push("kernel memory limits are gone from the kernel, and ignored".to_owned());
    }
    if let Some(bytes) = set(limits.kernel_tcp_memory_bytes) {
        optional(put("memory.kmem.tcp.limit_in_bytes", bytes.to_string()), warnings)?;
    }
    if let Some(disabled) = limits.oom_kill_disabled {
        put("memory.oom_control", u8::from(disabled).to_string())?;
    }
    if let Some(swappiness) = limits.swappiness {
        if swappiness > 100 {
            let text =
                format!("invalid memory swappiness value: {swappiness} (valid range is 0-100)");
            return Err(Error::invalid(text));
        }
        put("memory.swappiness", swappiness.to_string())?;
    }
    Ok(())
}

/// Memory may never be above memory with swap: which of the two goes first depends on the way.
fn memory_and_swap(
    folder: &Path,
    bytes: Option<i64>,
    swap: Option<i64>,
    check: bool,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let limit = folder.join("memory.limit_in_bytes");
    let both = folder.join("memory.memsw.limit_in_bytes");
    let usage = || number(&folder.join("memory.usage_in_bytes"));
    if let (true, Some(bytes)) = (check, bytes.filter(|b| *b > 0)) {
        let usage = usage()?;
        if usage > bytes as u64 {
            return Err(Error::invalid(format!(
                "rejecting memory limit {bytes}: usage {usage} is already above it"
            )));
        }
    }
    let put_limit = || match bytes {
        None => Ok(()),
        Some(bytes) => write(&limit, &bytes.to_string()).or_else(|error| {
            if error.kind() != Kind::Conflict {
                return Err(error);
            }
            let peak = number(&folder.join("memory.max_usage_in_bytes"))?;
            let usage = usage()?;
            Err(error).context(format!(
                "unable to set memory limit to {bytes} (current usage: {usage}, peak usage: {peak})"
            ))
        }),
    };
    let Some(swap) = swap else { return put_limit() };
    let current = read(&limit)?.trim().parse::<i64>().unwrap_or(i64::MAX);
    let put_both = |warnings: &mut Vec<String>| optional(write(&both, &swap.to_string()), warnings);
    if swap == -1 || current < swap {
        put_both(warnings)?;
        return put_limit();
    }
    put_limit()?;
    put_both(warnings)
}

fn blocks(group: &Group, limits: &Limits, warnings: &mut Vec<String>) -> Result<()> {
    let put = |file: &str, value: String| write(&group.need("blkio")?.join(file), &value);
    if let Some(weight) = limits.io_weight.filter(|w| *w != 0) {
        match put("blkio.weight", weight.to_string()) {
            Err(error) if missing(&error) => {
                optional(put("blkio.bfq.weight", weight.to_string()), warnings)?;
            }
            other => other?,
        }
    }
    if let Some(weight) = limits.io_leaf_weight.filter(|w| *w != 0) {
        optional(put("blkio.leaf_weight", weight.to_string()), warnings)?;
    }
    for device in &limits.io_weights {
        let line = |weight: u16| format!("{}:{} {weight}", device.major, device.minor);
        if let Some(weight) = device.weight.filter(|w| *w != 0) {
            match put("blkio.weight_device", line(weight)) {
                Err(error) if missing(&error) => {
                    optional(put("blkio.bfq.weight_device", line(weight)), warnings)?;
                }
                other => other?,
            }
        }
        if let Some(weight) = device.leaf_weight.filter(|w| *w != 0) {
            optional(put("blkio.leaf_weight_device", line(weight)), warnings)?;
        }
    }
    for Throttle { direction, major, minor, rate } in &limits.io_throttles {
        let file = match direction {
            Direction::ReadBytes => "blkio.throttle.read_bps_device",
            Direction::WriteBytes => "blkio.throttle.write_bps_device",
            Direction::Reads => "blkio.throttle.read_iops_device",
            Direction::Writes => "blkio.throttle.write_iops_device",
        };
        put(file, format!("{major}:{minor} {rate}"))?;
    }
    Ok(())
}

/// A file that this kernel does not have is a warning.
fn optional(result: Result<()>, warnings: &mut Vec<String>) -> Result<()> {
    match result {
        Err(error) if missing(&error) => {
            warnings.push(format!("this kernel cannot do it, ignored: {error}"));
            Ok(())
        }
        other => other,
    }
}
