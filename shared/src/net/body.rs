//! Bodies in both directions, without copies where hyper allows it.

use crate::net::wire::Ahead;
use bytes::Bytes;
use futures_util::io::{AsyncBufRead, AsyncRead};
use futures_util::stream::{BoxStream, Stream, StreamExt};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// How a streamed response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself: a download, sent to the end although the client has shut its write side down.
    Finite,
    /// Never by itself: events, followed logs, statistics. Ends when the client has shut its write
    /// side down or the server stops.
    Endless,
}

/// The body of a response, and of a client's request.
pub enum Payload {
    /// All of it.
    Whole(Bytes),
    /// In pieces; an error breaks the connection off.
    Streamed(BoxStream<'static, io::Result<Bytes>>, End),
}

impl Payload {
    /// Nothing.
    pub fn empty() -> Self {
        Self::Whole(Bytes::new())
    }

    /// A stream that ends by itself.
    pub fn finite(stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self::Streamed(stream.boxed(), End::Finite)
    }

    /// A stream that ends with the client.
    pub fn endless(stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self::Streamed(stream.boxed(), End::Endless)
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Payload::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Payload::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Payload::Streamed(stream, _) => loop {
                match ready!(stream.poll_next_unpin(cx)) {
                    // An empty chunk would end the body early.
                    Some(Ok(bytes)) if bytes.is_empty() => {}
                    other => return Poll::Ready(other.map(|bytes| bytes.map(Frame::data))),
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Payload::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Payload::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Payload::Streamed(..) => SizeHint::default(),
        }
    }
}

/// hyper's body as chunks: a response's on the client's side.
pub struct Chunks(pub Incoming);

impl Stream for Chunks {
    type Item = Result<Bytes, hyper::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(Pin::new(&mut self.0).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
            }
        }
    }
}

/// A request's body on the server's side, as a reader. While it lives the connection does not look
/// for a vanished client: reading the body will tell.
pub struct RequestBody {
    inner: Incoming,
    current: Bytes,
    ahead: Ahead,
}

impl RequestBody {
    /// `ahead` is told that a body is being read.
    #[cfg(feature = "serve")]
    pub(crate) fn new(inner: Incoming, ahead: Ahead) -> Self {
        if !inner.is_end_stream() {
            ahead.lock().body_busy = true;
        }
        Self { inner, current: Bytes::new(), ahead }
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.current.is_empty() && self.inner.is_end_stream()
    }

    /// Bytes announced by the head.
    pub fn length(&self) -> Option<u64> {
        self.inner.size_hint().exact()
    }

    /// The next bytes as they came, uncopied; `None` at the end.
    pub async fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        ready!(Pin::new(&mut *self).poll_fill_buf(cx))?;
        let bytes = std::mem::take(&mut self.current);
        Poll::Ready(Ok((!bytes.is_empty()).then_some(bytes)))
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.ahead.lock().body_busy = false;
    }
}

impl AsyncBufRead for RequestBody {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        while this.current.is_empty() {
            match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                None => {
                    this.ahead.lock().body_busy = false;
                    break;
                }
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        this.current = bytes;
                    }
                }
            }
        }
        Poll::Ready(Ok(&this.current))
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        let _ = self.current.split_to(amount);
    }
}

impl AsyncRead for RequestBody {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let source = ready!(self.as_mut().poll_fill_buf(cx))?;
        let length = source.len().min(buffer.len());
        buffer[..length].copy_from_slice(&source[..length]);
        self.consume(length);
        Poll::Ready(Ok(length))
    }
}
