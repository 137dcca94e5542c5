//! The newest events in memory, numbers waiting for their commit, and the order in which they are
//! released. Pure: no clock, no store.

use super::Event;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What became of a submitted number.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Committed.
    Fact(Arc<Event>),
    /// Its commit failed: readers never see it.
    Void,
}

/// See the module.
#[derive(Debug)]
pub struct Ring {
    /// The next number to hand out.
    pub next: u64,
    /// Numbers below this are covered by a durable reservation.
    pub reserved: u64,
    /// Every number below this is released.
    pub released: u64,
    /// Every released fact at or above this number is in `events`.
    pub memory_from: u64,
    waiting: BTreeMap<u64, Outcome>,
    events: VecDeque<Arc<Event>>,
    capacity: usize,
}

impl Ring {
    /// Numbering goes on at `next`.
    pub fn new(next: u64, reserved: u64, capacity: usize) -> Self {
        Self {
            next,
            reserved,
            released: next,
            memory_from: next,
            waiting: BTreeMap::new(),
            events: VecDeque::new(),
            capacity,
        }
    }

    /// Hands out `count` numbers, or nothing when the reservation does not cover them.
    pub fn take(&mut self, count: u64) -> Option<u64> {
        let first = self.next;
        (first + count <= self.reserved).then(|| {
            self.next += count;
            first
        })
    }

    /// Notes what became of `seq` and releases what is in order now; true when anything was.
    pub fn settle(&mut self, seq: u64, outcome: Outcome) -> bool {
        self.waiting.insert(seq, outcome);
        let before = self.released;
        while let Some(outcome) = self.waiting.remove(&self.released) {
            self.released += 1;
            if let Outcome::Fact(event) = outcome {
                self.events.push_back(event);
            }
            if self.events.len() > self.capacity
                && let Some(old) = self.events.pop_front()
            {
                self.memory_from = old.seq + 1;
            }
        }
        self.released != before
    }

    /// Up to `count` facts at or above `seq`.
    pub fn page(&self, seq: u64, count: usize) -> impl Iterator<Item = &Arc<Event>> {
        let index = self.events.partition_point(|event| event.seq < seq);
        self.events.range(index..).take(count)
    }

    /// The number of the first fact in memory that is not older than `time_nanos`; `None` when memory
    /// does not reach back that far.
    pub fn since(&self, time_nanos: i64) -> Option<u64> {
        let oldest = self.events.front()?;
        if oldest.time_nanos >= time_nanos {
            return None;
        }
        let index = self.events.partition_point(|event| event.time_nanos < time_nanos);
        Some(self.events.get(index).map_or(self.released, |event| event.seq))
    }
}
