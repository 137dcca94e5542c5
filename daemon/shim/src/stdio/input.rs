//! A process's standard input: what clients write, held until the process takes it. Never waits, and
//! never closes the input before what was written has gone.

use nix::errno::Errno;
use shared::shim::Stdin;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// The writing end.
#[derive(Debug)]
pub struct Input {
    fd: Option<Rc<OwnedFd>>,
    mode: Stdin,
    held: Vec<u8>,
    sent: usize,
    closing: bool,
}

impl Input {
    /// `fd` is a pipe or a terminal's master; `None`: the process reads nothing.
    pub fn new(fd: Option<Rc<OwnedFd>>, mode: Stdin) -> Self {
        Self { fd, mode, held: Vec::new(), sent: 0, closing: false }
    }

    /// Where to wait for room, if something is held.
    pub fn waiting(&self) -> Option<BorrowedFd<'_>> {
        let fd = self.fd.as_ref().filter(|_| !self.held.is_empty())?;
        Some((**fd).as_fd())
    }

    /// More may be read from clients.
    pub fn has_room(&self) -> bool {
        self.held.is_empty()
    }

    /// Writes, or holds what the process does not take now. Without an input it is dropped, as a shell
    /// drops what is typed at a program that does not read.
    pub fn write(&mut self, bytes: &[u8]) {
        if self.fd.is_some() && !self.closing {
            self.held.extend_from_slice(bytes);
            self.flush();
        }
    }

    /// Writes what is held; closes the input if that was asked for.
    pub fn flush(&mut self) {
        while let Some(fd) = self.fd.as_ref().filter(|_| self.sent < self.held.len()) {
            match nix::unistd::write(&**fd, &self.held[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return,
                Err(_) => self.fd = None, // the process closed its side
            }
        }
        (self.held, self.sent) = (Vec::new(), 0);
        if self.closing {
            self.fd = None;
        }
    }

    /// No client's input any more: closed once what is held has gone.
    pub fn close(&mut self) {
        self.closing = true;
        self.flush();
    }

    /// A client ended its side, or went.
    pub fn client_ended(&mut self) {
        if self.mode == Stdin::Once {
            self.close();
        }
    }
}
