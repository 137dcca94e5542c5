//! What the console knows about the daemon's containers: the last object, the last sample and a short
//! history of each, and how urgently each needs somebody.
//!
//! Fed by the watch stream only. Every string is cleaned here, once, when it comes in.

mod attention;
mod entry;
mod sort;

pub use attention::{Attention, Level};
pub use entry::{Entry, FIELDS, Point};
pub use sort::{Order, Sort, arrange};

use crate::table::Id;
use crate::text;
use shared::watch::{Container, Sample};
use std::collections::HashMap;

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
    use super::entry::HISTORY;
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
