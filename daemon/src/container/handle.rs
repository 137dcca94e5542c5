//! How everybody but the owner reaches a container: a mailbox to ask, a view to read, a bell to wait
//! for. Never changes anything by itself.

use super::policy::Verb;
use super::request::{Remove, Source, Stop};
use super::state::{Check, Outcome, View};
use crate::limits;
use crate::shim::Shim;
use crate::task;
use crate::task::channel::{Receiver, Sender};
use shared::docker::ContainerUpdateBody;
use shared::error::{Context, Error, Result};
use shared::id::ContainerId;
use shared::shim::Streams;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

/// Where an answer goes. Nobody may be waiting any more; that changes nothing.
pub type Reply<T> = Sender<Result<T>>;

/// The closed set of what an owner is told.
pub enum Message {
    /// Start it.
    Start(Reply<Outcome>),
    /// End it.
    Stop(Stop, Reply<Outcome>),
    /// Stop and start.
    Restart(Stop, Reply<Outcome>),
    /// Send a signal.
    Kill(i32, Reply<Outcome>),
    /// Freeze.
    Pause(Reply<Outcome>),
    /// Thaw.
    Unpause(Reply<Outcome>),
    /// Remove.
    Remove(Remove, Reply<Outcome>),
    /// Another name, already checked.
    Rename(String, Reply<Outcome>),
    /// Other resources.
    Update(Box<ContainerUpdateBody>, Reply<Vec<String>>),
    /// The living shim, if the verb is allowed now.
    Shim(Verb, Reply<Arc<Shim>>),
    /// Nothing is started until the sender of the returned channel is dropped: files of a stopped container are read.
    Hold(Reply<Held>),
    /// A stream to the first process.
    Attach(Streams, Reply<Source>),
    /// The list of execs has changed.
    Execs,
    /// A health check of this incarnation has ended.
    Checked(u64, Check),
    /// The daemon goes: the owner ends, the container stays.
    Close,
}

/// Keeps a container from being started while it lives.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "dropping it is the message")] pub(super) Sender<()>);

/// How others reach an owner.
#[derive(Clone, Debug)]
pub struct Handle {
    id: ContainerId,
    mailbox: Sender<Message>,
    published: Arc<Published>,
    /// Holds a token while somebody has the container's files mounted.
    turns: (Sender<()>, Receiver<()>),
}

/// The turn of one who mounts the files of a container that does not run: the kernel does not allow a
/// writable layer to be mounted twice.
#[derive(Debug)]
pub struct Turn(Receiver<()>);

impl Drop for Turn {
    fn drop(&mut self) {
        // It is ours that is taken: there is one at most.
        let _token = self.0.try_recv();
    }
}

/// What an owner shows to everybody.
#[derive(Debug)]
struct Published {
    view: RwLock<Arc<View>>,
    /// Counts ends of the first process; changed together with the view that shows the end.
    exits: AtomicU64,
    /// An end that the next publication shows.
    ended: AtomicBool,
    bell: task::Bell,
}

/// The value of `exits` once a container is gone.
const GONE: u64 = u64::MAX;

impl Handle {
    /// A container that shows `view`; the other half is the owner's mailbox.
    pub(super) fn new(view: View) -> (Self, Receiver<Message>) {
        let id = view.id().clone();
        let published = Arc::new(Published {
            view: RwLock::new(Arc::new(view)),
            exits: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            bell: task::Bell::new(),
        });
        let (mailbox, receiver) = task::channel::bounded(limits::MAILBOX);
        (Self { id, mailbox, published, turns: task::channel::bounded(1) }, receiver)
    }

    /// Shows another view and wakes those who wait. Only the owner does this.
    pub(super) fn publish(&self, view: View) {
        {
            let shown = &self.published.view;
            let mut shown = shown.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            *shown = Arc::new(view);
            if self.published.ended.swap(false, Ordering::AcqRel) {
                self.published.exits.fetch_add(1, Ordering::AcqRel);
            }
        }
        self.ring();
    }

    /// Wakes those who wait.
    pub(super) fn ring(&self) {
        self.published.bell.notify(usize::MAX);
    }

    /// An end of the first process, counted by the publication that follows.
    pub(super) fn count_exit(&self) {
        self.published.ended.store(true, Ordering::Release);
    }

    /// The container is gone.
    pub(super) fn vanish(&self) {
        self.published.exits.store(GONE, Ordering::Release);
        self.ring();
    }

    /// Its container.
    pub fn id(&self) -> &ContainerId {
        &self.id
    }

    /// The last published view.
    pub fn view(&self) -> Arc<View> {
        self.published.view()
    }

    /// How often the first process has ended since the daemon started; `None` once the container is gone.
    pub fn exits(&self) -> Option<u64> {
        let exits = self.published.exits.load(Ordering::Acquire);
        (exits != GONE).then_some(exits)
    }

    /// Both of the same moment: an end is never counted without the view that shows it.
    pub fn view_and_exits(&self) -> (Arc<View>, Option<u64>) {
        let view = self.published.view.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        (view.clone(), self.exits())
    }

    /// Waits for the next publication after `listener` was made.
    pub fn listen(&self) -> task::EventListener {
        self.published.bell.listen()
    }

    /// Sends a message and waits for the answer. An owner that is gone means that the container is.
    pub async fn ask<T>(&self, message: impl FnOnce(Reply<T>) -> Message) -> Result<T> {
        let (reply, answer) = task::channel::bounded(1);
        let gone = || Error::not_found(format!("No such container: {}", self.id));
        self.mailbox.send(message(reply)).await.map_err(|_| gone())?;
        answer.recv().await.map_err(|_| gone())?
    }

    /// Waits until nobody else has the container's files mounted.
    pub async fn turn(&self) -> Result<Turn> {
        self.turns.0.send(()).await.context("wait for a turn")?;
        Ok(Turn(self.turns.1.clone()))
    }

    /// Waits until the owner has ended.
    pub async fn closed(&self) {
        while !self.mailbox.is_closed() {
            let listener = self.published.bell.listen();
            if self.mailbox.is_closed() {
                return;
            }
            listener.await;
        }
    }

    /// Sends a message that has no answer.
    pub async fn tell(&self, message: Message) {
        // An owner that is gone needs no telling.
        let _ = self.mailbox.send(message).await;
    }
}

impl Published {
    fn view(&self) -> Arc<View> {
        self.view.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// Answers; a client that has gone is no error.
pub(super) fn answer<T>(reply: &Reply<T>, value: Result<T>) {
    let _ = reply.try_send(value);
}
