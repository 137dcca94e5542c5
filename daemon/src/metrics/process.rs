//! The daemon's own figures, read from `/proc/self` at each scrape, under the names that every
//! Prometheus client library uses.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::path::Path;

/// What the link of an epoll descriptor says.
const EPOLL: &str = "anon_inode:[eventpoll]";

/// See the module.
#[derive(Debug)]
pub struct Process {
    /// Seconds since 1970 at which the daemon started.
    pub started_seconds: f64,
}

/// What `/proc/self` says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Figures {
    cpu_seconds: f64,
    threads: u64,
    virtual_bytes: u64,
    resident_bytes: u64,
    fds: u64,
    /// Watched by epoll: each is a `tfd` line of the epoll descriptor's fdinfo (proc_pid_fdinfo(5)).
    watched: u64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let figures = read();
        let cpu = ConstCounter::new(figures.cpu_seconds);
        let help = "Processor time used by the daemon in seconds";
        let metric =
            encoder.encode_descriptor("process_cpu_seconds", help, None, cpu.metric_type())?;
        cpu.encode(metric)?;
        let gauges = [
            ("process_open_fds", "Open file descriptors", figures.fds as f64),
            ("process_epoll_fds", "File descriptors watched by epoll", figures.watched as f64),
            ("process_threads", "Threads", figures.threads as f64),
            ("process_tasks", "Asynchronous tasks", crate::task::count() as f64),
            ("process_virtual_memory_bytes", "Virtual memory", figures.virtual_bytes as f64),
            ("process_resident_memory_bytes", "Resident memory", figures.resident_bytes as f64),
            ("process_start_time_seconds", "Start, seconds since 1970", self.started_seconds),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}

fn read() -> Figures {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let (mut fds, mut watched) = (0, 0);
    for entry in std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
        fds += 1;
        if std::fs::read_link(entry.path()).is_ok_and(|target| target == Path::new(EPOLL)) {
            let info = Path::new("/proc/self/fdinfo").join(entry.file_name());
            let text = std::fs::read_to_string(info).unwrap_or_default();
            watched += text.lines().filter(|line| line.starts_with("tfd:")).count() as u64;
        }
    }
    Figures { fds, watched, ..parse(&status, &stat) }
}

fn parse(status: &str, stat: &str) -> Figures {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|rest| rest.split_ascii_whitespace().next());
        number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0)
    };
    // Fields 14 and 15 of proc(5), counted behind the command's closing parenthesis; in ticks of 1/100 s.
    let behind = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks =
        behind.split_ascii_whitespace().skip(11).take(2).flat_map(str::parse::<u64>).sum::<u64>();
    Figures {
        cpu_seconds: ticks as f64 / 100.0,
        threads: field("Threads:"),
        virtual_bytes: field("VmSize:") * 1024,
        resident_bytes: field("VmRSS:") * 1024,
        fds: 0,
        watched: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_proc() {
        let status = "Name:\tx\nVmSize:\t  20 kB\nVmRSS:\t  10 kB\nThreads:\t4\n";
        let stat = "1 (a b) S 1 1 1 0 -1 0 0 0 0 0 150 50 0 0";
        let figures = parse(status, stat);
        let expected = Figures {
            cpu_seconds: 2.0,
            threads: 4,
            virtual_bytes: 20_480,
            resident_bytes: 10_240,
            ..Figures::default()
        };
        assert_eq!(figures, expected);
        assert!(read().resident_bytes > 0);
    }
}
