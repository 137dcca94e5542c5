//! Serves one HTTP/1.1 connection with hyper.
//!
//! Four things that hyper leaves to its user are done here.
//! - **A vanished client.** hyper either gives a half-closing client no answer, or never notices that
//!   one has gone. We let it ignore the half-close and, while a request is being answered, watch the
//!   socket ourselves: at its end endless bodies end, and a handler without a response gets [`GRACE`].
//! - **Takeover.** A response may carry a [`Hijack`]: the driver writes the head itself and hands the
//!   raw connection over, for clients with and without `Upgrade` alike.
//! - **Refusals.** A client that was refused before its body was read gets the answer: see `linger.rs`.
//! - **Stopping.** A request whose head was read is answered, then the connection closes.
//!
//! A handler's panic is the [`App`]'s to catch. Dropping the future of [`serve`] drops a running
//! handler, so an app spawns what must finish.

use crate::net::body::{End, Payload, RequestBody};
use crate::net::head::REFUSAL;
use crate::net::linger::linger;
use crate::net::stop::{Guard, Request as Counted};
use crate::net::stream::Stream;
use crate::net::timer::Timer;
use crate::net::upgrade::{Hijack, Upgraded};
use crate::net::wire::{Ahead, Wire};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either, select};
use futures_util::io::{AsyncRead, AsyncWriteExt};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How long a handler may take to begin its response after its client has shut its side down.
const GRACE: Duration = Duration::from_secs(5);
/// How long a new connection may take to send its head while the server is stopping.
const STOP_GRACE: Duration = Duration::from_millis(200);
/// Time for a request's head; dockerd's figure.
const HEAD_LIMIT: Duration = Duration::from_secs(300);
/// Bytes of a request's head: registry credentials travel in headers.
const HEAD_BYTES: usize = 1 << 20;
/// Headers of a request.
const HEADERS: usize = 200;

/// What answers requests.
pub trait App: Clone + Send + Sync + Unpin + 'static {
    /// Answers one request. The future is dropped when the client has gone; work that must finish
    /// takes `counted` along, so that a stopping server waits for it.
    fn answer(
        &self,
        request: http::Request<RequestBody>,
        counted: Counted,
    ) -> BoxFuture<'static, Answer>;
}

/// What an app answers.
pub enum Answer {
    /// A response.
    Reply(http::Response<Payload>),
    /// Take the connection over. The response gives further headers of the head.
    Hijack(http::Response<()>, Arc<Hijack>),
}

/// Who is at the other end; in the extensions of each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A unix socket, with the credentials that the kernel vouches for.
    Unix {
        /// User id.
        uid: u32,
        /// Process id at the time of connecting.
        pid: i32,
    },
    /// A TCP socket.
    Tcp(std::net::SocketAddr),
}

#[derive(Default)]
struct Progress {
    /// Requests being answered: 0 or 1.
    in_flight: usize,
    /// The head of the response has been handed to hyper.
    responding: bool,
    /// The server is stopping: endless bodies end.
    stopping: bool,
    /// A takeover was asked for: head, closure, protocol if the client offered an upgrade.
    takeover: Option<Takeover>,
}

struct Takeover {
    head: http::Response<()>,
    hijack: Arc<Hijack>,
    protocol: Option<String>,
}

#[derive(Clone)]
struct Shared {
    progress: Arc<Mutex<Progress>>,
    ahead: Ahead,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request being answered.
struct Flight(Shared);

impl Flight {
    fn new(shared: &Shared) -> Self {
        let mut progress = shared.lock();
        progress.in_flight += 1;
        progress.responding = false;
        drop(progress);
        shared.ahead.lock().head.complete();
        Self(shared.clone())
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
        self.0.ahead.lock().head.next();
    }
}

/// A response's body that ends early when its client or the server goes.
struct ReplyBody {
    payload: Payload,
    flight: Flight,
    ended: bool,
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if matches!(self.payload, Payload::Streamed(_, End::Endless)) {
            let shared = &self.flight.0;
            if shared.ahead.lock().ended || shared.lock().stopping {
                self.ended = true;
                return Poll::Ready(None);
            }
        }
        Pin::new(&mut self.payload).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.payload.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.payload.size_hint()
    }
}

struct Service<A> {
    app: A,
    shared: Shared,
    guard: Arc<Guard>,
    peer: Peer,
}

impl<A: App> hyper::service::Service<hyper::Request<Incoming>> for Service<A> {
    type Response = hyper::Response<ReplyBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let flight = Flight::new(&self.shared);
        let protocol = offered_protocol(request.headers());
        let ahead = self.shared.ahead.clone();
        let mut request = request.map(|body| RequestBody::new(body, ahead));
        request.extensions_mut().insert(self.peer.clone());
        let answer = self.app.answer(request, self.guard.request());
        Box::pin(async move {
            match answer.await {
                Answer::Reply(response) => {
                    flight.0.lock().responding = true;
                    Ok(response.map(|payload| ReplyBody { payload, flight, ended: false }))
                }
                Answer::Hijack(head, hijack) => {
                    flight.0.lock().takeover = Some(Takeover { head, hijack, protocol });
                    // The driver takes over and drops this future.
                    std::future::pending().await
                }
            }
        })
    }
}

/// The protocol of an `Upgrade` that the client really asks for.
fn offered_protocol(headers: &http::HeaderMap) -> Option<String> {
    let protocol = headers.get(http::header::UPGRADE)?.to_str().ok()?;
    let asked = headers.get_all(http::header::CONNECTION).iter().any(|value| {
        let tokens = value.to_str().unwrap_or("");
        tokens.split(',').any(|token| token.trim().eq_ignore_ascii_case("upgrade"))
    });
    asked.then(|| protocol.to_owned())
}

/// Serves a connection to its end. Errors of one connection concern nobody else; the caller logs them
/// at debug level.
pub async fn serve<A: App>(
    app: A,
    stream: Stream,
    peer: Peer,
    guard: Guard,
) -> Result<(), hyper::Error> {
    let guard = Arc::new(guard);
    let shared = Shared { progress: Arc::default(), ahead: Ahead::new(guard.heads()) };
    let service = Service { app, shared: shared.clone(), guard: guard.clone(), peer };
    let wire = Wire { stream: stream.clone(), ahead: shared.ahead.clone() };
    let connection = http1::Builder::new()
        .timer(Timer::default())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .half_close(true)
        .serve_connection(wire, service);
    let mut driver = Driver {
        connection,
        watch: stream,
        shared: shared.clone(),
        grace: None,
        stop: Box::pin({
            let guard = guard.clone();
            async move { guard.stopping().await }
        }),
        stop_grace: None,
    };
    match std::future::poll_fn(|cx| driver.poll(cx)).await {
        Outcome::Closed(result) => {
            let mut stream = driver.connection.into_parts().io.stream;
            if shared.ahead.lock().head.is_refused() {
                // Without waiting: a peer that does not read what it was sent before gets nothing.
                let _ = stream.write(REFUSAL).now_or_never();
            }
            // Not while the driver's copy of it and all buffers live.
            drop((driver.watch, driver.shared, shared));
            linger(stream, &guard).await;
            result
        }
        Outcome::Gone => Ok(()),
        Outcome::Takeover(takeover) => {
            let parts = driver.connection.into_parts();
            let mut early = parts.read_buf.to_vec();
            early.append(&mut shared.ahead.lock().bytes);
            take_over(parts.io.stream, Bytes::from(early), takeover, &guard).await;
            Ok(())
        }
    }
}

enum Outcome {
    Closed(Result<(), hyper::Error>),
    Gone,
    Takeover(Takeover),
}

struct Driver<A: App> {
    connection: http1::Connection<Wire, Service<A>>,
    watch: Stream,
    shared: Shared,
    grace: Option<async_io::Timer>,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    stop_grace: Option<async_io::Timer>,
}

impl<A: App> Driver<A> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            if let Poll::Ready(result) = self.connection.poll_without_shutdown(cx) {
                return Poll::Ready(Outcome::Closed(result));
            }
            if let Some(takeover) = self.shared.lock().takeover.take() {
                return Poll::Ready(Outcome::Takeover(takeover));
            }
            if self.begin_stop(cx) {
                continue;
            }
            let (in_flight, responding) = {
                let progress = self.shared.lock();
                (progress.in_flight, progress.responding)
            };
            if in_flight == 0 {
                self.grace = None;
                return match &mut self.stop_grace {
                    Some(timer) => Pin::new(timer).poll(cx).map(|_| Outcome::Gone),
                    None => Poll::Pending,
                };
            }
            {
                let ahead = self.shared.ahead.lock();
                if ahead.ended && responding {
                    return Poll::Pending;
                }
                if ahead.ended {
                    drop(ahead);
                    let timer = self.grace.get_or_insert_with(|| async_io::Timer::after(GRACE));
                    return Pin::new(timer).poll(cx).map(|_| Outcome::Gone);
                }
                if ahead.body_busy || !ahead.bytes.is_empty() {
                    return Poll::Pending;
                }
            }
            if ready!(self.look_for_end(cx)) {
                continue;
            }
            return Poll::Pending;
        }
    }

    /// Once: what lies in the socket has been read by now, so every accepted request is in flight.
    fn begin_stop(&mut self, cx: &mut Context<'_>) -> bool {
        if self.stop_grace.is_some() || self.stop.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.stop_grace = Some(async_io::Timer::after(STOP_GRACE));
        self.shared.lock().stopping = true;
        Pin::new(&mut self.connection).graceful_shutdown();
        true
    }

    /// Reads ahead; true when the peer has ended its side, whereupon the connection must be polled
    /// again, because an endless body ends now.
    fn look_for_end(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut buffer = [0; 2048];
        let result = ready!(Pin::new(&mut self.watch).poll_read(cx, &mut buffer));
        let mut ahead = self.shared.ahead.lock();
        match result {
            Ok(length) if length > 0 => {
                ahead.bytes.extend_from_slice(&buffer[..length]);
                Poll::Ready(false)
            }
            Ok(_) | Err(_) => {
                ahead.ended = true;
                Poll::Ready(true)
            }
        }
    }
}

/// Writes the head and runs the closure until it ends or the server stops.
async fn take_over(mut stream: Stream, early: Bytes, takeover: Takeover, guard: &Guard) {
    let Takeover { head, hijack, protocol } = takeover;
    let mut text = match protocol {
        Some(protocol) => format!(
            "HTTP/1.1 101 UPGRADED\r\nContent-Type: {}\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n",
            hijack.content_type()
        ),
        None => format!("HTTP/1.1 200 OK\r\nContent-Type: {}\r\n", hijack.content_type()),
    };
    for (name, value) in head.headers() {
        if name != http::header::CONTENT_TYPE
            && name != http::header::CONTENT_LENGTH
            && let Ok(value) = value.to_str()
        {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    text.push_str("\r\n");
    if stream.write_all(text.as_bytes()).await.is_err() {
        return;
    }
    let Some(run) = hijack.take() else { return };
    let run = run(Upgraded::new(stream, early));
    if let Either::Right(((), run)) = select(run, pin!(guard.stopping())).await {
        drop(run);
    }
}
