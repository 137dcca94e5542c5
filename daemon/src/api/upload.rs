//! A request's body for blocking code. A task reads ahead of it, so that the client, the connection and
//! whoever writes the files work at the same time, and nobody is woken for each piece.

use super::slot::Slot;
use crate::task::channel::{Receiver, Sender, TryRecvError, bounded};
use crate::{limits, task};
use bytes::{Buf, Bytes};
use futures_util::future::{Either, select};
use shared::net::body::RequestBody;
use std::io;
use std::pin::pin;

/// Pieces read ahead; one is 128 KiB at most.
const AHEAD: usize = 8;

type Piece = io::Result<Bytes>;

/// The body, read by a task from now on. `slot` is held until it has been read or given up.
pub fn reader(body: RequestBody, slot: Slot) -> impl io::Read + Send {
    let (sender, pieces) = bounded(AHEAD);
    task::spawn("read a body ahead", read_ahead(body, sender)).detach();
    Reader { pieces, current: Bytes::new(), _slot: slot }
}

/// Ends when the reader is dropped, also while the client sends nothing.
async fn read_ahead(mut body: RequestBody, sender: Sender<Piece>) {
    let mut given_up = pin!(sender.closed());
    loop {
        let next = pin!(body.chunk());
        let piece = match select(next, &mut given_up).await {
            Either::Left((Ok(Some(bytes)), _)) => Ok(bytes),
            Either::Left((Err(error), _)) => Err(error),
            Either::Left((Ok(None), _)) | Either::Right(_) => return,
        };
        let is_last = piece.is_err();
        if sender.send(piece).await.is_err() || is_last {
            return;
        }
    }
}

struct Reader {
    pieces: Receiver<Piece>,
    current: Bytes,
    _slot: Slot,
}

impl Reader {
    fn next(&self) -> io::Result<Bytes> {
        // Of a client that sends fast the next bytes are mostly here: no timer, and nobody to wake.
        match self.pieces.try_recv() {
            Ok(piece) => return piece,
            Err(TryRecvError::Closed) => return Ok(Bytes::new()),
            Err(TryRecvError::Empty) => {}
        }
        let piece = self.pieces.recv();
        let limited = task::timeout(limits::TRANSFER_PATIENCE, "the client to send", piece);
        match task::block_on(limited) {
            Ok(Ok(piece)) => piece,
            Ok(Err(_)) => Ok(Bytes::new()),
            Err(late) => Err(io::Error::new(io::ErrorKind::TimedOut, late.to_string())),
        }
    }
}

impl io::Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() {
            self.current = self.next()?;
        }
        let length = self.current.len().min(buffer.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
