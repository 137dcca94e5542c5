//! One container as the console knows it: its object, its figures, and what a filter may ask of it.

use super::attention::{Attention, Level};
use crate::query::{Subject, Value};
use shared::watch::{Container, Sample};
use std::collections::VecDeque;

/// Samples kept of each container: five minutes of one that is looked at, which comes every second.
pub const HISTORY: usize = 300;

/// One point of a container's history, packed: there are hundreds of each of a thousand containers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Seconds since 1970.
    pub second: u32,
    /// Per cent of one CPU.
    pub cpu: f32,
    /// Working set in KiB.
    pub kib: u32,
}

impl Point {
    /// A point of these figures.
    pub fn new(time_nanos: i64, cpu_percent: f64, working_set_bytes: u64) -> Self {
        Self {
            second: u32::try_from(time_nanos / 1_000_000_000).unwrap_or_default(),
            cpu: cpu_percent as f32,
            kib: u32::try_from(working_set_bytes / 1024).unwrap_or(u32::MAX),
        }
    }

    /// Working set in bytes.
    pub fn memory(&self) -> u64 {
        u64::from(self.kib) * 1024
    }
}

/// One container.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The object, cleaned.
    pub container: Container,
    /// Its last figures.
    pub sample: Option<Sample>,
    /// The figures before, oldest first.
    pub history: VecDeque<Point>,
    /// CPU smoothed for sorting, so that rows do not jump with every sample.
    pub smooth_cpu: f64,
    /// Per cent of its periods in which it was throttled, between the last two samples.
    pub throttled: f64,
    /// How urgent.
    pub attention: Attention,
}

impl Entry {
    /// A container of which nothing else is known yet.
    pub fn new(container: Container, now: i64) -> Self {
        let mut entry = Self {
            container,
            sample: None,
            history: VecDeque::new(),
            smooth_cpu: 0.0,
            throttled: 0.0,
            attention: Attention::default(),
        };
        entry.judge(now);
        entry
    }

    /// It has processes.
    pub fn is_alive(&self) -> bool {
        matches!(self.container.state.as_str(), "running" | "paused")
    }

    /// Figures that still hold: none of a container that has ended.
    pub fn figures(&self) -> Option<&Sample> {
        self.sample.as_ref().filter(|_| self.is_alive())
    }

    /// Its memory limit in bytes, 0 without.
    pub fn limit(&self) -> u64 {
        match self.figures() {
            Some(sample) if sample.memory_limit_bytes > 0 => sample.memory_limit_bytes,
            _ => self.container.memory_limit_bytes,
        }
    }

    /// Working set as per cent of the limit; `None` without a limit or figures.
    pub fn memory_percent(&self) -> Option<f64> {
        let used = self.figures()?.working_set_bytes as f64;
        (self.limit() > 0).then(|| used * 100.0 / self.limit() as f64)
    }

    /// Since when it is as it is: started, finished or created, nanoseconds since 1970.
    pub fn since(&self) -> i64 {
        let c = &self.container;
        match c.state.as_str() {
            "running" | "paused" => c.started_at_nanos,
            "created" => c.created_at_nanos,
            _ if c.finished_at_nanos > 0 => c.finished_at_nanos,
            _ => c.created_at_nanos,
        }
    }

    /// Takes in new figures.
    pub fn take(&mut self, sample: Sample, now: i64) {
        if let Some(before) = &self.sample {
            let periods = sample.periods.saturating_sub(before.periods);
            let throttled = sample.throttled_periods.saturating_sub(before.throttled_periods);
            self.throttled =
                if periods == 0 { 0.0 } else { throttled as f64 * 100.0 / periods as f64 };
        }
        self.smooth_cpu = match self.sample {
            Some(_) => self.smooth_cpu * 0.6 + sample.cpu_percent * 0.4,
            None => sample.cpu_percent,
        };
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        let at = if sample.time_nanos > 0 { sample.time_nanos } else { now };
        self.history.push_back(Point::new(at, sample.cpu_percent, sample.working_set_bytes));
        self.sample = Some(sample);
        self.judge(now);
    }

    /// Judges anew how urgent it is.
    pub fn judge(&mut self, now: i64) {
        let level = Level::of(&self.container, self.memory_percent(), self.throttled, now);
        self.attention.rise_or_calm(level, now);
    }
}

impl Subject for Entry {
    fn field(&self, name: &str) -> Option<Value<'_>> {
        let c = &self.container;
        let figure = |pick: fn(&Sample) -> f64| self.figures().map(|s| Value::Number(pick(s)));
        match name {
            "name" => Some(Value::Text(&c.name)),
            "image" => Some(Value::Text(&c.image)),
            "id" => Some(Value::Text(&c.id)),
            "state" | "status" => Some(Value::Text(&c.state)),
            "health" => Some(Value::Text(&c.health)),
            "reason" => Some(Value::Text(&c.reason)),
            "network" => Some(Value::Text(&c.network_mode)),
            "exit" => Some(Value::Number(f64::from(c.exit_code))),
            "restarts" => Some(Value::Number(f64::from(c.restarts))),
            "oom.kills" => Some(Value::Number(c.oom_kills as f64)),
            "cpu" | "cpu%" => figure(|s| s.cpu_percent),
            "mem" => figure(|s| s.working_set_bytes as f64),
            "mem%" => self.memory_percent().map(Value::Number),
            "oom" => figure(|s| f64::from(s.oom_score)),
            "adj" => figure(|s| f64::from(s.oom_score_adj)),
            "pids" => figure(|s| s.pids as f64),
            _ => None,
        }
    }

    fn label(&self, name: &str) -> Option<&str> {
        self.container.labels.get(name).map(String::as_str)
    }

    fn mentions(&self, needle: &str) -> bool {
        let c = &self.container;
        c.name.to_lowercase().contains(needle)
            || c.image.to_lowercase().contains(needle)
            || c.id.starts_with(needle)
    }
}

/// Fields of a container that a filter may name.
pub const FIELDS: &[&str] = &[
    "name",
    "image",
    "id",
    "state",
    "status",
    "health",
    "reason",
    "network",
    "exit",
    "restarts",
    "oom.kills",
    "cpu",
    "cpu%",
    "mem",
    "mem%",
    "oom",
    "adj",
    "pids",
];
