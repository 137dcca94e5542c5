//! A container's figures in Docker's form (`GET /containers/{id}/stats`). Pure: readings in, JSON out.
//!
//! Field by field as dockerd answers: on cgroup v1 with `max_usage`, `failcnt`, `percpu_usage` and
//! capital operations, on v2 without and in small letters.

use crate::container::reading::{Interface, Reading};
use serde::Serialize;
use shared::kernel::cgroup::{Io, Statistics, Version};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Go's zero time: what was never read.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// Whose figures, and on which machine.
#[derive(Clone, Debug)]
pub struct Subject {
    /// 64 digits.
    pub id: String,
    /// Without a slash.
    pub name: String,
    /// Which hierarchy the figures come from.
    pub version: Version,
    /// Processors online.
    pub cpus: u32,
    /// Memory of the machine in bytes: the limit of a container without one.
    pub memory_bytes: u64,
}

/// Docker's `StatsResponse`.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    read: String,
    preread: String,
    pids_stats: Pids,
    blkio_stats: Blkio,
    num_procs: u32,
    storage_stats: Storage,
    cpu_stats: Cpu,
    precpu_stats: Cpu,
    memory_stats: Memory,
    name: String,
    id: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    networks: BTreeMap<String, Network>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Storage {}

#[derive(Clone, Debug, Default, Serialize)]
struct Pids {
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Cpu {
    cpu_usage: CpuUsage,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_cpu_usage: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    online_cpus: Option<u32>,
    throttling_data: Throttling,
}

#[derive(Clone, Debug, Default, Serialize)]
struct CpuUsage {
    total_usage: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    percpu_usage: Vec<u64>,
    usage_in_kernelmode: u64,
    usage_in_usermode: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Throttling {
    periods: u64,
    throttled_periods: u64,
    throttled_time: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Memory {
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_usage: Option<u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    stats: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failcnt: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Blkio {
    io_service_bytes_recursive: Option<Vec<Entry>>,
    io_serviced_recursive: Option<Vec<Entry>>,
    io_queue_recursive: Option<Vec<Entry>>,
    io_service_time_recursive: Option<Vec<Entry>>,
    io_wait_time_recursive: Option<Vec<Entry>>,
    io_merged_recursive: Option<Vec<Entry>>,
    io_time_recursive: Option<Vec<Entry>>,
    sectors_recursive: Option<Vec<Entry>>,
}

#[derive(Clone, Debug, Serialize)]
struct Entry {
    major: u64,
    minor: u64,
    op: &'static str,
    value: u64,
}

#[derive(Clone, Debug, Serialize)]
struct Network {
    rx_bytes: u64,
    rx_packets: u64,
    rx_errors: u64,
    rx_dropped: u64,
    tx_bytes: u64,
    tx_packets: u64,
    tx_errors: u64,
    tx_dropped: u64,
}

/// The answer; `before` is what `docker stats` counts per cent from.
pub fn shape(subject: &Subject, now: &Reading, before: Option<&Reading>) -> Stats {
    let statistics = &now.statistics;
    Stats {
        read: stamp(now.time_nanos),
        preread: before.map_or_else(|| NEVER.to_owned(), |b| stamp(b.time_nanos)),
        pids_stats: Pids { current: Some(statistics.pids.current), limit: statistics.pids.limit },
        blkio_stats: blkio(subject.version, &statistics.io),
        num_procs: 0,
        storage_stats: Storage {},
        cpu_stats: cpu(now, subject.cpus),
        precpu_stats: before.map(|b| cpu(b, subject.cpus)).unwrap_or_default(),
        memory_stats: memory(subject, statistics),
        name: format!("/{}", subject.name),
        id: subject.id.clone(),
        networks: now.interfaces.iter().map(|(name, i)| (name.clone(), network(i))).collect(),
    }
}

/// The answer for a container that does not run: name and id, all else empty.
pub fn empty(subject: &Subject) -> Stats {
    Stats {
        read: NEVER.to_owned(),
        preread: NEVER.to_owned(),
        pids_stats: Pids::default(),
        blkio_stats: Blkio::default(),
        num_procs: 0,
        storage_stats: Storage {},
        cpu_stats: Cpu::default(),
        precpu_stats: Cpu::default(),
        memory_stats: Memory::default(),
        name: format!("/{}", subject.name),
        id: subject.id.clone(),
        networks: BTreeMap::new(),
    }
}

fn stamp(nanos: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos.into()).ok();
    time.and_then(|t| t.format(&Rfc3339).ok()).unwrap_or_else(|| NEVER.to_owned())
}

fn cpu(reading: &Reading, cpus: u32) -> Cpu {
    let cpu = &reading.statistics.cpu;
    Cpu {
        cpu_usage: CpuUsage {
            total_usage: cpu.usage_nanos,
            percpu_usage: cpu.per_cpu_nanos.clone(),
            usage_in_kernelmode: cpu.system_nanos,
            usage_in_usermode: cpu.user_nanos,
        },
        system_cpu_usage: Some(reading.system_cpu_nanos),
        online_cpus: Some(cpus),
        throttling_data: Throttling {
            periods: cpu.periods,
            throttled_periods: cpu.throttled_periods,
            throttled_time: cpu.throttled_nanos,
        },
    }
}

fn memory(subject: &Subject, statistics: &Statistics) -> Memory {
    let memory = &statistics.memory;
    let is_v1 = subject.version == Version::V1;
    Memory {
        usage: Some(memory.usage_bytes),
        max_usage: is_v1.then_some(memory.max_usage_bytes),
        stats: memory.detail.iter().cloned().collect(),
        failcnt: (is_v1 && memory.failures > 0).then_some(memory.failures),
        limit: Some(memory.limit_bytes.unwrap_or(subject.memory_bytes)),
    }
}

fn blkio(version: Version, devices: &[Io]) -> Blkio {
    let names = match version {
        Version::V1 => ["Read", "Write"],
        Version::V2 => ["read", "write"],
    };
    let entries = |values: fn(&Io) -> [u64; 2]| {
        let each = devices.iter().flat_map(|io| {
            let pairs = names.into_iter().zip(values(io));
            pairs.map(|(op, value)| Entry { major: io.major, minor: io.minor, op, value })
        });
        Some(each.collect())
    };
    let rest = || (version == Version::V1).then(Vec::new);
    Blkio {
        io_service_bytes_recursive: entries(|io| [io.read_bytes, io.write_bytes]),
        io_serviced_recursive: match version {
            Version::V1 => entries(|io| [io.reads, io.writes]),
            Version::V2 => None,
        },
        io_queue_recursive: rest(),
        io_service_time_recursive: rest(),
        io_wait_time_recursive: rest(),
        io_merged_recursive: rest(),
        io_time_recursive: rest(),
        sectors_recursive: rest(),
    }
}

fn network(counters: &Interface) -> Network {
    Network {
        rx_bytes: counters.rx_bytes,
        rx_packets: counters.rx_packets,
        rx_errors: counters.rx_errors,
        rx_dropped: counters.rx_dropped,
        tx_bytes: counters.tx_bytes,
        tx_packets: counters.tx_packets,
        tx_errors: counters.tx_errors,
        tx_dropped: counters.tx_dropped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(version: Version) -> Subject {
        Subject { id: "1".repeat(64), name: "web".into(), version, cpus: 2, memory_bytes: 8 << 30 }
    }

    fn reading(seconds: i64) -> Reading {
        let mut reading = Reading {
            time_nanos: seconds * 1_000_000_000,
            system_cpu_nanos: seconds as u64 * 2_000_000_000,
            ..Reading::default()
        };
        reading.statistics.cpu.usage_nanos = seconds as u64 * 500_000_000;
        reading.statistics.memory.usage_bytes = 4096;
        reading.statistics.memory.detail = vec![("total_inactive_file".into(), 1024)];
        reading.statistics.io.push(Io { major: 8, read_bytes: 7, ..Io::default() });
        reading
    }

    #[test]
    fn per_cent_as_the_docker_cli_counts_it() {
        let stats = shape(&subject(Version::V1), &reading(20), Some(&reading(10)));
        let value = serde_json::to_value(&stats).unwrap();
        let number = |path: &str| value.pointer(path).and_then(serde_json::Value::as_f64).unwrap();
        let used = number("/cpu_stats/cpu_usage/total_usage")
            - number("/precpu_stats/cpu_usage/total_usage");
        let passed =
            number("/cpu_stats/system_cpu_usage") - number("/precpu_stats/system_cpu_usage");
        assert_eq!(used / passed * number("/cpu_stats/online_cpus") * 100.0, 50.0);
        assert_eq!(number("/memory_stats/limit"), (8u64 << 30) as f64);
        assert_eq!(value["blkio_stats"]["io_service_bytes_recursive"][0]["op"], "Read");
        assert_eq!(value["read"], "1970-01-01T00:00:20Z");
        assert_eq!(value["name"], "/web");
    }

    #[test]
    fn the_second_version_has_fewer_fields() {
        let value = serde_json::to_value(shape(&subject(Version::V2), &reading(1), None)).unwrap();
        assert!(value["memory_stats"].get("max_usage").is_none());
        assert_eq!(value["blkio_stats"]["io_service_bytes_recursive"][1]["op"], "write");
        assert!(value["blkio_stats"]["io_queue_recursive"].is_null());
        assert_eq!(value["precpu_stats"]["cpu_usage"]["total_usage"], 0);
    }

    #[test]
    fn one_that_does_not_run_is_empty() {
        let value = serde_json::to_value(empty(&subject(Version::V1))).unwrap();
        assert_eq!(
            (&value["read"], &value["memory_stats"]),
            (&NEVER.into(), &serde_json::json!({}))
        );
    }
}
