//! What is known of the engine as a whole: build, host, store, journal.

use crate::event::Journal;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// What never changes while the daemon runs: labels of `engine_daemon_engine_info`, in Docker's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Version of the daemon.
    pub version: String,
    /// Commit that it was built from.
    pub commit: String,
    /// `x86_64`, ...
    pub architecture: String,
    /// Name of the snapshotter.
    pub graphdriver: String,
    /// Release of the kernel.
    pub kernel: String,
    /// Name of the operating system.
    pub os: String,
    /// `linux`.
    pub os_type: String,
    /// The engine's stable id.
    pub daemon_id: String,
    /// Number of processors.
    pub cpus: u32,
    /// Memory of the host in bytes.
    pub memory_bytes: u64,
}

/// See the module.
pub struct Engine {
    /// What never changes.
    pub info: Info,
    /// Events and, through it, the store.
    pub journal: Journal,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("info", &self.info).finish_non_exhaustive()
    }
}

impl Collector for Engine {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.info(&mut encoder)?;
        let events = self.journal.figures();
        let store = self.journal.store().figures();
        let gauges = [
            ("engine_daemon_engine_cpus_cpus", "Processors of the host", f64::from(self.info.cpus)),
            (
                "engine_daemon_engine_memory_bytes",
                "Memory of the host",
                self.info.memory_bytes as f64,
            ),
            (
                "engine_daemon_events_subscribers",
                "Readers of the event journal",
                events.subscribers as f64,
            ),
            (
                "engine_daemon_store_full",
                "1 when the store's disk is full",
                f64::from(u8::from(store.full)),
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        let counters = [
            ("engine_daemon_events", "Events published", events.published),
            ("engine_daemon_events_bytes", "Bytes of events written", events.bytes),
            (
                "engine_daemon_events_dropped",
                "Events that a reader was told it missed",
                events.missed,
            ),
            ("engine_daemon_store_commits", "Transactions committed", store.commits),
            ("engine_daemon_store_retries", "Transactions tried again", store.retries),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            let metric = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
            counter.encode(metric)?;
        }
        Ok(())
    }
}

impl Engine {
    fn info(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let info = &self.info;
        let labels = [
            ("version", info.version.as_str()),
            ("commit", info.commit.as_str()),
            ("architecture", info.architecture.as_str()),
            ("graphdriver", info.graphdriver.as_str()),
            ("kernel", info.kernel.as_str()),
            ("os", info.os.as_str()),
            ("os_type", info.os_type.as_str()),
            ("daemon_id", info.daemon_id.as_str()),
        ];
        let help = "Build and host of the engine, always 1";
        let name = "engine_daemon_engine_info";
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        metric.encode_family(&labels)?.encode_gauge(&1u32)
    }
}
