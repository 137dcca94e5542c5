//! Statistics in the shape of runc's events.

use serde::Serialize;
use shared::kernel::cgroup::{Io, Statistics};
use std::collections::BTreeMap;

/// One line.
#[derive(Serialize)]
pub struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data>,
}

#[derive(Serialize)]
struct Data {
    cpu: Cpu,
    memory: Memory,
    pids: Pids,
    blkio: Blocks,
    hugetlb: BTreeMap<String, Entry>,
}

#[derive(Serialize)]
struct Cpu {
    usage: Usage,
    throttling: Throttling,
}

#[derive(Serialize)]
struct Usage {
    total: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    percpu: Vec<u64>,
    kernel: u64,
    user: u64,
}

#[derive(Serialize)]
struct Throttling {
    periods: u64,
    #[serde(rename = "throttledPeriods")]
    throttled_periods: u64,
    #[serde(rename = "throttledTime")]
    throttled_time: u64,
}

#[derive(Serialize)]
struct Memory {
    cache: u64,
    usage: Entry,
    swap: Entry,
    kernel: Entry,
    raw: BTreeMap<String, u64>,
}

#[derive(Serialize, Default)]
struct Entry {
    limit: u64,
    usage: u64,
    max: u64,
    failcnt: u64,
}

#[derive(Serialize)]
struct Pids {
    current: u64,
    limit: u64,
}

#[derive(Serialize)]
struct Blocks {
    #[serde(rename = "ioServiceBytesRecursive")]
    bytes: Vec<Block>,
    #[serde(rename = "ioServicedRecursive")]
    operations: Vec<Block>,
}

#[derive(Serialize)]
struct Block {
    major: u64,
    minor: u64,
    op: &'static str,
    value: u64,
}

fn blocks(io: &[Io], read: impl Fn(&Io) -> u64, write: impl Fn(&Io) -> u64) -> Vec<Block> {
    let block = |io: &Io, op, value| Block { major: io.major, minor: io.minor, op, value };
    io.iter().flat_map(|io| [block(io, "Read", read(io)), block(io, "Write", write(io))]).collect()
}

impl<'a> Event<'a> {
    /// The kernel has killed for memory.
    pub fn oom(id: &'a str) -> Self {
        Self { kind: "oom", id, data: None }
    }

    /// A sample.
    pub fn statistics(id: &'a str, all: &Statistics) -> Self {
        let (cpu, memory) = (&all.cpu, &all.memory);
        let huge = |h: &shared::kernel::cgroup::HugeUsage| {
            let (usage, max, failcnt) = (h.usage_bytes, h.max_usage_bytes, h.failures);
            (h.page_size.clone(), Entry { limit: 0, usage, max, failcnt })
        };
        let data = Data {
            cpu: Cpu {
                usage: Usage {
                    total: cpu.usage_nanos,
                    percpu: cpu.per_cpu_nanos.clone(),
                    kernel: cpu.system_nanos,
                    user: cpu.user_nanos,
                },
                throttling: Throttling {
                    periods: cpu.periods,
                    throttled_periods: cpu.throttled_periods,
                    throttled_time: cpu.throttled_nanos,
                },
            },
            memory: Memory {
                cache: memory.cache_bytes,
                usage: Entry {
                    limit: memory.limit_bytes.unwrap_or(u64::MAX),
                    usage: memory.usage_bytes,
                    max: memory.max_usage_bytes,
                    failcnt: memory.failures,
                },
                swap: Entry {
                    limit: memory.swap_limit_bytes.unwrap_or(u64::MAX),
                    usage: memory.swap_bytes,
                    ..Entry::default()
                },
                kernel: Entry { usage: memory.kernel_bytes, ..Entry::default() },
                raw: memory.detail.iter().cloned().collect(),
            },
            pids: Pids { current: all.pids.current, limit: all.pids.limit.unwrap_or(0) },
            blkio: Blocks {
                bytes: blocks(&all.io, |io| io.read_bytes, |io| io.write_bytes),
                operations: blocks(&all.io, |io| io.reads, |io| io.writes),
            },
            hugetlb: all.huge_pages.iter().map(huge).collect(),
        };
        Self { kind: "stats", id, data: Some(data) }
    }
}
