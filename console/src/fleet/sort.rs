//! The order of the list of containers. Ties are broken by name, then id: an order is always total.

use super::entry::Entry;
use crate::query::Query;
use crate::table::Id;
use std::cmp::Ordering;

/// By what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// What needs somebody first.
    #[default]
    Attention,
    /// Name.
    Name,
    /// Image.
    Image,
    /// State.
    State,
    /// CPU, smoothed.
    Cpu,
    /// Working set.
    Memory,
    /// Working set as a share of the limit.
    MemoryPercent,
    /// Highest OOM score.
    Oom,
    /// OOM score adjustment.
    Adjustment,
    /// Processes.
    Pids,
    /// Youngest state first.
    Age,
}

impl Sort {
    /// All of them, in the order of the menu.
    pub const ALL: [Sort; 11] = [
        Sort::Attention,
        Sort::Name,
        Sort::Image,
        Sort::State,
        Sort::Cpu,
        Sort::Memory,
        Sort::MemoryPercent,
        Sort::Oom,
        Sort::Adjustment,
        Sort::Pids,
        Sort::Age,
    ];

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Sort::Attention => "attention",
            Sort::Name => "name",
            Sort::Image => "image",
            Sort::State => "state",
            Sort::Cpu => "cpu",
            Sort::Memory => "memory",
            Sort::MemoryPercent => "memory %",
            Sort::Oom => "oom score",
            Sort::Adjustment => "oom adj",
            Sort::Pids => "pids",
            Sort::Age => "age",
        }
    }
}

impl Sort {
    /// Whether the natural order begins with what is small: A, or the youngest.
    pub fn rises(self) -> bool {
        matches!(self, Sort::Name | Sort::Image | Sort::State | Sort::Age)
    }
}

/// Which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Most urgent, largest, or A first: what one wants to see.
    #[default]
    Natural,
    /// The other way round.
    Reversed,
}

impl Order {
    /// The other one.
    pub fn flipped(self) -> Self {
        match self {
            Order::Natural => Order::Reversed,
            Order::Reversed => Order::Natural,
        }
    }
}

fn state_rank(entry: &Entry) -> u8 {
    match entry.container.state.as_str() {
        "restarting" => 0,
        "running" => 1,
        "paused" => 2,
        "removing" => 3,
        "created" => 4,
        "exited" => 5,
        _ => 6,
    }
}

fn figure(entry: &Entry, pick: fn(&shared::watch::Sample) -> f64) -> f64 {
    entry.figures().map_or(-1e9, pick)
}

fn compare(sort: Sort, a: &Entry, b: &Entry) -> Ordering {
    let big_first = |x: f64, y: f64| y.total_cmp(&x);
    match sort {
        Sort::Attention => {
            (a.attention.level, state_rank(a)).cmp(&(b.attention.level, state_rank(b)))
        }
        Sort::Name => Ordering::Equal,
        Sort::Image => a.container.image.cmp(&b.container.image),
        Sort::State => state_rank(a).cmp(&state_rank(b)),
        Sort::Cpu => {
            // As it is shown: of many idle ones the order would change with every sample.
            let of = |e: &Entry| if e.is_alive() { (e.smooth_cpu * 10.0).round() } else { -1.0 };
            big_first(of(a), of(b))
        }
        Sort::Memory => {
            let of = |e| figure(e, |s| s.working_set_bytes as f64);
            big_first(of(a), of(b))
        }
        Sort::MemoryPercent => {
            let of = |e: &Entry| e.memory_percent().unwrap_or(-1.0);
            big_first(of(a), of(b))
        }
        Sort::Oom => {
            let of = |e| figure(e, |s| f64::from(s.oom_score));
            big_first(of(a), of(b))
        }
        Sort::Adjustment => {
            let of = |e| figure(e, |s| f64::from(s.oom_score_adj));
            big_first(of(a), of(b))
        }
        Sort::Pids => {
            let of = |e| figure(e, |s| s.pids as f64);
            big_first(of(a), of(b))
        }
        Sort::Age => b.since().cmp(&a.since()),
    }
}

/// The ids of what `query` keeps, in order.
pub fn arrange<'a>(
    entries: impl Iterator<Item = (&'a Id, &'a Entry)>,
    query: &Query,
    sort: Sort,
    order: Order,
) -> Vec<Id> {
    let mut kept: Vec<(&Id, &Entry)> = entries.filter(|(_, entry)| query.keeps(*entry)).collect();
    kept.sort_unstable_by(|(a_id, a), (b_id, b)| {
        let first = compare(sort, a, b).then_with(|| a.container.name.cmp(&b.container.name));
        let way = match order {
            Order::Natural => first,
            Order::Reversed => first.reverse(),
        };
        way.then_with(|| a_id.cmp(b_id))
    });
    kept.into_iter().map(|(id, _)| id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Fleet;
    use shared::watch::{Container, Sample};

    #[test]
    fn trouble_comes_first() {
        let mut fleet = Fleet::default();
        for (id, state, health) in
            [("a", "running", ""), ("b", "exited", ""), ("c", "running", "unhealthy")]
        {
            let container = Container {
                id: id.into(),
                name: id.into(),
                state: state.into(),
                health: health.into(),
                ..Container::default()
            };
            fleet.put(container, 0);
        }
        fleet.sample(Sample { id: "a".into(), cpu_percent: 3.0, ..Sample::default() }, 0);
        let by = |sort, order| {
            let ids = arrange(fleet.iter(), &Query::default(), sort, order);
            ids.iter().map(|id| id.to_string()).collect::<String>()
        };
        assert_eq!(by(Sort::Attention, Order::Natural), "cab");
        assert_eq!(by(Sort::Name, Order::Reversed), "cba");
        assert_eq!(by(Sort::Cpu, Order::Natural), "acb");
    }
}
