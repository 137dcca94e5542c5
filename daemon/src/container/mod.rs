//! Containers: the manager. Names to handles; every method is what a router calls.
//!
//! Layer 5: this uses images, volumes, networks and shims; it knows nothing of HTTP or metrics. It
//! never changes a container itself: it asks the container's [`owner`].

pub mod account;
pub mod feed;
pub mod filter;
pub mod handle;
pub mod history;
pub mod io;
pub mod list;
pub mod look;
pub mod name;
pub mod owner;
pub mod policy;
pub mod reach;
pub mod reading;
pub mod record;
pub mod request;
pub mod restore;
pub mod row;
pub mod sampler;
pub mod settings;
pub mod spec;
pub mod state;
pub mod watch;

mod exec;
mod files;
mod fill;
mod index;
mod overlay;
mod prepare;
mod process;
mod propagation;
mod verb;

pub use handle::{Handle, Held};
pub use settings::{Parts, Settings};

use crate::{limits, task};
use exec::Execs;
use feed::Feed;
use handle::Message;
use index::Index;
use owner::Owner;
use reading::Source;
use record::Record;
use request::{Condition, Remove, Size, Stop, Waited};
use sampler::Sampler;
use shared::docker::ContainerUpdateBody;
use shared::error::{Error, Result};
use shared::id::ContainerId;
use state::{Outcome, State, View};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// The manager of all containers. Clones are handles to the same one.
#[derive(Clone)]
pub struct Containers(Arc<Inner>);

/// What all owners share.
pub(crate) struct Inner {
    parts: Parts,
    settings: Settings,
    index: Mutex<Index>,
    execs: Execs,
    starts: settings::Gate,
    packers: Arc<settings::Gate>,
    filters: filter::Filters,
    boot_id: String,
    feed: Feed,
    adopted: AtomicU32,
    checks: watch::health::Counters,
}

impl Containers {
    /// A manager without containers; [`Containers::restore`] brings in the stored ones.
    pub fn new(parts: Parts, settings: Settings) -> Result<Self> {
        let boot_id = process::boot_id()?;
        let starts = settings::Gate::new(settings.parallel_starts);
        let filters = filter::Filters::new(settings.seccomp.clone());
        let index = Mutex::default();
        Ok(Self(Arc::new(Inner {
            parts,
            settings,
            index,
            execs: Execs::default(),
            starts,
            packers: Arc::new(settings::Gate::new(limits::LOG_PACKERS)),
            filters,
            boot_id,
            feed: Feed::default(),
            adopted: AtomicU32::new(0),
            checks: watch::health::Counters::default(),
        })))
    }

    /// Full id, then exact name, then unique id prefix.
    pub fn find(&self, reference: &str) -> Result<Handle> {
        self.0.index().find(reference)
    }

    /// What a container is doing now; never waits for its owner.
    pub fn view(&self, reference: &str) -> Result<Arc<View>> {
        Ok(self.find(reference)?.view())
    }

    /// All containers, in no order.
    pub fn views(&self) -> Vec<Arc<View>> {
        self.0.index().handles().map(Handle::view).collect()
    }

    /// Number of containers.
    pub fn count(&self) -> usize {
        self.0.index().count()
    }

    /// What the daemon's configuration says about containers.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Which containers have changed.
    pub fn feed(&self) -> &Feed {
        &self.0.feed
    }

    /// What containers use.
    pub fn sampler(&self) -> &Sampler {
        &self.0.parts.sampler
    }

    /// Running containers that were taken over when the daemon started.
    pub fn adopted(&self) -> u32 {
        self.0.adopted.load(Ordering::Relaxed)
    }

    /// Health checks since the daemon started: all, and the failed ones among them.
    pub fn health_checks(&self) -> (u64, u64) {
        self.0.checks.read()
    }

    /// Starts it.
    pub async fn start(&self, reference: &str) -> Result<Outcome> {
        self.find(reference)?.ask(Message::Start).await
    }

    /// Ends it: its stop signal, then SIGKILL.
    pub async fn stop(&self, reference: &str, how: Stop) -> Result<Outcome> {
        self.find(reference)?.ask(|reply| Message::Stop(how, reply)).await
    }

    /// Stops and starts it.
    pub async fn restart(&self, reference: &str, how: Stop) -> Result<Outcome> {
        self.find(reference)?.ask(|reply| Message::Restart(how, reply)).await
    }

    /// Freezes it.
    pub async fn pause(&self, reference: &str) -> Result<Outcome> {
        self.find(reference)?.ask(Message::Pause).await
    }

    /// Thaws it.
    pub async fn unpause(&self, reference: &str) -> Result<Outcome> {
        self.find(reference)?.ask(Message::Unpause).await
    }

    /// Removes it.
    pub async fn remove(&self, reference: &str, how: Remove) -> Result<Outcome> {
        let handle = self.find(reference)?;
        if how.link {
            return Err(Error::not_found(format!("Could not get parent {reference}: no links")));
        }
        handle.ask(|reply| Message::Remove(how, reply)).await
    }

    /// Gives it another name.
    pub async fn rename(&self, reference: &str, to: &str) -> Result<Outcome> {
        let handle = self.find(reference)?;
        if to.is_empty() {
            return Err(Error::invalid("Neither old nor new names may be empty"));
        }
        let name = name::parse(to)?;
        handle.ask(|reply| Message::Rename(name, reply)).await
    }

    /// Changes its resources and restart policy; answers warnings.
    pub async fn update(&self, reference: &str, body: ContainerUpdateBody) -> Result<Vec<String>> {
        self.find(reference)?.ask(|reply| Message::Update(Box::new(body), reply)).await
    }

    /// Sets the size of its terminal.
    pub async fn resize(&self, reference: &str, size: Size) -> Result<()> {
        let handle = self.find(reference)?;
        let shim = handle.ask(|reply| Message::Shim(policy::Verb::Resize, reply)).await?;
        if !handle.view().record.has_terminal() {
            // Docker takes it, and there is nothing to set.
            return Ok(());
        }
        shim.resize(shared::paths::INIT, size.rows, size.columns).await?;
        let more = [("height", size.rows.to_string()), ("width", size.columns.to_string())];
        let fact = owner::fact(&handle.view().record, "resize", &more);
        self.0.parts.journal.record(vec![fact]).await
    }

    /// Begins to wait; the returned future ends when the condition holds. What happens between the
    /// two is not missed.
    pub fn wait(
        &self,
        reference: &str,
        condition: Condition,
    ) -> Result<impl Future<Output = Waited> + Send + use<>> {
        let handle = self.find(reference)?;
        let before = handle.exits();
        Ok(async move {
            loop {
                let listener = handle.listen();
                let (view, exits) = handle.view_and_exits();
                let holds = match condition {
                    _ if exits.is_none() => true,
                    // An end counts even if the restart policy begins another run: as with Docker.
                    Condition::NotRunning => {
                        let is_down = !view.status().is_alive();
                        exits != before || (is_down && view.status() != state::Status::Restarting)
                    }
                    Condition::NextExit => exits != before,
                    Condition::Removed => false,
                };
                if holds {
                    return Waited { exit_code: view.state.exit_code, error: None };
                }
                listener.await;
            }
        })
    }

    /// Lets go of all containers, which stay as they are: the daemon ends.
    pub async fn close(&self) {
        let handles: Vec<Handle> = self.0.index().handles().cloned().collect();
        let close = |handle: Handle| async move {
            handle.tell(Message::Close).await;
            handle.closed().await;
        };
        let all = futures_util::future::join_all(handles.into_iter().map(close));
        if task::timeout(limits::OWNERS_CLOSE, "the owners' end", all).await.is_err() {
            tracing::warn!("some containers are in the middle of a verb: the next start goes on");
        }
    }
}

impl Inner {
    /// The index; never held across an await.
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Starts an owner and makes it known. The name must have been reserved.
    fn adopt(self: &Arc<Self>, record: Record, state: State) -> Handle {
        let owner = Owner::new(self.clone(), record, state);
        let handle = owner.handle.clone();
        self.index().insert(handle.clone());
        self.feed.changed(handle.id());
        task::spawn("container owner", owner.run()).detach();
        handle
    }

    /// A container shows itself: it is sampled while it is alive.
    fn shown(&self, view: &View) {
        if !view.status().is_alive() {
            return self.parts.sampler.freeze(view.id());
        }
        let source = Source {
            id: view.id().clone(),
            cgroup: view.record.decided.cgroup.clone(),
            pid: view.state.pid,
            own_network: view.record.decided.network == "none",
        };
        if let Err(error) = self.parts.sampler.track(source) {
            tracing::warn!(container = %view.id(), %error, "cannot be sampled");
        }
    }

    /// Forgets a container.
    fn forget(&self, id: &ContainerId) {
        self.index().remove(id);
        self.execs.forget(id);
        self.parts.sampler.forget(id);
        self.feed.removed(id);
    }
}
