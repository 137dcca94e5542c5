//! A connection taken over: after the response's head both sides write raw bytes.
//!
//! The read half ends when the peer shuts its write side down; closing the write half shuts ours
//! down and leaves the other direction open.

use crate::net::stream::Stream;
use crate::net::unread::is_unread;
use bytes::{Buf, Bytes};
use futures_util::future::BoxFuture;
use futures_util::io::{AsyncRead, AsyncWrite};
use std::future::Future;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Content type of a raw stream: of a terminal, and of everything below API 1.42.
pub const RAW: &str = "application/vnd.docker.raw-stream";
/// Content type of a stream in Docker's frames, from API 1.42.
pub const MULTIPLEXED: &str = "application/vnd.docker.multiplexed-stream";

/// A prompt client has read the head by then.
const FIRST_PAUSE: Duration = Duration::from_micros(50);
/// A slow one is asked this often.
const LONGEST_PAUSE: Duration = Duration::from_millis(2);

/// Both halves of a connection that is no longer HTTP.
pub struct Upgraded {
    /// What the peer sent.
    pub reader: Reader,
    /// What goes to the peer.
    pub writer: Writer,
}

impl Upgraded {
    /// `early` are bytes that came in the same packets as the head.
    pub fn new(stream: Stream, early: Bytes) -> Self {
        Self { reader: Reader { early, stream: stream.clone() }, writer: Writer { stream } }
    }
}

/// The read half.
pub struct Reader {
    early: Bytes,
    stream: Stream,
}

/// The write half; `close` is a half-close.
pub struct Writer {
    stream: Stream,
}

impl Writer {
    /// The socket itself, for copies in the kernel.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Waits until the peer has read what was written, `limit` at most. Clients that read the head
    /// through a buffer and the stream past it (docker-py does) lose what comes along with the head.
    pub async fn taken(&self, limit: Duration) {
        let Stream::Unix(socket) = &self.stream else { return };
        let end = Instant::now() + limit;
        let mut pause = FIRST_PAUSE;
        // A socket that cannot tell is not waited for.
        while is_unread(socket.get_ref().as_fd()).unwrap_or(false) && Instant::now() < end {
            async_io::Timer::after(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let length = self.early.len().min(buffer.len());
        self.early.copy_to_slice(&mut buffer[..length]);
        Poll::Ready(Ok(length))
    }
}

impl AsyncWrite for Writer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

type Run = Box<dyn FnOnce(Upgraded) -> BoxFuture<'static, ()> + Send>;

/// What a handler returns to take its connection over.
pub struct Hijack {
    content_type: &'static str,
    run: Mutex<Option<Run>>,
}

impl Hijack {
    /// `run` gets the connection after the head was sent; the connection ends with it.
    pub fn new<F, R>(content_type: &'static str, run: F) -> Self
    where
        F: FnOnce(Upgraded) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let run: Run = Box::new(move |upgraded| Box::pin(run(upgraded)));
        Self { content_type, run: Mutex::new(Some(run)) }
    }

    /// For the head.
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// The closure, the first time.
    pub fn take(&self) -> Option<Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
