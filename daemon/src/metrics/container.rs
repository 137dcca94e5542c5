//! Figures of containers under cAdvisor's names, read in full at the scrape; scrapes within a second share
//! one reading, so that they cost no more however often they come.

use crate::container::Containers;
use crate::container::reading::Reading;
use crate::container::state::{Status, View};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use std::collections::HashMap;
use std::sync::Arc;

/// See the module.
pub struct Collected(pub Containers);

impl std::fmt::Debug for Collected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Collected")
    }
}

/// What cAdvisor labels every series with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    id: String,
    name: String,
    image: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

/// A counter's value or a gauge's.
enum Value {
    Count(f64),
    Level(f64),
}

struct Series {
    name: &'static str,
    help: &'static str,
    value: fn(&Reading) -> Value,
}

const NANOS: f64 = 1e9;

const SERIES: &[Series] = &[
    Series {
        name: "container_cpu_usage_seconds",
        help: "Processor time used in seconds",
        value: |r| Value::Count(r.statistics.cpu.usage_nanos as f64 / NANOS),
    },
    Series {
        name: "container_cpu_user_seconds",
        help: "Processor time used in user mode in seconds",
        value: |r| Value::Count(r.statistics.cpu.user_nanos as f64 / NANOS),
    },
    Series {
        name: "container_cpu_system_seconds",
        help: "Processor time used in the kernel in seconds",
        value: |r| Value::Count(r.statistics.cpu.system_nanos as f64 / NANOS),
    },
    Series {
        name: "container_cpu_cfs_periods",
        help: "Periods with a processor quota in force",
        value: |r| Value::Count(r.statistics.cpu.periods as f64),
    },
    Series {
        name: "container_cpu_cfs_throttled_periods",
        help: "Periods in which the processor quota ran out",
        value: |r| Value::Count(r.statistics.cpu.throttled_periods as f64),
    },
    Series {
        name: "container_cpu_cfs_throttled_seconds",
        help: "Time spent waiting for the next period in seconds",
        value: |r| Value::Count(r.statistics.cpu.throttled_nanos as f64 / NANOS),
    },
    Series {
        name: "container_memory_usage_bytes",
        help: "Memory charged, page cache included",
        value: |r| Value::Level(r.statistics.memory.usage_bytes as f64),
    },
    Series {
        name: "container_memory_working_set_bytes",
        help: "Memory charged without inactive page cache",
        value: |r| Value::Level(r.statistics.memory.working_set_bytes as f64),
    },
    Series {
        name: "container_memory_rss",
        help: "Anonymous memory in bytes",
        value: |r| Value::Level(r.statistics.memory.rss_bytes as f64),
    },
    Series {
        name: "container_memory_cache",
        help: "Page cache in bytes",
        value: |r| Value::Level(r.statistics.memory.cache_bytes as f64),
    },
    Series {
        name: "container_memory_swap",
        help: "Memory swapped out in bytes",
        value: |r| Value::Level(r.statistics.memory.swap_bytes as f64),
    },
    Series {
        name: "container_memory_max_usage_bytes",
        help: "Highest memory charge so far",
        value: |r| Value::Level(r.statistics.memory.max_usage_bytes as f64),
    },
    Series {
        name: "container_memory_failures",
        help: "How often the memory limit was hit",
        value: |r| Value::Count(r.statistics.memory.failures as f64),
    },
    Series {
        name: "container_spec_memory_limit_bytes",
        help: "Memory limit, 0 without",
        value: |r| Value::Level(r.statistics.memory.limit_bytes.unwrap_or(0) as f64),
    },
    Series {
        name: "container_oom_events",
        help: "Kills by the kernel's OOM killer",
        value: |r| Value::Count(r.statistics.oom_kills as f64),
    },
    Series {
        name: "container_oom_score",
        help: "Highest oom_score among the processes",
        value: |r| Value::Level(f64::from(r.oom_score)),
    },
    Series {
        name: "container_oom_score_adj",
        help: "oom_score_adj of the first process",
        value: |r| Value::Level(f64::from(r.oom_score_adj)),
    },
    Series {
        name: "container_processes",
        help: "Processes and threads",
        value: |r| Value::Level(r.statistics.pids.current as f64),
    },
    Series {
        name: "container_fs_reads_bytes",
        help: "Bytes read from block devices",
        value: |r| Value::Count(r.statistics.io.iter().map(|io| io.read_bytes).sum::<u64>() as f64),
    },
    Series {
        name: "container_fs_writes_bytes",
        help: "Bytes written to block devices",
        value: |r| Value::Count(r.statistics.io.iter().map(|io| io.write_bytes).sum::<u64>() as f64),
    },
    Series {
        name: "container_last_seen",
        help: "Time of the reading, seconds since 1970",
        value: |r| Value::Level(r.time_nanos as f64 / NANOS),
    },
];

impl Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let views = self.0.views();
        states(&views, &mut encoder)?;
        checks(self.0.health_checks(), &mut encoder)?;
        lost_lines(&views, &mut encoder)?;
        let by_id: HashMap<&str, &Arc<View>> =
            views.iter().map(|view| (view.id().as_str(), view)).collect();
        let all = self.0.sampler().read_all();
        let readings: Vec<(Labels, &Reading)> = all
            .iter()
            .filter_map(|(id, reading)| Some((labels(by_id.get(id.as_str())?), reading)))
            .collect();
        if readings.is_empty() {
            return Ok(());
        }
        for series in SERIES {
            let kind = match (series.value)(readings[0].1) {
                Value::Count(_) => MetricType::Counter,
                Value::Level(_) => MetricType::Gauge,
            };
            let mut metric = encoder.encode_descriptor(series.name, series.help, None, kind)?;
            for (labels, reading) in &readings {
                let mut one = metric.encode_family(labels)?;
                match (series.value)(reading) {
                    Value::Count(value) => one
                        .encode_counter::<prometheus_client::encoding::NoLabelSet, _, u64>(
                            &value, None,
                        )?,
                    Value::Level(value) => one.encode_gauge(&value)?,
                }
            }
        }
        Ok(())
    }
}

fn labels(view: &View) -> Labels {
    Labels {
        id: view.id().to_string(),
        name: view.name().to_owned(),
        image: view.record.decided.image.clone(),
    }
}

/// Docker's three states, and ours beside them.
fn states(views: &[Arc<View>], encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
    let name = "engine_daemon_container_states_containers";
    let help = "Containers by state";
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    let count =
        |is: fn(Status) -> bool| views.iter().filter(|view| is(view.status())).count() as f64;
    let states: [(&'static str, f64); 4] = [
        ("running", count(|status| status == Status::Running)),
        ("paused", count(|status| status == Status::Paused)),
        ("restarting", count(|status| status == Status::Restarting)),
        ("stopped", count(|s| !s.is_alive() && s != Status::Restarting)),
    ];
    for (state, value) in states {
        metric.encode_family(&StateLabels { state })?.encode_gauge(&value)?;
    }
    Ok(())
}

/// What a full ring or a full disk has cost.
fn lost_lines(
    views: &[Arc<View>],
    encoder: &mut DescriptorEncoder<'_>,
) -> Result<(), std::fmt::Error> {
    if views.is_empty() {
        return Ok(());
    }
    let name = "container_log_dropped_lines";
    let help = "Lines that the log lost since the daemon started";
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for view in views {
        metric
            .encode_family(&labels(view))?
            .encode_counter::<prometheus_client::encoding::NoLabelSet, _, u64>(
                &view.log_lost,
                None,
            )?;
    }
    Ok(())
}

/// Docker's two counters of health checks.
fn checks(
    (all, failed): (u64, u64),
    encoder: &mut DescriptorEncoder<'_>,
) -> Result<(), std::fmt::Error> {
    for (name, help, value) in [
        ("engine_daemon_health_checks", "Health checks run", all),
        ("engine_daemon_health_checks_failed", "Health checks failed", failed),
    ] {
        let counter = ConstCounter::new(value);
        let metric = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
        counter.encode(metric)?;
    }
    Ok(())
}
