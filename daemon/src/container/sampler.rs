//! Who is read when. Nobody looks: every 10 s, spread over the seconds, and at once at the start; above
//! 80 % of the memory limit every second. Somebody looks: every second for what they look at.
//!
//! One blocking batch a second at most, so that a hundred idle containers cost less than 1 ms of
//! processor time a second. Subscribers take what is newest: a slow one misses samples, never facts.

use super::history::{History, Point};
use super::reading::{Machine, Reading, Scope, Source};
use crate::task::{self, Listener};
use shared::error::{Context, Error, Kind, Result};
use shared::id::ContainerId;
use shared::kernel::cgroup::{Cgroup, Layout};
use shared::watch::{Interest, Sample};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

/// Seconds between two readings when nobody looks.
const QUIET_SECONDS: u64 = 10;
/// So many share a second before the next one is used: reading one after the other finds the kernel's
/// and our own code in the processor's caches, which halves what each costs.
const BATCH: u64 = 32;
const SECOND: Duration = Duration::from_secs(1);
/// Above this share of its memory limit a container is read every second.
const CLOSE_PERCENT: u64 = 80;

/// The sampler. Clones are handles to the same one.
#[derive(Clone)]
pub struct Sampler(Arc<Inner>);

struct Inner {
    layout: Layout,
    tracked: Mutex<HashMap<ContainerId, Tracked>>,
    watches: Mutex<Vec<Weak<Watched>>>,
    bell: task::Bell,
    turn: AtomicU64,
    /// The last reading of all.
    all: Mutex<Option<(Instant, Arc<Readings>)>>,
}

type Readings = Vec<(ContainerId, Reading)>;

struct Tracked {
    source: Source,
    group: Arc<dyn Cgroup>,
    before: Option<Arc<Reading>>,
    last: Option<Arc<Reading>>,
    history: History,
    /// It is read in the seconds whose number leaves this rest.
    turn: u64,
    fresh: bool,
    dead: bool,
}

/// The last two readings.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The newer one.
    pub now: Arc<Reading>,
    /// The one before, when there is one.
    pub before: Option<Arc<Reading>>,
    /// CPUs online.
    pub cpus: u32,
}

impl Sampler {
    /// Nothing is tracked yet; [`Sampler::run`] does the work.
    pub fn new() -> Result<Self> {
        let layout = Layout::detect().context("find the control groups")?;
        Ok(Self(Arc::new(Inner {
            layout,
            tracked: Mutex::default(),
            watches: Mutex::default(),
            bell: task::Bell::new(),
            turn: AtomicU64::new(0),
            all: Mutex::default(),
        })))
    }

    /// A container has been started or taken over: it is read at once, then in its turn. One that is
    /// tracked already is left alone.
    pub fn track(&self, source: Source) -> Result<()> {
        let group: Arc<dyn Cgroup> = Arc::from(self.0.layout.group(&source.cgroup)?);
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed) / BATCH % QUIET_SECONDS;
        let mut tracked = self.0.tracked();
        if tracked.get(&source.id).is_some_and(|entry| !entry.dead && entry.source == source) {
            return Ok(());
        }
        let history = tracked.remove(&source.id).map(|old| old.history).unwrap_or_default();
        let id = source.id.clone();
        let entry = Tracked {
            source,
            group,
            before: None,
            last: None,
            history,
            turn,
            fresh: true,
            dead: false,
        };
        tracked.insert(id, entry);
        drop(tracked);
        self.0.bell.notify(usize::MAX);
        Ok(())
    }

    /// It has ended: its history stays as it was at its death.
    pub fn freeze(&self, id: &ContainerId) {
        if let Some(entry) = self.0.tracked().get_mut(id) {
            entry.dead = true;
        }
    }

    /// It is gone.
    pub fn forget(&self, id: &ContainerId) {
        self.0.tracked().remove(id);
    }

    /// The newest sample of every living container, without reading anything.
    pub fn latest(&self) -> Vec<Sample> {
        let tracked = self.0.tracked();
        let living = tracked.values().filter(|entry| !entry.dead);
        living.filter_map(Tracked::sample).collect()
    }

    /// Every living container in full, for the metrics: read now, or less than [`SECOND`] ago, so that
    /// many who ask cost no more than one. Blocking. One that ends meanwhile or cannot be read is left out.
    pub fn read_all(&self) -> Arc<Readings> {
        let mut all = self.0.all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((since, readings)) = &*all
            && since.elapsed() < SECOND
        {
            return readings.clone();
        }
        let readings = Arc::new(self.read_each());
        *all = Some((Instant::now(), readings.clone()));
        readings
    }

    fn read_each(&self) -> Readings {
        let living: Vec<_> = {
            let tracked = self.0.tracked();
            let living = tracked.values().filter(|entry| !entry.dead);
            living.map(|entry| (entry.source.clone(), entry.group.clone())).collect()
        };
        let machine = Machine::read();
        let read = |(source, group): (Source, Arc<dyn Cgroup>)| match Reading::take(
            &source,
            &*group,
            machine,
            Scope::Full,
        ) {
            Ok(reading) => Some((source.id, reading)),
            Err(error) if error.kind() == Kind::NotFound => None,
            Err(error) => {
                tracing::debug!(container = %source.id, %error, "cannot read for the metrics");
                None
            }
        };
        living.into_iter().filter_map(read).collect()
    }

    /// A container's history, oldest first.
    pub fn history(&self, id: &ContainerId) -> Vec<Point> {
        self.0.tracked().get(id).map(|entry| entry.history.points()).unwrap_or_default()
    }

    /// Reads one container now, in full, beside the reading before it. Blocking. `NotFound` when it
    /// does not run.
    pub fn read(&self, id: &ContainerId) -> Result<Pair> {
        let (source, group, before) = {
            let tracked = self.0.tracked();
            let entry = tracked.get(id).filter(|entry| !entry.dead);
            let entry = entry.ok_or_else(|| Error::not_found(format!("{id} is not running")))?;
            (entry.source.clone(), entry.group.clone(), entry.last.clone())
        };
        let machine = Machine::read();
        let now = Arc::new(Reading::take(&source, &*group, machine, Scope::Full)?);
        Ok(Pair { now, before, cpus: machine.cpus })
    }

    /// Begins to look. Nothing is of interest until [`Sampler::look_at`].
    pub fn watch(&self) -> Watch {
        let id = shared::id::hex(&shared::id::random::<8>());
        let watched = Arc::new(Watched { id, ..Watched::default() });
        self.0.watches().push(Arc::downgrade(&watched));
        Watch { watched }
    }

    /// Changes what the watch of this name looks at. `NotFound` once it is gone.
    pub fn look_at(&self, watch: &str, interest: Interest) -> Result<()> {
        let found = self.0.watches().iter().filter_map(Weak::upgrade).find(|w| w.id == watch);
        let watched = found.ok_or_else(|| Error::not_found(format!("no such watch: {watch}")))?;
        *watched.interest.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = interest;
        self.0.bell.notify(usize::MAX);
        Ok(())
    }

    /// Reads whoever is due, once a second, for ever, on a thread of its own: what is done every second
    /// wakes nobody else.
    pub fn run(self) -> Result<()> {
        let begin = std::thread::Builder::new().name("sampler".to_owned());
        begin.spawn(move || self.read_on()).context("start the sampler's thread").map(drop)
    }

    fn read_on(&self) {
        let mut second = 0u64;
        loop {
            let listener = self.0.bell.listen();
            if self.0.tracked().values().all(|entry| entry.dead) {
                listener.wait();
                continue;
            }
            let tick = AssertUnwindSafe(|| self.tick(second));
            if std::panic::catch_unwind(tick).is_err() {
                tracing::error!(second, "the sampler met a fault, its figures are missing");
            }
            second += 1;
            // A container that was just started is read at once, everything else in its second.
            let listener = self.0.bell.listen();
            if !self.0.tracked().values().any(|entry| entry.fresh) {
                let _woken_or_late = listener.wait_timeout(SECOND);
            }
        }
    }

    /// One batch. Blocking.
    fn tick(&self, second: u64) {
        let interest = self.0.interest();
        let due: Vec<_> = {
            let mut tracked = self.0.tracked();
            let due = tracked.values_mut().filter(|entry| entry.is_due(second, &interest));
            due.map(|entry| {
                entry.fresh = false;
                (entry.source.clone(), entry.group.clone())
            })
            .collect()
        };
        if due.is_empty() {
            return;
        }
        let machine = Machine::read();
        let mut samples = Vec::with_capacity(due.len());
        for (source, group) in due {
            let scope = if interest.covers(&source.id) { Scope::Watched } else { Scope::Quiet };
            match Reading::take(&source, &*group, machine, scope) {
                Ok(reading) => samples.extend(self.0.store(&source, reading)),
                // It ended between two looks; its owner will say so.
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => tracing::debug!(container = %source.id, %error, "cannot sample"),
            }
        }
        self.0.publish(&samples);
    }
}

impl Tracked {
    fn is_due(&self, second: u64, interest: &Looks) -> bool {
        !self.dead
            && (self.fresh
                || second % QUIET_SECONDS == self.turn
                || interest.covers(&self.source.id)
                || self.last.as_ref().is_some_and(|last| last.is_above(CLOSE_PERCENT)))
    }

    fn sample(&self) -> Option<Sample> {
        Some(self.last.as_ref()?.sample(&self.source.id, self.before.as_deref()))
    }
}

impl Inner {
    fn tracked(&self) -> MutexGuard<'_, HashMap<ContainerId, Tracked>> {
        self.tracked.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn watches(&self) -> MutexGuard<'_, Vec<Weak<Watched>>> {
        self.watches.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn interest(&self) -> Looks {
        let mut looks = Looks::default();
        self.watches().retain(|watch| {
            let Some(watch) = watch.upgrade() else { return false };
            let interest = watch.interest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            looks.all |= interest.all;
            looks.ids.extend(interest.containers.iter().cloned());
            true
        });
        looks
    }

    /// Keeps a reading, if the container is still the same run of the same one.
    fn store(&self, source: &Source, reading: Reading) -> Option<Sample> {
        let mut tracked = self.tracked();
        let entry = tracked.get_mut(&source.id)?;
        if entry.dead || entry.source != *source {
            return None;
        }
        entry.history.push(point(&reading));
        entry.before = entry.last.replace(Arc::new(reading));
        entry.sample()
    }

    fn publish(&self, samples: &[Sample]) {
        if samples.is_empty() {
            return;
        }
        for watch in self.watches().iter().filter_map(Weak::upgrade) {
            let mut waiting =
                watch.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            waiting.extend(samples.iter().map(|sample| (sample.id.clone(), sample.clone())));
            drop(waiting);
            watch.bell.notify(usize::MAX);
        }
    }
}

fn point(reading: &Reading) -> Point {
    let statistics = &reading.statistics;
    let io: u64 = statistics.io.iter().map(|io| io.read_bytes + io.write_bytes).sum();
    Point {
        time_ms: u64::try_from(reading.time_nanos / 1_000_000).unwrap_or(0),
        cpu_micros: statistics.cpu.usage_nanos / 1_000,
        memory_kib: statistics.memory.usage_bytes / 1024,
        working_set_kib: statistics.memory.working_set_bytes / 1024,
        pids: statistics.pids.current,
        io_kib: io / 1024,
    }
}

#[derive(Default)]
struct Looks {
    all: bool,
    ids: HashSet<String>,
}

impl Looks {
    fn covers(&self, id: &ContainerId) -> bool {
        self.all || self.ids.contains(id.as_str())
    }
}

#[derive(Default)]
struct Watched {
    id: String,
    interest: Mutex<Interest>,
    waiting: Mutex<BTreeMap<String, Sample>>,
    bell: task::Bell,
}

/// Somebody who looks. Dropping it ends the interest.
pub struct Watch {
    watched: Arc<Watched>,
}

impl Watch {
    /// Its name, by which [`Sampler::look_at`] finds it.
    pub fn id(&self) -> &str {
        &self.watched.id
    }

    /// The newest samples since the last call, one per container; waits for some.
    pub async fn next(&self) -> Vec<Sample> {
        loop {
            let listener = self.watched.bell.listen();
            let waiting = {
                let mut waiting =
                    self.watched.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                std::mem::take(&mut *waiting)
            };
            if !waiting.is_empty() {
                return waiting.into_values().collect();
            }
            listener.await;
        }
    }
}

#[cfg(test)]
mod tests;
