//! What handlers answer: a status alone, a JSON value, bytes, a stream, or the connection itself.

use crate::api::slot::Slot;
use crate::api::status;
use crate::task::channel::TrySendError;
use crate::{limits, task};
use bytes::Bytes;
use futures_util::stream::{Stream, StreamExt};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Serialize;
use shared::error::{Context, Error, Result};
use shared::net::body::Payload;
use shared::net::conn::Answer;
use shared::net::tide::Parcel;
use shared::net::upgrade::{Hijack, Upgraded};
use std::future::Future;
use std::io;
use std::sync::Arc;

/// Media type of JSON.
pub const JSON: &str = "application/json";
/// Media type of archives.
pub const TAR: &str = "application/x-tar";
/// Chunks that wait for a slow client between a blocking producer and the connection.
const QUEUE: usize = 8;
/// Bytes gathered before a blocking producer hands a chunk over.
const CHUNK: usize = 128 << 10;

/// An answer.
pub struct Reply(pub(super) Answer);

impl Reply {
    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self(Answer::Reply(response(status, Payload::empty())))
    }

    /// A value as JSON with status 200.
    pub fn json(value: &impl Serialize) -> Result<Self> {
        Self::json_with(200, value)
    }

    /// A value as JSON.
    pub fn json_with(status: u16, value: &impl Serialize) -> Result<Self> {
        // Docker's encoder ends every value with a newline.
        let mut text = serde_json::to_vec(value).context("encode the answer")?;
        text.push(b'\n');
        Ok(Self::bytes(status, JSON, text))
    }

    /// A value that cannot fail to encode.
    pub fn value(status: u16, value: &serde_json::Value) -> Self {
        Self::bytes(status, JSON, format!("{value}\n"))
    }

    /// Bytes.
    pub fn bytes(status: u16, media: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self::payload(status, media, Payload::Whole(bytes.into()))
    }

    /// A body that ends by itself.
    pub fn download(
        media: &'static str,
        stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        Self::payload(200, media, Payload::finite(stream))
    }

    /// A body that ends with its client.
    pub fn feed(
        media: &'static str,
        stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        Self::payload(200, media, Payload::endless(stream))
    }

    /// A body written by blocking code, which holds `slot` meanwhile. What `write` fails with breaks the connection off, so that
    /// the client sees an incomplete body, and is logged.
    pub fn written<W>(slot: Slot, media: &'static str, name: &'static str, write: W) -> Self
    where
        W: FnOnce(&mut dyn io::Write) -> Result<()> + Send + 'static,
    {
        let (sender, receiver) = task::channel::bounded(QUEUE);
        task::spawn(name, async move {
            let failed = task::blocking(name, move || {
                let _slot = slot;
                let mut sink = Sink { sender, buffer: Vec::with_capacity(CHUNK) };
                let result = write(&mut sink)
                    .and_then(|()| io::Write::flush(&mut sink).context("send the last bytes"));
                result.err().map(|failure| (failure, sink.sender))
            });
            if let Some((failure, sender)) = failed.await {
                tracing::warn!(error = %failure, "a download broke off");
                // Behind what a slow client has not read yet, and without a thread or the slot.
                let gone = sender.send(Err(io::Error::other(failure.to_string()))).await;
                // Nobody reads any more: nobody needs to be told.
                drop(gone);
            }
        })
        .detach();
        Self::download(media, receiver)
    }

    fn payload(status: u16, media: &'static str, payload: Payload) -> Self {
        // A body would be taken for the next answer.
        let bodyless = status == 204 || status == 304 || (100..200).contains(&status);
        let payload = if bodyless { Payload::empty() } else { payload };
        let mut response = response(status, payload);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
        Self(Answer::Reply(response))
    }

    /// Takes the connection over; `content_type` is one of [`shared::net::upgrade`]'s.
    pub fn hijack<F, R>(content_type: &'static str, run: F) -> Self
    where
        F: FnOnce(Upgraded) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let hijack = Arc::new(Hijack::new(content_type, run));
        Self(Answer::Hijack(response(200, ()), hijack))
    }

    /// Adds a header. `Internal` for a value that no header can have.
    pub fn header(mut self, name: &'static str, value: &str) -> Result<Self> {
        let value = HeaderValue::from_str(value).context("encode a header")?;
        self.headers().insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    /// Its headers.
    pub fn headers(&mut self) -> &mut http::HeaderMap {
        match &mut self.0 {
            Answer::Reply(response) => response.headers_mut(),
            Answer::Hijack(response, _) => response.headers_mut(),
        }
    }

    /// Keeps what `make` gives until the last byte of a streamed body is on its way, its client is gone,
    /// or the connection that was taken over has ended. Anything else is answered as good as at once.
    pub fn keeping<G: Send + 'static>(self, make: impl FnOnce() -> G) -> Self {
        match self.0 {
            Answer::Hijack(head, hijack) => {
                let Some(run) = hijack.take() else { return Self(Answer::Hijack(head, hijack)) };
                let guard = make();
                let run = move |upgraded| async move {
                    run(upgraded).await;
                    drop(guard);
                };
                let hijack = Hijack::new(hijack.content_type(), run);
                Self(Answer::Hijack(head, Arc::new(hijack)))
            }
            Answer::Reply(response) => Self(Answer::Reply(response.map(|payload| match payload {
                Payload::Streamed(stream, end) => {
                    let guard = make();
                    let kept = stream.inspect(move |_| {
                        let _until_the_stream_is_dropped = &guard;
                    });
                    Payload::Streamed(kept.boxed(), end)
                }
                whole @ Payload::Whole(_) => whole,
            }))),
        }
    }

    /// Its status.
    pub fn code(&self) -> u16 {
        match &self.0 {
            Answer::Reply(response) => response.status().as_u16(),
            Answer::Hijack(response, _) => response.status().as_u16(),
        }
    }

    /// As tide's handlers return it.
    pub fn into_tide(self) -> tide::Response {
        let mut response = tide::Response::new(self.code());
        response.insert_ext(Parcel::new(self.0));
        response
    }
}

/// Headers that an answer has room for before its table grows: those of every answer and its own.
const ROOM: usize = 12;

fn response<T>(status: u16, body: T) -> http::Response<T> {
    let mut response = http::Response::new(body);
    // Statuses are this crate's own figures; an impossible one is a fault, and is answered as one.
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().reserve(ROOM);
    response
}

/// A stream of JSON values, one a line; an error becomes Docker's last line
/// `{"errorDetail": ..., "error": ...}`, because the status has gone out already.
pub fn progress<T: Serialize>(
    values: impl Stream<Item = Result<T>> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    values.map(|value| {
        let line = value.and_then(|value| ended(&value, b"\r\n"));
        Ok(line.unwrap_or_else(|failure| failure_line(&failure)))
    })
}

/// A value as a line.
pub fn line(value: &impl Serialize) -> Result<Bytes> {
    ended(value, b"\n")
}

fn ended(value: &impl Serialize, end: &[u8]) -> Result<Bytes> {
    let mut text = serde_json::to_vec(value).context("encode a line of the answer")?;
    text.extend_from_slice(end);
    Ok(Bytes::from(text))
}

fn failure_line(failure: &Error) -> Bytes {
    let text = failure.to_string();
    let code = status::of(failure.kind());
    let value =
        serde_json::json!({ "errorDetail": { "code": code, "message": text }, "error": text });
    Bytes::from(format!("{value}\r\n"))
}

/// The blocking end of a download.
struct Sink {
    sender: task::channel::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        let gone = || io::Error::new(io::ErrorKind::BrokenPipe, "the client has gone");
        let full = match self.sender.try_send(Ok(Bytes::from(full))) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(gone()),
            Err(TrySendError::Full(full)) => full,
        };
        let sent = self.sender.send(full);
        let limited = task::timeout(limits::TRANSFER_PATIENCE, "the client to read", sent);
        match task::block_on(limited) {
            Ok(sent) => sent.map_err(|_| gone()),
            Err(late) => Err(io::Error::new(io::ErrorKind::TimedOut, late.to_string())),
        }
    }
}
