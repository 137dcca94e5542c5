//! Tells every connection that the server is stopping, and knows when all of them have ended.

use crate::net::head::Heads;
use async_channel::{Receiver, Sender};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The server's end.
pub struct Stop {
    sender: Sender<Infallible>,
    receiver: Receiver<Infallible>,
    shared: Arc<Shared>,
}

struct Shared {
    connections: AtomicUsize,
    requests: AtomicUsize,
    /// Numbers the declarations.
    next: AtomicU64,
    declared: Mutex<BTreeMap<u64, Duration>>,
    heads: Heads,
    changed: event_listener::Event,
}

/// One connection's end; while it lives the connection counts as open.
pub struct Guard {
    receiver: Receiver<Infallible>,
    shared: Arc<Shared>,
}

/// One request's end; while it lives the request counts as being answered.
pub struct Request {
    shared: Arc<Shared>,
    number: u64,
}

impl Stop {
    /// Nothing is open, nothing is stopping.
    pub fn new() -> Self {
        let (sender, receiver) = async_channel::bounded(1);
        let shared = Shared {
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            next: AtomicU64::new(0),
            declared: Mutex::default(),
            heads: Heads::default(),
            changed: event_listener::Event::new(),
        };
        Self { sender, receiver, shared: Arc::new(shared) }
    }

    /// Counts a connection.
    pub fn connection(&self) -> Guard {
        self.shared.connections.fetch_add(1, Ordering::SeqCst);
        Guard { receiver: self.receiver.clone(), shared: self.shared.clone() }
    }

    /// Tells all connections, those to come included.
    pub fn stop(&self) {
        self.sender.close();
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Requests that are being answered.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// The longest time that a request being answered has declared.
    pub fn declared(&self) -> Duration {
        self.shared.declared().values().max().copied().unwrap_or_default()
    }

    /// Returns when no connection is open and no request is being answered: a changing request goes
    /// on when its connection has broken.
    pub async fn drained(&self) {
        loop {
            let listener = self.shared.changed.listen();
            if self.connections() == 0 && self.requests() == 0 {
                return;
            }
            listener.await;
        }
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Guard {
    /// The server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.receiver.is_closed()
    }

    /// Returns once the server is stopping.
    pub async fn stopping(&self) {
        // Nothing is ever sent: the channel's end is the message.
        let Err(async_channel::RecvError) = self.receiver.recv().await;
    }

    /// What the heads of all connections take.
    pub fn heads(&self) -> &Heads {
        &self.shared.heads
    }

    /// Counts a request.
    pub fn request(&self) -> Request {
        self.shared.requests.fetch_add(1, Ordering::SeqCst);
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        Request { shared: self.shared.clone(), number }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.connections.fetch_sub(1, Ordering::SeqCst);
        self.shared.changed.notify(usize::MAX);
    }
}

impl Request {
    /// The request may rightly take this long: a stopping server waits for it.
    pub fn declare(&self, duration: Duration) {
        self.shared.declared().insert(self.number, duration);
    }
}

impl Shared {
    fn declared(&self) -> MutexGuard<'_, BTreeMap<u64, Duration>> {
        self.declared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.shared.declared().remove(&self.number);
        self.shared.requests.fetch_sub(1, Ordering::SeqCst);
        self.shared.changed.notify(usize::MAX);
    }
}
