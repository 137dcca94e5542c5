//! One connection of a daemon: frames in, frames out. What is wrong with one closes that one alone.

use shared::error::Result;
use shared::kernel::socket::{self, Waiting};
use shared::kernel::wire::{Frame, Inbox, Outbox, Progress};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// Its number, never used again.
    pub key: u64,
    socket: OwnedFd,
    inbox: Inbox,
    outbox: Outbox,
    /// `Hello` was exchanged: notices go to it.
    pub greeted: bool,
    /// It ended; it is swept away.
    pub closed: bool,
}

impl Connection {
    /// Around a connected socket.
    pub fn new(key: u64, socket: OwnedFd) -> Result<Self> {
        socket::wait_or_not(&socket, Waiting::Nonblocking)?;
        let (inbox, outbox) = (Inbox::default(), Outbox::default());
        Ok(Self { key, socket, inbox, outbox, greeted: false, closed: false })
    }

    /// The socket.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Messages wait to be sent.
    pub fn waiting(&self) -> bool {
        !self.outbox.is_empty() && !self.closed
    }

    /// Reads once; the frames that are complete now. Garbage closes it.
    pub fn read(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        match self.inbox.read(self.socket.as_fd()) {
            Ok(Progress::End) => self.closed = true,
            Ok(_) => {}
            Err(error) => self.fail(&error),
        }
        loop {
            match self.inbox.take() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return frames,
                Err(error) => {
                    self.fail(&error);
                    return frames;
                }
            }
        }
    }

    /// Sends a frame, now or when there is room.
    pub fn send(&mut self, frame: Vec<u8>, fds: Vec<OwnedFd>) {
        if self.closed {
            return;
        }
        let pushed = self.outbox.push(frame, fds);
        match pushed {
            Ok(()) => self.flush(),
            Err(error) => self.fail(&error),
        }
    }

    /// Sends what waits. A daemon that is gone is nothing special.
    pub fn flush(&mut self) {
        self.closed |= self.outbox.flush(self.socket.as_fd()).is_err();
    }

    fn fail(&mut self, error: &shared::error::Error) {
        crate::warn(&format!("a connection is closed: {error}"));
        self.closed = true;
    }
}
