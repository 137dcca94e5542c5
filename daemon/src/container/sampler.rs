//! Who is read when. Nobody looks: every 10 s, spread over the seconds, and at once at the start; above
//! 80 % of the memory limit every second. Somebody looks: every second for what they look at.
//!
//! One batch a second and nothing else that wakes, so that a hundred idle containers cost less than 1 ms of
//! processor time a second. Subscribers take what is newest: a slow one misses samples, never facts.

use super::history::{History, Point};
use super::look::{Looks, Watch, Watches};
use super::reading::{Machine, Reading, Scope, Source};
use crate::task::{self, Listener};
use shared::error::{Context, Error, Kind, Result};
use shared::id::ContainerId;
use shared::kernel::cgroup::{Cgroup, Layout};
use shared::watch::{Interest, Sample};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
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
    watches: Watches,
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

/// Why a batch is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// This second has begun.
    Second(u64),
    /// The bell has rung in a second that was served.
    Called,
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
            watches: Watches::default(),
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
            entry.fresh = false;
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
            None,
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
        let now = Arc::new(Reading::take(&source, &*group, machine, Scope::Full, None)?);
        Ok(Pair { now, before, cpus: machine.cpus })
    }

    /// Begins to look. Nothing is of interest until [`Sampler::look_at`].
    pub fn watch(&self) -> Watch {
        self.0.watches.begin()
    }

    /// Changes what the watch of this name looks at. `NotFound` once it is gone.
    pub fn look_at(&self, watch: &str, interest: Interest) -> Result<()> {
        self.0.watches.look_at(watch, interest)?;
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
        let (begin, mut last) = (Instant::now(), None);
        loop {
            let listener = self.0.bell.listen();
            if self.0.tracked().values().all(|entry| entry.dead) {
                listener.wait();
                continue;
            }
            let passed = begin.elapsed();
            let second = passed.as_secs();
            let when = if last == Some(second) { When::Called } else { When::Second(second) };
            last = Some(second);
            if std::panic::catch_unwind(AssertUnwindSafe(|| self.tick(when))).is_err() {
                tracing::error!(second, "the sampler met a fault, its figures are missing");
            }
            // A container that was just started is read at once, everything else in its second.
            if !self.0.tracked().values().any(|entry| entry.fresh) {
                let rest = SECOND
                    .saturating_sub(Duration::from_nanos(begin.elapsed().subsec_nanos().into()));
                let _woken_or_late = listener.wait_timeout(rest);
            }
        }
    }

    /// One batch. Blocking.
    fn tick(&self, when: When) {
        let interest = self.0.watches.interest();
        let due: Vec<_> = {
            let mut tracked = self.0.tracked();
            let due = tracked.values_mut().filter(|entry| entry.is_due(when, &interest));
            due.map(|entry| {
                entry.fresh = false;
                (entry.source.clone(), entry.group.clone(), entry.last.clone())
            })
            .collect()
        };
        if due.is_empty() {
            return;
        }
        let machine = Machine::read();
        let mut samples = Vec::with_capacity(due.len());
        for (source, group, last) in due {
            let scope = if interest.covers(&source.id) { Scope::Watched } else { Scope::Quiet };
            match Reading::take(&source, &*group, machine, scope, last.as_deref()) {
                Ok(reading) => samples.extend(self.0.store(&source, reading)),
                // It ended between two looks; its owner will say so.
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => tracing::debug!(container = %source.id, %error, "cannot sample"),
            }
        }
        self.0.watches.publish(&samples);
    }
}

impl Tracked {
    fn is_due(&self, when: When, interest: &Looks) -> bool {
        if self.dead || self.fresh {
            return !self.dead;
        }
        let last = self.last.as_ref();
        let close = interest.covers(&self.source.id)
            || last.is_some_and(|last| last.is_above(CLOSE_PERCENT));
        match when {
            When::Second(second) => close || second % QUIET_SECONDS == self.turn,
            // Somebody may have begun to look at it.
            When::Called => close && last.is_none_or(|last| last.is_older_than(SECOND)),
        }
    }

    fn sample(&self) -> Option<Sample> {
        Some(self.last.as_ref()?.sample(&self.source.id, self.before.as_deref()))
    }
}

impl Inner {
    fn tracked(&self) -> MutexGuard<'_, HashMap<ContainerId, Tracked>> {
        self.tracked.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn own_group() -> Source {
        let cgroup = format!("/coffer-sampler-{}", std::process::id());
        Layout::detect().unwrap().group(&cgroup).unwrap().create().unwrap();
        let pid = i32::try_from(std::process::id()).unwrap();
        Source { id: ContainerId::generate(), cgroup, pid, own_network: true }
    }

    struct Made(String);
    impl Drop for Made {
        fn drop(&mut self) {
            Layout::detect().unwrap().group(&self.0).unwrap().remove().unwrap();
        }
    }

    #[test]
    fn a_new_container_is_read_at_once_and_a_watcher_sees_it() {
        if !nix::unistd::Uid::effective().is_root() {
            eprintln!("skipped: making a control group needs root");
            return;
        }
        let sampler = Sampler::new().unwrap();
        let source = own_group();
        let own = source.clone();
        let _made = Made(source.cgroup.clone());
        let (id, watch) = (source.id.clone(), sampler.watch());
        sampler.look_at(watch.id(), Interest { all: true, ..Interest::default() }).unwrap();
        sampler.clone().run().unwrap();
        sampler.track(source).unwrap();
        let limit = Duration::from_secs(5);
        let samples = task::block_on(task::timeout(limit, "a sample", watch.next())).unwrap();
        assert_eq!(samples[0].id, id.as_str());
        let second = task::block_on(task::timeout(limit, "another", watch.next())).unwrap();
        assert!(second[0].time_nanos > samples[0].time_nanos);
        let pair = sampler.read(&id).unwrap();
        assert!(pair.before.is_some() && pair.cpus > 0);
        // One that ends before it was read keeps nobody awake.
        let short = Source { id: ContainerId::generate(), ..own };
        let calm = sampler.clone();
        calm.track(short.clone()).unwrap();
        calm.freeze(&short.id);
        assert!(calm.0.tracked().values().all(|entry| !(entry.dead && entry.fresh)));
        sampler.freeze(&id);
        assert_eq!(sampler.read(&id).unwrap_err().kind(), Kind::NotFound);
        assert!(sampler.history(&id).len() >= 2, "the history outlives the container");
        sampler.forget(&id);
        assert!(sampler.history(&id).is_empty());
    }

    #[test]
    fn a_watch_that_is_gone_is_not_looked_for() {
        let sampler = Sampler::new().unwrap();
        let id = sampler.watch().id().to_owned();
        let error = sampler.look_at(&id, Interest::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
        assert!(!sampler.0.watches.interest().all);
        assert!(sampler.0.watches.is_empty());
    }
}
