//! What the console knows about the daemon's containers: the last object, the last sample and a short
//! history of each, and how urgently each needs somebody.
//!
//! Fed by the watch stream only. Every string is cleaned here, once, when it comes in.

mod attention;
mod sort;

pub use attention::{Attention, Level};
pub use sort::{Order, Sort, arrange};

use crate::query::{Subject, Value};
use crate::table::Id;
use crate::text;
use shared::watch::{Container, Sample};
use std::collections::{HashMap, VecDeque};

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
    fn new(container: Container, now: i64) -> Self {
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

    fn take(&mut self, sample: Sample, now: i64) {
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

    fn judge(&mut self, now: i64) {
        let level = Level::of(self, now);
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

/// All containers.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    entries: HashMap<Id, Entry>,
}

/// How many containers are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// All.
    pub total: usize,
    /// Running.
    pub running: usize,
    /// Frozen.
    pub paused: usize,
    /// Between two runs.
    pub restarting: usize,
    /// Ended badly, or dead.
    pub failed: usize,
    /// Ended well or never started.
    pub stopped: usize,
}

impl Fleet {
    /// One container.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// Number of containers.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// All, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Id, &Entry)> {
        self.entries.iter()
    }

    /// A container is new or has changed; its history stays.
    pub fn put(&mut self, container: Container, now: i64) {
        let container = cleaned(container);
        match self.entries.get_mut(container.id.as_str()) {
            Some(entry) => {
                if entry.container.started_at_nanos != container.started_at_nanos {
                    // Another run: what was wrong with the last one is over.
                    entry.sample = None;
                    entry.attention = Attention::default();
                }
                entry.container = container;
                entry.judge(now);
            }
            None => {
                let id = Id::from(container.id.as_str());
                self.entries.insert(id, Entry::new(container, now));
            }
        }
    }

    /// A container is gone.
    pub fn remove(&mut self, id: &str) {
        self.entries.remove(id);
    }

    /// Keeps only what a new snapshot holds.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.entries.retain(|id, _| keep(id));
    }

    /// New figures; of an unknown container they are dropped, its object will come.
    pub fn sample(&mut self, sample: Sample, now: i64) {
        if let Some(entry) = self.entries.get_mut(sample.id.as_str()) {
            entry.take(sample, now);
        }
    }

    /// Judges all anew because time has passed; true when one has changed.
    pub fn calm(&mut self, now: i64) -> bool {
        let mut changed = false;
        for entry in self.entries.values_mut().filter(|e| e.attention.level != Level::Calm) {
            let before = entry.attention.level;
            entry.judge(now);
            changed |= entry.attention.level != before;
        }
        changed
    }

    /// Counts by state.
    pub fn census(&self) -> Census {
        let mut census = Census { total: self.entries.len(), ..Census::default() };
        for entry in self.entries.values() {
            let c = &entry.container;
            match c.state.as_str() {
                "running" => census.running += 1,
                "paused" => census.paused += 1,
                "restarting" => census.restarting += 1,
                "dead" => census.failed += 1,
                "exited" if c.exit_code != 0 || c.oom_killed => census.failed += 1,
                _ => census.stopped += 1,
            }
        }
        census
    }

    /// Sum of all CPU percentages and of all working sets in bytes.
    pub fn totals(&self) -> (f64, u64) {
        self.entries
            .values()
            .filter_map(Entry::figures)
            .fold((0.0, 0), |(cpu, memory), s| (cpu + s.cpu_percent, memory + s.working_set_bytes))
    }
}

/// The same container with nothing in its strings that a terminal would obey.
fn cleaned(mut c: Container) -> Container {
    let scrub = |s: &mut String| {
        if let std::borrow::Cow::Owned(clean) = text::clean(s) {
            *s = clean;
        }
    };
    for field in [
        &mut c.id,
        &mut c.name,
        &mut c.image,
        &mut c.image_id,
        &mut c.state,
        &mut c.health,
        &mut c.reason,
        &mut c.restart_policy,
        &mut c.network_mode,
    ] {
        scrub(field);
    }
    c.command.iter_mut().chain(&mut c.ports).chain(&mut c.mounts).for_each(scrub);
    c.labels = c
        .labels
        .into_iter()
        .map(|(name, value)| (text::clean(&name).into_owned(), text::clean(&value).into_owned()))
        .collect();
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_cleaned_once() {
        let mut fleet = Fleet::default();
        let name = "x\u{1b}]0;owned\u{7}y".to_string();
        fleet.put(Container { id: "a".into(), name, ..Container::default() }, 0);
        assert_eq!(fleet.get("a").unwrap().container.name, "xy");
    }

    #[test]
    fn figures_end_with_the_container() {
        let mut fleet = Fleet::default();
        let running = Container { id: "a".into(), state: "running".into(), ..Container::default() };
        fleet.put(running.clone(), 0);
        for n in 0..400 {
            fleet.sample(
                Sample { id: "a".into(), cpu_percent: f64::from(n), ..Sample::default() },
                0,
            );
        }
        let entry = fleet.get("a").unwrap();
        assert_eq!(entry.history.len(), HISTORY);
        assert_eq!(entry.figures().unwrap().cpu_percent, 399.0);
        fleet.put(Container { state: "exited".into(), ..running }, 0);
        assert!(fleet.get("a").unwrap().figures().is_none());
    }
}
