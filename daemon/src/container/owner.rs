//! The task that owns a container: the only writer of its state.
//!
//! Exits come before requests, and requests before timers. A request that cannot be answered at once (a stop waits for
//! the process to end) is parked in [`Pending`] and answered by the exit, so that a kill still gets through. No owner
//! ever calls another owner; it reads the other's [`View`].

use super::Inner;
use super::handle::{Handle, Held, Message, Reply, answer};
use super::policy::{Judgement, Verb, judge};
use super::record::Record;
use super::request::{Opened, Remove};
use super::row::StateRow;
use super::spec::point::Point;
use super::state::{Health, Intent, Lost, Outcome, State, View};
use super::watch::forward::Forwarding;
use super::watch::pack::Packing;
use crate::event::{Fact, Type};
use crate::shim::{Notice, Shim};
use crate::store::Durability;
use crate::task::channel::{Receiver, Sender};
use crate::task::{self, Task};
use crate::{limits, network};
use futures_util::FutureExt;
use shared::error::{Error, Kind, Result};
use shared::id::ContainerId;
use shared::paths::INIT;
use shared::shim::Streams;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// A request that the exit of the first process will answer.
pub(super) struct Pending {
    /// What was begun.
    pub(super) intent: Intent,
    /// When SIGKILL is sent; `None` waits for ever.
    pub(super) deadline: Option<Instant>,
    /// SIGKILL was sent; now the deadline is for giving up.
    pub(super) killed: bool,
    /// How to remove, if that is the intent.
    pub(super) remove: Remove,
    /// Who waits.
    pub(super) replies: Vec<Reply<Outcome>>,
}

/// The owner's own half.
pub(super) struct Owner {
    pub(super) inner: Arc<Inner>,
    pub(super) id: ContainerId,
    pub(super) record: Arc<Record>,
    pub(super) state: State,
    pub(super) health: Option<Arc<Health>>,
    pub(super) shim: Option<Arc<Shim>>,
    pub(super) pending: Option<Pending>,
    pub(super) restart_at: Option<Instant>,
    pub(super) checks: Option<Task<()>>,
    pub(super) forwarding: Forwarding,
    pub(super) packing: Packing,
    pub(super) held: Vec<Receiver<()>>,
    /// Who attached before the start.
    pub(super) attaching: Vec<(Streams, Sender<Opened>)>,
    /// OOM kills that the shim of this run has told of.
    pub(super) oom_seen: u64,
    /// Lines that the log has lost.
    pub(super) log_lost: Lost,
    pub(super) notices: (Sender<Notice>, Receiver<Notice>),
    pub(super) gone: bool,
    pub(super) handle: Handle,
    mailbox: Receiver<Message>,
}

enum Wake {
    Notice(Notice),
    Message(Message),
    Deadline,
    Closed,
}

impl Owner {
    /// An owner that does not run yet; its handle works once [`Owner::run`] does.
    pub(super) fn new(inner: Arc<Inner>, record: Record, state: State) -> Self {
        let id = record.id.clone();
        let record = Arc::new(record);
        let view = View {
            record: record.clone(),
            state: state.clone(),
            health: None,
            execs: Arc::default(),
            log_lost: 0,
        };
        let (handle, mailbox) = Handle::new(view);
        Self {
            inner,
            id,
            record,
            state,
            health: None,
            shim: None,
            pending: None,
            restart_at: None,
            checks: None,
            forwarding: Forwarding::default(),
            packing: Packing::default(),
            held: Vec::new(),
            attaching: Vec::new(),
            oom_seen: 0,
            log_lost: Lost::default(),
            notices: task::channel::bounded(limits::NOTICES),
            gone: false,
            handle,
            mailbox,
        }
    }

    /// Serves the container until it is removed or the daemon goes.
    pub(super) async fn run(mut self) {
        while !self.gone {
            match self.next().await {
                Wake::Notice(notice) => self.noticed(notice).await,
                Wake::Message(Message::Close) | Wake::Closed => break,
                Wake::Message(message) => self.obey(message).await,
                Wake::Deadline => self.deadline_passed().await,
            }
        }
        if let Some(checks) = self.checks.take() {
            checks.cancel().await;
        }
        self.mailbox.close();
        // Those who asked hold the other end of this queue: only dropping what is in it tells them.
        while self.mailbox.try_recv().is_ok() {}
        self.handle.ring();
    }

    async fn next(&self) -> Wake {
        if let Ok(notice) = self.notices.1.try_recv() {
            return Wake::Notice(notice);
        }
        let deadline = self.pending.as_ref().and_then(|pending| pending.deadline);
        let timer = async {
            match [deadline, self.restart_at].into_iter().flatten().min() {
                Some(at) => task::sleep(at.saturating_duration_since(Instant::now())).await,
                None => std::future::pending().await,
            }
        };
        futures_util::select_biased! {
            notice = self.notices.1.recv().fuse() => notice.map_or(Wake::Closed, Wake::Notice),
            message = self.mailbox.recv().fuse() => message.map_or(Wake::Closed, Wake::Message),
            () = timer.fuse() => Wake::Deadline,
        }
    }

    async fn obey(&mut self, message: Message) {
        match message {
            Message::Start(reply) => answer(&reply, self.start_by_hand().await),
            Message::Stop(how, reply) => self.stop(how, reply).await,
            Message::Restart(how, reply) => self.restart(how, reply).await,
            Message::Kill(signal, reply) => answer(&reply, self.kill(signal).await),
            Message::Pause(reply) => answer(&reply, self.pause().await),
            Message::Unpause(reply) => answer(&reply, self.unpause().await),
            Message::Remove(how, reply) => self.remove(how, reply).await,
            Message::Rename(name, reply) => answer(&reply, self.rename(name).await),
            Message::Update(body, reply) => answer(&reply, self.update(*body).await),
            Message::Shim(verb, reply) => answer(&reply, self.living_shim(verb)),
            Message::Hold(reply) => {
                let (sender, receiver) = task::channel::bounded(1);
                self.held.retain(|held| !held.is_closed());
                self.held.push(receiver);
                answer(&reply, Ok(Held(sender)));
            }
            Message::Attach(streams, reply) => answer(&reply, self.attach(streams).await),
            Message::Execs => self.publish(),
            Message::Checked(incarnation, check) => self.checked(incarnation, check).await,
            Message::Close => {}
        }
    }

    async fn noticed(&mut self, notice: Notice) {
        match notice {
            Notice::Exited(exit) if exit.process == INIT => self.exited(exit).await,
            Notice::Exited(exit) => self.exec_exited(exit).await,
            Notice::Oom(oom) => self.oom(oom).await,
            Notice::LogLost(lost) => {
                tracing::warn!(container = %self.id, lines = lost.lines, "the log lost lines");
                self.log_lost.told(lost.lines);
                self.publish();
            }
            Notice::Gone => self.shim_gone().await,
        }
    }

    /// What others would see now.
    pub(super) fn view(&self) -> View {
        View {
            record: self.record.clone(),
            state: self.state.clone(),
            health: self.health.clone(),
            execs: Arc::new(self.inner.execs.of(&self.id)),
            log_lost: self.log_lost.total,
        }
    }

    /// Judges a verb; a refusal is the error.
    pub(super) fn judge(&self, verb: Verb) -> Result<Outcome> {
        match judge(&self.view(), verb) {
            Judgement::Allow => Ok(Outcome::Done),
            Judgement::Already => Ok(Outcome::Already),
            Judgement::Deny(error) => Err(error),
        }
    }

    /// The shim, if the verb is allowed.
    pub(super) fn living_shim(&self, verb: Verb) -> Result<Arc<Shim>> {
        self.judge(verb)?;
        self.shim.clone().ok_or_else(|| {
            Error::new(Kind::Conflict, format!("Container {} is not running", self.id))
        })
    }

    /// Shows the state to everybody and wakes those who wait.
    pub(super) fn publish(&self) {
        let view = self.view();
        self.inner.shown(&view);
        self.handle.publish(view);
        self.inner.feed.changed(&self.id);
    }

    /// An end of the first process, counted by the publication that follows.
    pub(super) fn count_exit(&self) {
        self.handle.count_exit();
    }

    /// Marks the container as gone for all who wait, and ends the owner.
    pub(super) fn vanish(&mut self) {
        self.gone = true;
        self.handle.vanish();
    }

    /// Stores the state together with its facts, then publishes.
    pub(super) async fn commit(&self, facts: Vec<Fact>) -> Result<()> {
        let id = self.id.clone();
        let state = StateRow(self.state.clone());
        let journal = &self.inner.parts.journal;
        journal
            .commit(Durability::Eventual, None, facts, move |tx| tx.put(id.as_str(), &state))
            .await?;
        self.publish();
        Ok(())
    }

    /// A fact about this container with Docker's attributes: name, image, labels and `more`.
    pub(super) fn fact(&self, action: impl Into<String>, more: &[(&str, String)]) -> Fact {
        fact(&self.record, action, more)
    }
}

impl Owner {
    /// Docker tells of the network that a container joins and leaves; joining another container's is
    /// no such event.
    pub(super) fn network_fact(&self, action: &str) -> Option<Fact> {
        let mode = network::Mode::parse(&self.record.decided.network);
        let network = self.inner.parts.networks.of(&mode)?;
        let fact = Fact::new(Type::Network, action, network.id.as_str())
            .with("container", self.id.as_str())
            .with("name", &network.name)
            .with("type", &network.driver);
        Some(fact)
    }

    /// Docker tells of each volume that is mounted and unmounted.
    pub(super) fn volume_facts(&self, action: &str) -> Vec<Fact> {
        let volumes = self.record.volumes();
        let fact = |point: &Point| {
            let fact = Fact::new(Type::Volume, action, &point.name)
                .with("container", self.id.as_str())
                .with("driver", if point.driver.is_empty() { "local" } else { &point.driver });
            match action {
                "mount" => fact
                    .with("destination", &point.target)
                    .with("propagation", &point.propagation)
                    .with("read/write", (!point.read_only).to_string()),
                _ => fact,
            }
        };
        volumes.map(fact).collect()
    }
}

/// A fact about a container with Docker's attributes: name, image, labels and `more`.
pub(super) fn fact(record: &Record, action: impl Into<String>, more: &[(&str, String)]) -> Fact {
    let mut attributes: BTreeMap<String, String> =
        record.labels().map(|(key, value)| (key.clone(), value.clone())).collect();
    attributes.insert("name".into(), record.decided.name.clone());
    attributes.insert("image".into(), record.decided.image.clone());
    attributes.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    Fact { kind: Type::Container, action: action.into(), id: record.id.to_string(), attributes }
}
