//! Reading the journal: each subscriber has a position and pulls, so a slow one holds nothing back and
//! costs no memory. It reads from memory, then from the store; what is no longer there is an explicit gap.

use super::Event;
use super::journal::{Inner, Journal, cursor, parse_cursor};
use crate::{limits, task};
use shared::error::Result;
use shared::watch::Gap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// What happens from now on.
    Now,
    /// Everything with a greater number.
    After(u64),
    /// Everything from this moment on, nanoseconds since 1970.
    Time(i64),
}

/// What a subscriber gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A fact.
    Event(Arc<Event>),
    /// Facts with these numbers cannot be delivered, or were lost when the daemon was killed.
    Gap(Gap),
}

/// A position in the journal.
pub struct Subscription {
    inner: Arc<Inner>,
    next: u64,
    page: VecDeque<Item>,
}

impl Journal {
    /// Begins to read. Reads of the store happen later, in [`Subscription::next`].
    pub async fn subscribe(&self, since: Since) -> Result<Subscription> {
        let released = self.released();
        let next = match since {
            Since::Now => released,
            Since::After(seq) => seq.saturating_add(1).min(released),
            Since::Time(nanos) => self.find(nanos).await?,
        };
        self.0.subscribers.fetch_add(1, Ordering::Relaxed);
        Ok(Subscription { inner: self.0.clone(), next, page: VecDeque::new() })
    }

    /// The cursor of a number.
    pub fn cursor(&self, seq: u64) -> String {
        cursor(self.store().id(), seq)
    }

    /// The number of a cursor: `<store id>-<number>`, or a number alone.
    pub fn parse_cursor(&self, text: &str) -> Result<u64> {
        parse_cursor(self.store().id(), text)
    }

    /// The number of the first fact that is not older than `nanos`.
    async fn find(&self, nanos: i64) -> Result<u64> {
        if let Some(seq) = self.0.ring().since(nanos) {
            return Ok(seq);
        }
        let inner = self.0.clone();
        task::blocking("find an event by time", move || {
            let (mut low, mut high) = (inner.oldest(), inner.ring().released);
            // Times grow with numbers. A void or lost number has no time, so each probe looks at a page.
            while low + limits::JOURNAL_PAGE < high {
                let middle = low + (high - low) / 2;
                let page = inner.read(middle, (middle + limits::JOURNAL_PAGE).min(high))?;
                match page.first() {
                    Some(event) if event.time_nanos < nanos => low = middle,
                    _ => high = middle,
                }
            }
            let end = (high + limits::JOURNAL_PAGE).min(inner.ring().released);
            let page = inner.read(low, end)?;
            let found = page.iter().find(|event| event.time_nanos >= nanos);
            Ok(found.map_or(end, |event| event.seq))
        })
        .await
    }
}

impl Subscription {
    /// The next item; waits for one.
    pub async fn next(&mut self) -> Result<Item> {
        loop {
            if let Some(item) = self.ready().await? {
                return Ok(item);
            }
            let wait = self.inner.bell.listen();
            if self.inner.ring().released > self.next {
                continue;
            }
            wait.await;
        }
    }

    /// The next item that is there already.
    pub async fn ready(&mut self) -> Result<Option<Item>> {
        loop {
            if let Some(item) = self.page.pop_front() {
                return Ok(Some(item));
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// Every number below this has been delivered, is void or was reported as a gap.
    pub fn position(&self) -> u64 {
        match self.page.front() {
            Some(Item::Event(event)) => event.seq,
            Some(Item::Gap(gap)) => gap.from,
            None => self.next,
        }
    }

    /// Fetches a page; false when there is nothing new.
    async fn fill(&mut self) -> Result<bool> {
        let (released, memory_from) = {
            let ring = self.inner.ring();
            if self.next >= ring.memory_from {
                let page = ring.page(self.next, limits::JOURNAL_PAGE as usize).cloned();
                self.page.extend(page.map(Item::Event));
                let last = self.page.back().and_then(|item| match item {
                    Item::Event(event) => Some(event.seq + 1),
                    Item::Gap(_) => None,
                });
                let full = self.page.len() == limits::JOURNAL_PAGE as usize;
                let end = if full { last.unwrap_or(ring.released) } else { ring.released };
                let moved = end > self.next;
                self.next = end;
                return Ok(moved);
            }
            (ring.released, ring.memory_from)
        };
        let oldest = self.inner.oldest();
        if self.next < oldest {
            self.gap(Gap { from: self.next, to: oldest - 1 });
            self.next = oldest;
            return Ok(true);
        }
        let end = (self.next + limits::JOURNAL_PAGE).min(memory_from).min(released);
        let (inner, from) = (self.inner.clone(), self.next);
        let events = task::blocking("read events", move || inner.read(from, end)).await?;
        self.merge(events, end);
        self.next = end;
        Ok(true)
    }

    /// Puts recorded gaps between the events where they belong.
    fn merge(&mut self, events: Vec<Arc<Event>>, end: u64) {
        let recorded = self.inner.gaps.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let here = recorded.iter().copied().filter(|gap| gap.from >= self.next && gap.from < end);
        let mut gaps: VecDeque<Gap> = here.collect();
        drop(recorded);
        for event in events {
            while gaps.front().is_some_and(|gap| gap.from < event.seq) {
                gaps.pop_front().into_iter().for_each(|gap| self.gap(gap));
            }
            self.page.push_back(Item::Event(event));
        }
        gaps.into_iter().for_each(|gap| self.gap(gap));
    }

    fn gap(&mut self, gap: Gap) {
        self.inner.missed.fetch_add(gap.to - gap.from + 1, Ordering::Relaxed);
        self.page.push_back(Item::Gap(gap));
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.inner.subscribers.fetch_sub(1, Ordering::Relaxed);
    }
}
