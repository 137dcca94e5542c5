//! Which containers have changed since a reader last looked. A container that changed ten times shows
//! once, so a slow reader costs nothing and misses no container; it asks for the newest view itself.

use crate::task;
use shared::id::ContainerId;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

/// Removals that are remembered: a reader further behind must look at everything again.
const TOMBSTONES: usize = 4_096;

/// The feed. Clones are handles to the same one.
#[derive(Clone, Default)]
pub struct Feed(Arc<Shared>);

#[derive(Default)]
struct Shared {
    log: Mutex<Log>,
    bell: task::Bell,
}

#[derive(Default)]
struct Log {
    last: u64,
    /// Every container once, under the number of its last change.
    order: BTreeMap<u64, ContainerId>,
    numbers: HashMap<ContainerId, u64>,
    /// Numbers of removals, oldest first.
    removed: std::collections::VecDeque<u64>,
    /// A reader at or above this has not missed a removal.
    complete_from: u64,
}

impl Log {
    fn note(&mut self, id: &ContainerId) -> u64 {
        self.last += 1;
        if let Some(old) = self.numbers.insert(id.clone(), self.last) {
            self.order.remove(&old);
        }
        self.order.insert(self.last, id.clone());
        self.last
    }
}

impl Feed {
    /// A container is new or has changed.
    pub fn changed(&self, id: &ContainerId) {
        self.log().note(id);
        self.0.bell.notify(usize::MAX);
    }

    /// A container is gone.
    pub fn removed(&self, id: &ContainerId) {
        let mut log = self.log();
        let number = log.note(id);
        log.removed.push_back(number);
        if log.removed.len() > TOMBSTONES
            && let Some(number) = log.removed.pop_front()
        {
            if let Some(id) = log.order.remove(&number) {
                log.numbers.remove(&id);
            }
            log.complete_from = number;
        }
        drop(log);
        self.0.bell.notify(usize::MAX);
    }

    /// Begins to read: only what changes from now on is told.
    pub fn reader(&self) -> Reader {
        Reader { feed: self.clone(), position: self.log().last }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What a reader is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// These have changed or are gone, in the order of their last change.
    These(Vec<ContainerId>),
    /// Too much has been removed meanwhile: look at everything again.
    Everything,
}

/// A position in the feed.
pub struct Reader {
    feed: Feed,
    position: u64,
}

impl Reader {
    /// What has changed since the last call; waits for something.
    pub async fn next(&mut self) -> Changes {
        loop {
            let listener = self.feed.0.bell.listen();
            if let Some(changes) = self.ready() {
                return changes;
            }
            listener.await;
        }
    }

    /// What has changed since the last call, if anything.
    pub fn ready(&mut self) -> Option<Changes> {
        let log = self.feed.log();
        if self.position == log.last {
            return None;
        }
        let lost = self.position < log.complete_from;
        let ids = log.order.range(self.position + 1..).map(|(_, id)| id.clone()).collect();
        let last = log.last;
        drop(log);
        self.position = last;
        Some(if lost { Changes::Everything } else { Changes::These(ids) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_shows_once_in_the_order_of_its_last_change() {
        let (feed, a, b) = (Feed::default(), ContainerId::generate(), ContainerId::generate());
        feed.changed(&a);
        let mut reader = feed.reader();
        assert_eq!(reader.ready(), None);
        feed.changed(&a);
        feed.changed(&b);
        feed.changed(&a);
        assert_eq!(reader.ready(), Some(Changes::These(vec![b.clone(), a])));
        feed.removed(&b);
        assert_eq!(task::block_on(reader.next()), Changes::These(vec![b]));
        assert_eq!(reader.ready(), None);
    }

    #[test]
    fn a_reader_that_missed_removals_looks_at_everything() {
        let feed = Feed::default();
        let mut reader = feed.reader();
        for _ in 0..=TOMBSTONES {
            let id = ContainerId::generate();
            feed.changed(&id);
            feed.removed(&id);
        }
        assert_eq!(reader.ready(), Some(Changes::Everything));
        assert!(feed.log().order.len() <= TOMBSTONES);
    }
}
