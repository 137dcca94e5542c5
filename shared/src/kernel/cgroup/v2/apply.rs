//! Writes [`Limits`] into version 2's files, translating what version 1 words differently (OCI's
//! runtime-spec, config-linux.md, "cgroup ownership and v2 mapping", and runc's and crun's practice).

use super::super::file::{number, read_if_there, write};
use super::super::limit::{weight_of_block, weight_of_shares};
use super::super::{Direction, Limits, Throttle, device};
use crate::error::{Error, Kind, Result};
use std::path::Path;

pub(super) fn apply(folder: &Path, limits: &Limits) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    cpu(folder, limits)?;
    memory(folder, limits, &mut warnings)?;
    let put = |file: &str, value: &str| put(folder, file, value);
    if let Some(count) = limits.pids {
        put("pids.max", &if count > 0 { count.to_string() } else { "max".to_owned() })?;
    }
    blocks(folder, limits, &mut warnings)?;
    for pages in &limits.huge_pages {
        put(&format!("hugetlb.{}.max", pages.page_size), &bound(pages.bytes))?;
    }
    for (name, handles, objects) in &limits.rdma {
        put("rdma.max", &rdma_line(name, *handles, *objects))?;
    }
    if limits.network_class.is_some() || !limits.network_priorities.is_empty() {
        warnings.push("cgroup v2 has no network classes and priorities, ignored".to_owned());
    }
    for (file, value) in &limits.unified {
        if file.contains('/') || file.starts_with("cgroup.") {
            return Err(Error::invalid(format!("unified resource {file:?} must be a file name")));
        }
        value.lines().try_for_each(|line| put(file, line))?;
    }
    if !limits.devices.is_empty() {
        device::attach(folder, &limits.devices)?;
    }
    Ok(warnings)
}

/// `device hca_handle=n hca_object=n`, a missing one `max`.
pub fn rdma_line(device: &str, handles: Option<u32>, objects: Option<u32>) -> String {
    let bound = |n: Option<u32>| n.map_or("max".to_owned(), |n| n.to_string());
    format!("{device} hca_handle={} hca_object={}", bound(handles), bound(objects))
}

fn put(folder: &Path, file: &str, value: &str) -> Result<()> {
    write(&folder.join(file), value).map_err(|error| match error.kind() {
        Kind::NotFound => {
            Error::unavailable(format!("{error}: the controller is not available to this group"))
        }
        _ => error,
    })
}

fn bound(bytes: i64) -> String {
    if bytes < 0 { "max".to_owned() } else { bytes.to_string() }
}

fn cpu(folder: &Path, limits: &Limits) -> Result<()> {
    let put = |file: &str, value: &str| put(folder, file, value);
    for (file, value) in [("cpuset.cpus", &limits.cpus), ("cpuset.mems", &limits.mems)] {
        if let Some(value) = value.as_deref().filter(|v| !v.is_empty()) {
            put(file, value)?;
        }
    }
    if let Some(shares) = limits.cpu_shares.filter(|s| *s != 0) {
        put("cpu.weight", &weight_of_shares(shares).to_string())?;
    }
    let quota = limits.cpu_quota_us.filter(|q| *q != 0);
    let period = limits.cpu_period_us.filter(|p| *p != 0);
    if quota.is_some() || period.is_some() {
        let now = read_if_there(&folder.join("cpu.max"))?.unwrap_or_default();
        let mut now = now.split_ascii_whitespace();
        let old_quota = now.next().unwrap_or("max").to_owned();
        let old_period = now.next().unwrap_or("100000").to_owned();
        let quota = quota.map_or(old_quota, bound);
        let period = period.map_or(old_period, |p| p.to_string());
        put("cpu.max", &format!("{quota} {period}"))?;
    }
    if let Some(burst) = limits.cpu_burst_us {
        put("cpu.max.burst", &burst.to_string())?;
    }
    if let Some(idle) = limits.cpu_idle {
        put("cpu.idle", &idle.to_string())?;
    }
    if limits.cpu_realtime_runtime_us.is_some_and(|r| r != 0) {
        return Err(Error::invalid("cgroup v2 has no realtime limits"));
    }
    Ok(())
}

fn memory(folder: &Path, limits: &Limits, warnings: &mut Vec<String>) -> Result<()> {
    let set = |value: Option<i64>| value.filter(|v| *v != 0);
    let (bytes, swap) = (set(limits.memory_bytes), set(limits.memory_swap_bytes));
    if let (true, Some(bytes)) = (limits.check_before_update, bytes.filter(|b| *b > 0)) {
        let usage = number(&folder.join("memory.current"))?;
        if usage > bytes as u64 {
            return Err(Error::invalid(format!(
                "rejecting memory limit {bytes}: usage {usage} is already above it"
            )));
        }
    }
    if let Some(text) = swap_text(bytes, swap)? {
        match write(&folder.join("memory.swap.max"), &text) {
            Err(error) if error.kind() == Kind::NotFound => {
                warnings.push(format!("this kernel does not account swap, ignored: {error}"));
            }
            other => other?,
        }
    }
    if let Some(bytes) = bytes {
        put(folder, "memory.max", &bound(bytes))?;
    }
    if let Some(bytes) = set(limits.memory_reservation_bytes) {
        put(folder, "memory.low", &bound(bytes))?;
    }
    if limits.oom_kill_disabled == Some(true) || limits.swappiness.is_some() {
        warnings.push("cgroup v2 has no swappiness and no OOM kill switch, ignored".to_owned());
    }
    if set(limits.kernel_memory_bytes).is_some() || set(limits.kernel_tcp_memory_bytes).is_some() {
        warnings.push("kernel memory limits are gone from the kernel, and ignored".to_owned());
    }
    Ok(())
}

/// OCI's swap counts memory and swap together, version 2's swap alone.
fn swap_text(memory: Option<i64>, swap: Option<i64>) -> Result<Option<String>> {
    match (memory, swap) {
        (Some(-1), None) => Ok(Some("max".to_owned())),
        (_, None) => Ok(None),
        (_, Some(swap)) if swap < 0 => Ok(Some("max".to_owned())),
        (None, Some(_)) => Err(Error::invalid("unable to set swap limit without memory limit")),
        (Some(memory), Some(swap)) if memory < 0 || swap >= memory => {
            Ok(Some((swap - memory.max(0)).to_string()))
        }
        _ => Err(Error::invalid("memory+swap limit should be >= memory limit")),
    }
}

fn blocks(folder: &Path, limits: &Limits, warnings: &mut Vec<String>) -> Result<()> {
    if let Some(weight) = limits.io_weight.filter(|w| *w != 0) {
        // BFQ keeps the old scale, the kernel's own controller has the new one.
        let old = write(&folder.join("io.bfq.weight"), &weight.to_string());
        if old.is_err() {
            put(folder, "io.weight", &format!("default {}", weight_of_block(weight)))?;
        }
    }
    for device in &limits.io_weights {
        let Some(weight) = device.weight.filter(|w| *w != 0) else { continue };
        let line = format!("{}:{} {weight}", device.major, device.minor);
        put(folder, "io.bfq.weight", &line)?;
    }
    if limits.io_leaf_weight.is_some_and(|w| w != 0) {
        warnings.push("cgroup v2 has no leaf weight, ignored".to_owned());
    }
    for Throttle { direction, major, minor, rate } in &limits.io_throttles {
        let key = match direction {
            Direction::ReadBytes => "rbps",
            Direction::WriteBytes => "wbps",
            Direction::Reads => "riops",
            Direction::Writes => "wiops",
        };
        let rate = if *rate == 0 { "max".to_owned() } else { rate.to_string() };
        put(folder, "io.max", &format!("{major}:{minor} {key}={rate}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_is_what_is_above_memory() {
        assert_eq!(swap_text(Some(100), Some(150)).unwrap().as_deref(), Some("50"));
        assert_eq!(swap_text(Some(100), Some(100)).unwrap().as_deref(), Some("0"));
        assert_eq!(swap_text(Some(100), Some(-1)).unwrap().as_deref(), Some("max"));
        assert_eq!(swap_text(Some(-1), None).unwrap().as_deref(), Some("max"));
        assert_eq!(swap_text(Some(100), None).unwrap(), None);
        assert!(swap_text(Some(100), Some(50)).is_err());
        assert!(swap_text(None, Some(50)).is_err());
    }
}
