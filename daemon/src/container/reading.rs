//! One reading of a container's resources: control group, scores, network. Blocking, and cheap: no
//! descriptor is kept, because at a hundred containers they would cost more than they save.

use shared::error::Result;
use shared::id::ContainerId;
use shared::kernel::cgroup::{Cgroup, Depth, Statistics};
use shared::kernel::text;
use shared::watch::Sample;
use std::collections::BTreeMap;
use std::time::Duration;

/// Where a container's figures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The container.
    pub id: ContainerId,
    /// Below each hierarchy's root, such as `/coffer/<id>`.
    pub cgroup: String,
    /// Its first process in the host's namespace.
    pub pid: i32,
    /// Its network namespace is its own, so its interfaces are counted.
    pub own_network: bool,
}

/// Counters of one network interface (`/proc/<pid>/net/dev`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Receive errors.
    pub rx_errors: u64,
    /// Received packets dropped.
    pub rx_dropped: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Send errors.
    pub tx_errors: u64,
    /// Packets dropped before they were sent.
    pub tx_dropped: u64,
}

/// How much one reading takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nobody looks: processor, memory, processes, and the first process's score.
    Quiet,
    /// Somebody looks: every process's score and the network too.
    Watched,
    /// Everything that Docker's statistics carry.
    Full,
}

/// One reading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Nanoseconds since 1970.
    pub time_nanos: i64,
    /// Processor time of the whole machine in nanoseconds (`/proc/stat`).
    pub system_cpu_nanos: u64,
    /// The control group's figures.
    pub statistics: Statistics,
    /// Interfaces of its own network namespace, without the loopback.
    pub interfaces: BTreeMap<String, Interface>,
    /// Highest `oom_score` among its processes.
    pub oom_score: i32,
    /// `oom_score_adj` of its first process.
    pub oom_score_adj: i32,
}

/// More processes than this are not asked for their score: a fork bomb must not stall the sampler.
const SCORED_PROCESSES: usize = 256;

impl Reading {
    /// Reads a container now. `NotFound` once its group is gone. Where nobody looks the scores stay those
    /// of the reading `before`: they cost as much as all the rest.
    pub fn take(
        source: &Source,
        group: &dyn Cgroup,
        machine: Machine,
        scope: Scope,
        before: Option<&Self>,
    ) -> Result<Self> {
        let depth = if scope == Scope::Full { Depth::Full } else { Depth::Short };
        let statistics = group.statistics(depth)?;
        let mut reading = Self {
            time_nanos: crate::event::now_nanos(),
            system_cpu_nanos: machine.cpu_nanos,
            statistics,
            oom_score: 0,
            oom_score_adj: 0,
            interfaces: BTreeMap::new(),
        };
        match before.filter(|_| scope == Scope::Quiet) {
            Some(before) => {
                (reading.oom_score, reading.oom_score_adj) =
                    (before.oom_score, before.oom_score_adj);
            }
            None => {
                reading.oom_score = number(source.pid, "oom_score");
                reading.oom_score_adj = number(source.pid, "oom_score_adj");
            }
        }
        if scope != Scope::Quiet {
            let pids = group.processes().unwrap_or_default();
            let others = pids.iter().filter(|pid| **pid != source.pid).take(SCORED_PROCESSES);
            let highest = others.map(|pid| number(*pid, "oom_score")).max().unwrap_or(i32::MIN);
            reading.oom_score = reading.oom_score.max(highest);
            if source.own_network {
                let path = format!("/proc/{}/net/dev", source.pid);
                reading.interfaces = interfaces(&text::read(path).unwrap_or_default());
            }
        }
        Ok(reading)
    }

    /// What goes over the watch stream. `before` is the reading that rates are counted from.
    pub fn sample(&self, id: &ContainerId, before: Option<&Self>) -> Sample {
        let statistics = &self.statistics;
        let sum = |count: fn(&Interface) -> u64| self.interfaces.values().map(count).sum();
        Sample {
            id: id.to_string(),
            time_nanos: self.time_nanos,
            cpu_percent: before.map_or(0.0, |before| self.cpu_percent(before)),
            cpu_nanos: statistics.cpu.usage_nanos,
            memory_bytes: statistics.memory.usage_bytes,
            working_set_bytes: statistics.memory.working_set_bytes,
            memory_limit_bytes: statistics.memory.limit_bytes.unwrap_or(0),
            pids: statistics.pids.current,
            oom_score: self.oom_score,
            oom_score_adj: self.oom_score_adj,
            oom_kills: statistics.oom_kills,
            io_read_bytes: statistics.io.iter().map(|io| io.read_bytes).sum(),
            io_write_bytes: statistics.io.iter().map(|io| io.write_bytes).sum(),
            net_rx_bytes: sum(|interface| interface.rx_bytes),
            net_tx_bytes: sum(|interface| interface.tx_bytes),
            throttled_periods: statistics.cpu.throttled_periods,
            periods: statistics.cpu.periods,
        }
    }

    /// Per cent of one CPU since `before`.
    pub fn cpu_percent(&self, before: &Self) -> f64 {
        let used =
            self.statistics.cpu.usage_nanos.saturating_sub(before.statistics.cpu.usage_nanos);
        let passed = self.time_nanos.saturating_sub(before.time_nanos);
        if passed <= 0 { 0.0 } else { used as f64 * 100.0 / passed as f64 }
    }

    /// It was taken so long ago.
    pub fn is_older_than(&self, age: Duration) -> bool {
        let passed = crate::event::now_nanos().saturating_sub(self.time_nanos);
        u128::try_from(passed).is_ok_and(|passed| passed >= age.as_nanos())
    }

    /// It uses more of its memory limit than `percent`.
    pub fn is_above(&self, percent: u64) -> bool {
        let memory = &self.statistics.memory;
        memory.limit_bytes.is_some_and(|limit| {
            memory.usage_bytes.saturating_mul(100) > limit.saturating_mul(percent)
        })
    }
}

/// What is the same for all containers read at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Processor time of all CPUs in nanoseconds, idle included.
    pub cpu_nanos: u64,
    /// CPUs online.
    pub cpus: u32,
}

impl Machine {
    /// Reads `/proc/stat`.
    pub fn read() -> Self {
        Self::parse(&text::read("/proc/stat").unwrap_or_default())
    }

    /// The first line counts user, nice, system, idle, iowait, irq, softirq, steal in ticks of 1/100 s,
    /// which is what Docker adds up (guest time is in user already).
    fn parse(stat: &str) -> Self {
        let mut lines = stat.lines();
        let all = lines.next().unwrap_or_default().split_ascii_whitespace().skip(1).take(8);
        let ticks: u64 = all.flat_map(str::parse::<u64>).sum();
        let cpus = lines.take_while(|line| line.starts_with("cpu")).count();
        Self { cpu_nanos: ticks.saturating_mul(10_000_000), cpus: u32::try_from(cpus).unwrap_or(1) }
    }
}

/// A number in a file of `/proc/<pid>`; 0 once the process is gone.
fn number(pid: i32, file: &str) -> i32 {
    let text = text::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

/// The interfaces in `/proc/<pid>/net/dev`, without the loopback.
fn interfaces(text: &str) -> BTreeMap<String, Interface> {
    let mut found = BTreeMap::new();
    for line in text.lines().skip(2) {
        let Some((name, counters)) = line.split_once(':') else { continue };
        let counters: Vec<u64> = counters.split_ascii_whitespace().flat_map(str::parse).collect();
        let (
            name,
            &[
                rx_bytes,
                rx_packets,
                rx_errors,
                rx_dropped,
                _,
                _,
                _,
                _,
                tx_bytes,
                tx_packets,
                tx_errors,
                tx_dropped,
                ..,
            ],
        ) = (name.trim(), counters.as_slice())
        else {
            continue;
        };
        if name == "lo" {
            continue;
        }
        let interface = Interface {
            rx_bytes,
            rx_packets,
            rx_errors,
            rx_dropped,
            tx_bytes,
            tx_packets,
            tx_errors,
            tx_dropped,
        };
        found.insert(name.to_owned(), interface);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_counts_idle_time_too() {
        let machine = Machine::parse("cpu  1 2 3 4 5 6 7 8 9 9\ncpu0 1\ncpu1 1\nintr 5\n");
        assert_eq!(machine, Machine { cpu_nanos: 360_000_000, cpus: 2 });
    }

    #[test]
    fn interfaces_without_the_loopback() {
        let text = "Inter-| Receive\n face |bytes\n    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n  eth0: 10 1 2 3 0 0 0 0 20 4 5 6 0 0 0 0\n";
        let found = interfaces(text);
        assert_eq!(found.len(), 1);
        assert_eq!((found["eth0"].rx_bytes, found["eth0"].tx_dropped), (10, 6));
    }

    #[test]
    fn per_cent_of_one_processor() {
        let at = |time_nanos, usage_nanos| {
            let mut reading = Reading { time_nanos, ..Reading::default() };
            reading.statistics.cpu.usage_nanos = usage_nanos;
            reading
        };
        assert_eq!(at(2_000, 3_000).cpu_percent(&at(1_000, 1_500)), 150.0);
        assert_eq!(at(1_000, 3_000).cpu_percent(&at(1_000, 1_500)), 0.0);
    }
}
