//! Tells every connection that the server is stopping, and knows when all of them have ended.

use async_channel::{Receiver, Sender};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The server's end.
pub struct Stop {
    sender: Sender<Infallible>,
    receiver: Receiver<Infallible>,
    shared: Arc<Shared>,
}

struct Shared {
    connections: AtomicUsize,
    requests: AtomicUsize,
    changed: event_listener::Event,
}

/// One connection's end; while it lives the connection counts as open.
pub struct Guard {
    receiver: Receiver<Infallible>,
    shared: Arc<Shared>,
}

/// One request's end; while it lives the request counts as being answered.
pub struct Request(Arc<Shared>);

impl Stop {
    /// Nothing is open, nothing is stopping.
    pub fn new() -> Self {
        let (sender, receiver) = async_channel::bounded(1);
        let shared = Shared {
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
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
        match self.receiver.recv().await {
            Ok(never) => match never {},
            Err(async_channel::RecvError) => {}
        }
    }

    /// Counts a request.
    pub fn request(&self) -> Request {
        self.shared.requests.fetch_add(1, Ordering::SeqCst);
        Request(self.shared.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.connections.fetch_sub(1, Ordering::SeqCst);
        self.shared.changed.notify(usize::MAX);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify(usize::MAX);
    }
}
