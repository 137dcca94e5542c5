//! Limits of resources, restart policies and devices.

use super::object::{Object, set, set_flag};
use crate::args::create::{Limits, Security};
use crate::units;
use serde_json::{Value, json};
use shared::error::{Error, Result};

/// The limits as fields of HostConfig, or of an update.
pub fn limits(given: &Limits) -> Result<Object> {
    let mut out = Object::new();
    for (name, size) in [
        ("Memory", &given.memory),
        ("MemoryReservation", &given.memory_reservation),
        ("MemorySwap", &given.memory_swap),
    ] {
        set(&mut out, name, size.as_ref().map(|s| units::bytes(s)).transpose()?);
    }
    set(&mut out, "NanoCpus", given.cpus.map(|number| (number * 1e9).round() as i64));
    for (name, number) in [
        ("MemorySwappiness", given.memory_swappiness),
        ("CpuShares", given.cpu_shares),
        ("CpuPeriod", given.cpu_period),
        ("CpuQuota", given.cpu_quota),
        ("CpuRealtimePeriod", given.cpu_rt_period),
        ("CpuRealtimeRuntime", given.cpu_rt_runtime),
        ("PidsLimit", given.pids_limit),
        ("OomScoreAdj", given.oom_score_adj),
        ("BlkioWeight", given.blkio_weight.map(i64::from)),
    ] {
        set(&mut out, name, number);
    }
    set(&mut out, "CpusetCpus", given.cpuset_cpus.clone());
    set(&mut out, "CpusetMems", given.cpuset_mems.clone());
    set(&mut out, "CgroupParent", given.cgroup_parent.clone());
    set_flag(&mut out, "OomKillDisable", given.oom_kill_disable);
    throttles(given, &mut out)?;
    if !given.ulimit.is_empty() {
        let one = |(name, soft, hard): &(String, i64, i64)| json!({"Name": name, "Soft": soft, "Hard": hard});
        out.insert("Ulimits".into(), given.ulimit.iter().map(one).collect());
    }
    if !given.sysctl.is_empty() {
        out.insert("Sysctls".into(), units::pairs(&given.sysctl)?.into());
    }
    Ok(out)
}

fn throttles(given: &Limits, out: &mut Object) -> Result<()> {
    let lists: [(&str, &str, &Vec<String>); 5] = [
        ("BlkioWeightDevice", "Weight", &given.blkio_weight_device),
        ("BlkioDeviceReadBps", "Rate", &given.device_read_bps),
        ("BlkioDeviceWriteBps", "Rate", &given.device_write_bps),
        ("BlkioDeviceReadIOps", "Rate", &given.device_read_iops),
        ("BlkioDeviceWriteIOps", "Rate", &given.device_write_iops),
    ];
    for (name, field, list) in lists.into_iter().filter(|l| !l.2.is_empty()) {
        let one = |text: &String| -> Result<Value> {
            let (path, rate) = text
                .rsplit_once(':')
                .ok_or_else(|| Error::invalid(format!("bad format: {text}")))?;
            Ok(json!({"Path": path, field: units::bytes(rate)?}))
        };
        out.insert(name.into(), list.iter().map(one).collect::<Result<Vec<_>>>()?.into());
    }
    Ok(())
}

/// `no`, `always`, `unless-stopped`, `on-failure[:n]`.
pub fn restart(text: &str) -> Result<Value> {
    let (name, count) = text.split_once(':').unwrap_or((text, "0"));
    // Which names there are the daemon knows.
    let count: i64 = count.parse().map_err(|_| {
        Error::invalid("invalid restart policy format: maximum retry count must be an integer")
    })?;
    Ok(json!({"Name": name, "MaximumRetryCount": count}))
}

/// Devices and GPUs.
pub fn devices(given: &Security, host: &mut Object) -> Result<()> {
    let one = |text: &String| -> Result<Value> {
        let parts: Vec<&str> = text.split(':').collect();
        let (path, inside, rights) = match parts.as_slice() {
            [path] => (*path, *path, "rwm"),
            [path, rights] if !rights.starts_with('/') => (*path, *path, *rights),
            [path, inside] => (*path, *inside, "rwm"),
            [path, inside, rights] => (*path, *inside, *rights),
            _ => return Err(Error::invalid(format!("bad format for path: {text}"))),
        };
        Ok(json!({"PathOnHost": path, "PathInContainer": inside, "CgroupPermissions": rights}))
    };
    if !given.device.is_empty() {
        let all: Vec<Value> = given.device.iter().map(one).collect::<Result<_>>()?;
        host.insert("Devices".into(), all.into());
    }
    if let Some(gpus) = &given.gpus {
        let count = if gpus == "all" {
            -1
        } else {
            gpus.parse().map_err(|_| {
                Error::invalid(format!("invalid argument {gpus:?} for \"--gpus\" flag"))
            })?
        };
        host.insert("DeviceRequests".into(), json!([{"Count": count, "Capabilities": [["gpu"]]}]));
    }
    Ok(())
}
