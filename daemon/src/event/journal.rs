//! The journal: numbers facts, commits them with the state they report, publishes them in order.
//!
//! On disk (see `assets/doc/ARCHITECTURE.md`): fixed slots `ev/<n % N>`, the durable
//! reservation `eh/high`, and the list of gaps that unclean stops left, `eh/gaps`.

use super::retain::Retention;
use super::ring::{Outcome, Ring};
use super::{Event, Fact, now_nanos};
use crate::store::{Durability, Record, Store, Tx};
use crate::{limits, task};
use serde::{Deserialize, Serialize};
use shared::error::{Context, Error, Result};
use shared::watch::Gap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// The journal. Clones are handles to the same one.
#[derive(Clone)]
pub struct Journal(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: Store,
    ring: Mutex<Ring>,
    pub(super) bell: task::Bell,
    reserve: task::Mutex<()>,
    pub(super) gaps: Mutex<Vec<Gap>>,
    kept: Mutex<Retention>,
    slots: u64,
    published: AtomicU64,
    bytes: AtomicU64,
    pub(super) subscribers: AtomicUsize,
    pub(super) missed: AtomicU64,
}

/// Numbers below `reserved` may be in use; those below `next` are, when the stop was clean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct High {
    reserved: u64,
    slots: u64,
    #[serde(default)]
    next: Option<u64>,
    #[serde(default)]
    gaps: Vec<Gap>,
    #[serde(default)]
    kept: Retention,
}

const HIGH: &str = "high";

impl Record for High {
    const TABLE: &'static str = "eh";
    const VERSION: u8 = 1;
}

/// Figures for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Facts published since the start.
    pub published: u64,
    /// Bytes of events written since the start.
    pub bytes: u64,
    /// Readers now.
    pub subscribers: usize,
    /// Facts that a reader was told it missed, added up.
    pub missed: u64,
}

impl Journal {
    /// Opens the journal in `store`. After an unclean stop numbering goes on behind the reserved block,
    /// and readers that were behind are told of the gap.
    pub async fn open(store: Store) -> Result<Self> {
        let high = store.get::<High>(HIGH).context("read the journal's head")?;
        let mut high = high.unwrap_or(High {
            reserved: 1,
            slots: limits::JOURNAL_SLOTS,
            next: Some(1),
            gaps: Vec::new(),
            kept: Retention::default(),
        });
        let next = match high.next.take() {
            Some(next) => next,
            None => {
                let last = last_written(&store, &high)?;
                let gap = Gap { from: last + 1, to: high.reserved.saturating_sub(1) };
                if gap.from <= gap.to {
                    tracing::warn!(
                        from = gap.from,
                        to = gap.to,
                        "event numbers skipped after a kill"
                    );
                    high.gaps.push(gap);
                }
                high.reserved
            }
        };
        let oldest = next.saturating_sub(high.slots);
        high.gaps.retain(|gap| gap.to >= oldest);
        high.reserved = next + limits::JOURNAL_BLOCK;
        high.kept.forget_below(oldest);
        let (gaps, kept) = (high.gaps.clone(), high.kept.clone());
        let (reserved, slots) = (high.reserved, high.slots);
        store.commit(Durability::Immediate, None, move |tx| tx.put(HIGH, &high)).await?;
        Ok(Self(Arc::new(Inner {
            store,
            ring: Mutex::new(Ring::new(next, reserved, limits::JOURNAL_MEMORY)),
            bell: task::Bell::new(),
            reserve: task::Mutex::new(()),
            gaps: Mutex::new(gaps),
            kept: Mutex::new(kept),
            slots,
            published: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            subscribers: AtomicUsize::new(0),
            missed: AtomicU64::new(0),
        })))
    }

    /// The store that the journal is in.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// Commits state and facts in one transaction and publishes the facts in order. See
    /// [`Store::commit`] for the rest; a failed commit publishes nothing.
    pub async fn commit<T, F>(
        &self,
        durability: Durability,
        serial: Option<&str>,
        facts: Vec<Fact>,
        mut work: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        if facts.is_empty() {
            return self.0.store.commit(durability, serial, work).await;
        }
        let journal = self.0.clone();
        let serial = serial.map(str::to_owned);
        // A task of its own: once numbers are taken they must be settled, whatever the caller does.
        task::spawn("commit facts", async move {
            let events = journal.number(facts).await?;
            let (written, slots) = (events.clone(), journal.slots);
            let result = journal
                .store
                .commit(durability, serial.as_deref(), move |tx| {
                    let value = work(tx)?;
                    for event in &written {
                        tx.put(&slot(event.seq, slots), &**event)?;
                    }
                    Ok(value)
                })
                .await;
            journal.settle(events, result.is_ok());
            result
        })
        .await?
    }

    /// Records facts that come without state.
    pub async fn record(&self, facts: Vec<Fact>) -> Result<()> {
        self.commit(Durability::Eventual, None, facts, |_| Ok(())).await
    }

    /// The next number that will be released: everything below it is visible.
    pub fn released(&self) -> u64 {
        self.0.ring().released
    }

    /// Figures for the metrics.
    pub fn figures(&self) -> Figures {
        Figures {
            published: self.0.published.load(Ordering::Relaxed),
            bytes: self.0.bytes.load(Ordering::Relaxed),
            subscribers: self.0.subscribers.load(Ordering::Relaxed),
            missed: self.0.missed.load(Ordering::Relaxed),
        }
    }

    /// Marks the stop as clean, so that no numbers are skipped. Call it when nothing commits any more.
    pub async fn close(&self) -> Result<()> {
        let (reserved, next) = {
            let ring = self.0.ring();
            (ring.reserved, ring.next)
        };
        let high = self.0.high(reserved, Some(next));
        self.0.store.commit(Durability::Immediate, None, move |tx| tx.put(HIGH, &high)).await
    }
}

impl Inner {
    pub(super) fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, Retention> {
        self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn high(&self, reserved: u64, next: Option<u64>) -> High {
        let gaps = self.gaps.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        High { reserved, slots: self.slots, next, gaps, kept: self.kept().clone() }
    }

    /// Gives the facts their numbers and time.
    async fn number(self: &Arc<Self>, facts: Vec<Fact>) -> Result<Vec<Arc<Event>>> {
        let count = facts.len() as u64;
        let first = loop {
            let (first, low) = {
                let mut ring = self.ring();
                let first = ring.take(count);
                (first, ring.reserved - ring.next < limits::JOURNAL_BLOCK / 2)
            };
            match first {
                Some(first) => {
                    if low {
                        let journal = self.clone();
                        task::spawn("reserve event numbers", async move { journal.grow().await })
                            .detach();
                    }
                    break first;
                }
                None => self.grow().await?,
            }
        };
        let time_nanos = now_nanos();
        let event = |(index, fact): (usize, Fact)| {
            let Fact { kind, action, id, attributes } = fact;
            let seq = first + index as u64;
            Arc::new(bounded(Event { seq, time_nanos, kind, action, id, attributes }))
        };
        Ok(facts.into_iter().enumerate().map(event).collect())
    }

    /// Reserves the next block durably, unless somebody just did.
    async fn grow(&self) -> Result<()> {
        let _one = self.reserve.lock().await;
        let reserved = {
            let ring = self.ring();
            if ring.reserved - ring.next >= limits::JOURNAL_BLOCK / 2 {
                return Ok(());
            }
            ring.reserved + limits::JOURNAL_BLOCK
        };
        let high = self.high(reserved, None);
        let commit = self.store.commit(Durability::Immediate, None, move |tx| tx.put(HIGH, &high));
        commit.await.context("reserve event numbers")?;
        self.ring().reserved = reserved;
        self.give_up().await
    }

    /// Deletes events above the journal's bytes or older than its age.
    async fn give_up(&self) -> Result<()> {
        let age = i64::try_from(limits::JOURNAL_AGE.as_nanos()).unwrap_or(i64::MAX);
        let slots_end = self.ring().released.saturating_sub(self.slots);
        let expired = {
            let mut kept = self.kept();
            kept.forget_below(slots_end);
            kept.expire(limits::JOURNAL_BYTES, now_nanos().saturating_sub(age))
        };
        let Some(expired) = expired else { return Ok(()) };
        tracing::info!(from = expired.start, to = expired.end, "the journal gives up old events");
        let slots = self.slots;
        let delete = move |tx: &mut Tx<'_>| {
            expired.clone().try_for_each(|seq| match tx.get::<Event>(&slot(seq, slots))? {
                Some(event) if event.seq == seq => tx.delete::<Event>(&slot(seq, slots)),
                _ => Ok(()),
            })
        };
        self.store.commit(Durability::Eventual, None, delete).await.context("give up old events")
    }

    fn settle(&self, events: Vec<Arc<Event>>, committed: bool) {
        if committed {
            self.published.fetch_add(events.len() as u64, Ordering::Relaxed);
            let mut kept = self.kept();
            for event in &events {
                let bytes = size(event) as u64;
                self.bytes.fetch_add(bytes, Ordering::Relaxed);
                kept.note(event.seq, bytes, event.time_nanos);
            }
        }
        let mut ring = self.ring();
        let mut released = false;
        for event in events {
            let seq = event.seq;
            let outcome = if committed { Outcome::Fact(event) } else { Outcome::Void };
            released |= ring.settle(seq, outcome);
        }
        drop(ring);
        if released {
            self.bell.notify(usize::MAX);
        }
    }

    /// The stored events with numbers in `from..to`, oldest first. Blocking.
    pub(super) fn read(&self, from: u64, to: u64) -> Result<Vec<Arc<Event>>> {
        let ids = (from..to).map(|seq| slot(seq, self.slots));
        let events = self.store.page::<Event>(ids)?;
        let current = events.into_iter().zip(from..to);
        Ok(current
            .filter_map(|(event, seq)| event.filter(|event| event.seq == seq).map(Arc::new))
            .collect())
    }

    /// The oldest number that can still be in its slot.
    pub(super) fn oldest(&self) -> u64 {
        self.ring().released.saturating_sub(self.slots).max(self.kept().floor).max(1)
    }
}

fn slot(seq: u64, slots: u64) -> String {
    format!("{:010}", seq % slots)
}

/// About what an event takes on disk.
fn size(event: &Event) -> usize {
    let attributes = event.attributes.iter().map(|(name, value)| name.len() + value.len() + 6);
    attributes.sum::<usize>() + event.id.len() + event.action.len() + 96
}

/// Keeps an event below its size: the largest attributes are cut first.
fn bounded(mut event: Event) -> Event {
    while size(&event) > limits::EVENT_BYTES {
        let largest = event.attributes.iter().max_by_key(|(name, value)| name.len() + value.len());
        let Some(name) = largest.map(|(name, _)| name.clone()) else { break };
        event.attributes.remove(&name);
        event.attributes.insert("truncated".into(), "true".into());
    }
    event
}

/// The highest number that was written before an unclean stop.
fn last_written(store: &Store, high: &High) -> Result<u64> {
    let from = high.reserved.saturating_sub(2 * limits::JOURNAL_BLOCK).max(1);
    let ids = (from..high.reserved).map(|seq| slot(seq, high.slots));
    let events = store.page::<Event>(ids).context("find the newest event")?;
    let numbers = events.into_iter().flatten().map(|event| event.seq);
    let last = numbers.filter(|seq| *seq < high.reserved).max();
    Ok(last.unwrap_or(from.saturating_sub(1)))
}

/// Numbers are given by the journal alone.
pub(super) fn cursor(store: &str, seq: u64) -> String {
    format!("{store}-{seq}")
}

/// The number in a cursor of this store.
pub(super) fn parse_cursor(store: &str, text: &str) -> Result<u64> {
    let bad = || Error::invalid(format!("invalid cursor: {text}"));
    match text.rsplit_once('-') {
        Some((owner, seq)) if owner == store => seq.parse().map_err(|_| bad()),
        Some(_) => Err(Error::invalid(format!("the cursor {text} belongs to another store"))),
        None => text.parse().map_err(|_| bad()),
    }
}
