//! hyper's read and write traits over [`Stream`].
//!
//! Reads are capped, because hyper offers up to its whole buffer and every offered byte must be
//! initialised first. What the watch for a vanished client has read ahead waits in [`Ahead`].
#![allow(unsafe_code)] // `ReadBufCursor::advance` has no safe form

use crate::net::head::{Head, Heads};
use crate::net::stream::Stream;
use futures_util::io::{AsyncRead, AsyncWrite};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// A socket read rarely yields more at once.
const READ_CAP: usize = 128 * 1024;

/// What was read from the socket outside hyper, handed to it on its next read.
#[derive(Clone, Default)]
pub struct Ahead(Arc<Mutex<AheadState>>);

/// The state behind [`Ahead`].
#[derive(Default)]
pub struct AheadState {
    /// Bytes in front of those still in the socket.
    pub bytes: Vec<u8>,
    /// The peer has shut its write side down.
    pub ended: bool,
    /// A request's body is being read: nobody else may read the socket.
    pub body_busy: bool,
    /// What has come of a request's head.
    pub head: Head,
}

impl Ahead {
    /// Nothing read ahead, on a connection of a server whose heads are counted.
    pub fn new(heads: &Heads) -> Self {
        Self(Arc::new(Mutex::new(AheadState { head: Head::new(heads), ..AheadState::default() })))
    }

    /// The state; never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, AheadState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream as hyper wants it.
pub struct Wire {
    /// The socket.
    pub stream: Stream,
    /// Bytes in front of it.
    pub ahead: Ahead,
}

impl Wire {
    /// Nothing read ahead.
    pub fn new(stream: Stream) -> Self {
        Self { stream, ahead: Ahead::default() }
    }
}

impl hyper::rt::Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        {
            let mut ahead = self.ahead.lock();
            if !ahead.bytes.is_empty() {
                let length = ahead.bytes.len().min(buffer.remaining());
                buffer.put_slice(&ahead.bytes[..length]);
                ahead.bytes.drain(..length);
                return Poll::Ready(Ok(()));
            }
            if ahead.ended {
                return Poll::Ready(Ok(()));
            }
        }
        let wanted = buffer.remaining().min(READ_CAP);
        let target = buffer.initialize_unfilled_to(wanted);
        let length = match Pin::new(&mut self.stream).poll_read(cx, target) {
            Poll::Ready(Ok(length)) => length,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        };
        self.ahead.lock().head.came(length)?;
        // SAFETY: `target` is initialised and `length` of its bytes have just been filled.
        unsafe { buffer.advance(length) };
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }
}
