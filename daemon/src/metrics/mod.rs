//! `GET /metrics`: one scrape holds everything, engine and containers. No agent beside the daemon.
//!
//! Names follow Docker (`engine_daemon_*`) and cAdvisor (`container_*`), so that existing dashboards
//! work. Figures of containers are read at scrape time; what has a duration comes from closed spans.

mod container;
mod engine;
mod layer;
mod process;
mod text;

pub use container::Collected;
pub use engine::Info;
pub use layer::Spans;

use crate::event::{Journal, now_nanos};
use prometheus_client::collector::Collector;
use prometheus_client::registry::Registry;
use shared::error::Result;
use std::sync::{Arc, Mutex};

/// The registry. Clones are handles to the same one. Made before anything else, so that its [`Spans`]
/// see every span.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    spans: Spans,
}

/// Body and content type of a scrape.
pub struct Scrape {
    /// The exposition.
    pub body: String,
    /// Its format.
    pub content_type: &'static str,
}

impl Metrics {
    /// With the figures of the process itself.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let spans = Spans::register(&mut registry);
        let started_seconds = now_nanos() as f64 / 1e9;
        registry.register_collector(Box::new(process::Process { started_seconds }));
        Self { registry: Arc::new(Mutex::new(registry)), spans }
    }

    /// The layer that turns closed spans into observations.
    pub fn layer(&self) -> Spans {
        self.spans.clone()
    }

    /// Adds the engine's own figures.
    pub fn add_engine(&self, info: Info, journal: Journal) {
        self.add(Box::new(engine::Engine { info, journal }));
    }

    /// Adds figures that are read at each scrape.
    pub fn add(&self, collector: Box<dyn Collector>) {
        self.lock().register_collector(collector);
    }

    /// One scrape. `accept` is the request's header: OpenMetrics is given to those who ask for it.
    /// Blocking: it reads cgroup files.
    pub fn scrape(&self, accept: &str) -> Result<Scrape> {
        let registry = self.lock();
        if accept.contains("application/openmetrics-text") {
            Ok(Scrape { body: text::encode_open(&registry)?, content_type: text::OPEN })
        } else {
            Ok(Scrape { body: text::encode(&registry)?, content_type: text::PLAIN })
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats() {
        let metrics = Metrics::new();
        let plain = metrics.scrape("*/*").unwrap();
        assert!(plain.body.contains("# TYPE process_cpu_seconds_total counter"), "{}", plain.body);
        let open = metrics.scrape("application/openmetrics-text;version=1.0.0").unwrap();
        assert!(open.body.ends_with("# EOF\n"));
    }
}
