//! `update`: other limits for a container that exists.

use super::container::{Status, open};
use super::global::Global;
use super::log;
use clap::Args;
use oci_spec::runtime::LinuxResources;
use serde_json::{Map, Value};
use shared::error::{Context, Error, Kind, Result};
use std::io::Read;
use std::path::PathBuf;

/// Of `update`.
#[derive(Args, Clone)]
#[command(allow_negative_numbers = true)]
pub struct Update {
    /// Path to the file containing the resources to update or '-' to read from the standard input
    #[arg(short, long)]
    resources: Option<PathBuf>,
    /// Specifies per cgroup weight, range is from 10 to 1000
    #[arg(long)]
    blkio_weight: Option<u64>,
    /// CPU CFS period to be used for hardcapping (in usecs). 0 to use system default
    #[arg(long)]
    cpu_period: Option<u64>,
    /// CPU CFS hardcap limit (in usecs). Allowed cpu time in a given period
    #[arg(long)]
    cpu_quota: Option<i64>,
    /// CPU CFS hardcap burst limit (in usecs)
    #[arg(long)]
    cpu_burst: Option<u64>,
    /// CPU realtime period to be used for hardcapping (in usecs)
    #[arg(long)]
    cpu_rt_period: Option<u64>,
    /// CPU realtime hardcap limit (in usecs)
    #[arg(long)]
    cpu_rt_runtime: Option<i64>,
    /// CPU shares (relative weight vs. other containers)
    #[arg(long)]
    cpu_share: Option<u64>,
    /// CPU(s) to use
    #[arg(long)]
    cpuset_cpus: Option<String>,
    /// Memory node(s) to use
    #[arg(long)]
    cpuset_mems: Option<String>,
    /// Kernel memory limit; ignored, kernels no longer have it
    #[arg(long)]
    kernel_memory: Option<String>,
    /// Kernel memory limit (in bytes) for tcp buffer
    #[arg(long)]
    kernel_memory_tcp: Option<String>,
    /// Memory limit (in bytes)
    #[arg(long)]
    memory: Option<String>,
    /// Memory reservation or soft_limit (in bytes)
    #[arg(long)]
    memory_reservation: Option<String>,
    /// Total memory usage (memory + swap); set '-1' to enable unlimited swap
    #[arg(long)]
    memory_swap: Option<String>,
    /// Maximum number of pids allowed in the container
    #[arg(long)]
    pids_limit: Option<i64>,
    /// Name of the container
    id: String,
}

/// Applies what is given, and keeps it in the record.
pub fn run(global: &Global, args: &Update) -> Result<u8> {
    let (folder, mut record) = open(global, &args.id)?;
    if record.status(&folder)? == Status::Stopped {
        return Err(Error::new(Kind::Conflict, "container not running"));
    }
    let wanted = wanted(args)?;
    let resources: LinuxResources = serde_json::from_value(wanted.clone())
        .map_err(|e| Error::invalid(format!("the resources are not understood: {e}")))?;
    let warnings = record.group()?.apply(&crate::resource::limits(&resources)?)?;
    warnings.iter().for_each(|warning| log::warn(warning));
    let mut linux = record.spec.linux().clone().unwrap_or_default();
    let mut all = serde_json::to_value(linux.resources()).context("encode the resources")?;
    merge(&mut all, wanted);
    let all = serde_json::from_value(all).context("keep the resources")?;
    linux.set_resources(Some(all));
    record.spec.set_linux(Some(linux));
    folder.save(&record)?;
    Ok(0)
}

/// A file holds for all; else the flags.
fn wanted(args: &Update) -> Result<Value> {
    if let Some(path) = &args.resources {
        let mut text = String::new();
        if path.as_os_str() == "-" {
            std::io::stdin().read_to_string(&mut text).context("read standard input")?;
        } else {
            text = std::fs::read_to_string(path)
                .with_context(|| format!("read {}", path.display()))?;
        }
        return serde_json::from_str(&text)
            .map_err(|e| Error::invalid(format!("the resources are not understood: {e}")));
    }
    let mut all = Map::new();
    let mut put = |part: &str, key: &str, value: Option<Value>| {
        if let Some(value) = value {
            let part = all.entry(part).or_insert_with(|| Value::Object(Map::new()));
            part[key] = value;
        }
    };
    let size = |text: &Option<String>| text.as_deref().map(bytes).transpose();
    put("blockIO", "weight", args.blkio_weight.map(Value::from));
    put("cpu", "period", args.cpu_period.map(Value::from));
    put("cpu", "quota", args.cpu_quota.map(Value::from));
    put("cpu", "burst", args.cpu_burst.map(Value::from));
    put("cpu", "realtimePeriod", args.cpu_rt_period.map(Value::from));
    put("cpu", "realtimeRuntime", args.cpu_rt_runtime.map(Value::from));
    put("cpu", "shares", args.cpu_share.map(Value::from));
    put("cpu", "cpus", args.cpuset_cpus.clone().map(Value::from));
    put("cpu", "mems", args.cpuset_mems.clone().map(Value::from));
    put("memory", "kernel", size(&args.kernel_memory)?.map(Value::from));
    put("memory", "kernelTCP", size(&args.kernel_memory_tcp)?.map(Value::from));
    put("memory", "limit", size(&args.memory)?.map(Value::from));
    put("memory", "reservation", size(&args.memory_reservation)?.map(Value::from));
    put("memory", "swap", size(&args.memory_swap)?.map(Value::from));
    put("pids", "limit", args.pids_limit.map(Value::from));
    Ok(Value::Object(all))
}

/// `-1`, `4096`, `30M`, `1g`, `512kB`, `1.5GiB`: powers of 1024.
fn bytes(text: &str) -> Result<i64> {
    if text == "-1" {
        return Ok(-1);
    }
    Ok(i64::try_from(shared::size::bytes(text)?).unwrap_or(i64::MAX))
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(bytes("30M").unwrap(), 30 << 20);
        assert_eq!(bytes("1.5GiB").unwrap(), 3 << 29);
        assert_eq!(bytes("-1").unwrap(), -1);
        assert!(bytes("x").is_err() && bytes("-5").is_err());
    }

    #[test]
    fn what_is_not_given_stays() {
        let mut all = serde_json::json!({"cpu": {"shares": 1, "quota": 2}});
        merge(&mut all, serde_json::json!({"cpu": {"quota": 3}, "pids": {"limit": 4}}));
        assert_eq!(
            all,
            serde_json::json!({"cpu": {"shares": 1, "quota": 3}, "pids": {"limit": 4}})
        );
    }
}
