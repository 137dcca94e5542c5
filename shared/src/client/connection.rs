//! Makes connections, keeps idle ones, sends requests.

use super::answer::check;
use super::{Client, Content, Endpoint, rt};
use crate::error::{Context, Error, Kind, Result};
use crate::net::body::Payload;
use crate::net::stream::Stream;
use crate::net::wire::Wire;
use async_io::Async;
use http::Method;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use std::io;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, PoisonError};

/// Idle connections that are kept.
const IDLE_MAX: usize = 4;

/// Whether the connection is to be taken over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takeover {
    No,
    Wanted,
}

impl Client {
    pub(super) async fn request(
        &self,
        method: Method,
        path: &str,
        body: Content,
        takeover: Takeover,
    ) -> Result<(http::Response<Incoming>, SendRequest<Payload>)> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("host", "coffer")
            .header("user-agent", concat!("coffer/", env!("CARGO_PKG_VERSION")));
        if takeover == Takeover::Wanted {
            request = request.header("connection", "Upgrade").header("upgrade", "tcp");
        }
        let payload = match body {
            Content::Nothing => Payload::empty(),
            Content::Json(bytes) => {
                request = request.header("content-type", "application/json");
                Payload::Whole(bytes)
            }
            Content::Upload(stream) => {
                request = request.header("content-type", "application/x-tar");
                Payload::finite(stream)
            }
        };
        let mut request = request
            .body(payload)
            .context_kind(Kind::Invalid, format!("build the request {path:?}"))?;
        loop {
            let reused = self.reuse();
            let fresh = reused.is_none();
            let mut connection = match reused {
                Some(connection) => connection,
                None => self.open().await?,
            };
            match connection.try_send_request(request).await {
                Ok(response) => return check(response).await.map(|checked| (checked, connection)),
                // The daemon has closed an idle connection: nothing was sent, so try another.
                Err(mut error) if !fresh && error.message().is_some() => match error.take_message()
                {
                    Some(unsent) => request = unsent,
                    None => return Err(Error::unavailable("the daemon closed the connection")),
                },
                Err(error) => {
                    return Err(error.into_error())
                        .context_kind(Kind::Unavailable, "talk to the daemon");
                }
            }
        }
    }

    fn reuse(&self) -> Option<SendRequest<Payload>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(connection) = idle.pop() {
            if connection.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    pub(super) fn keep(&self, connection: SendRequest<Payload>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX && !connection.is_closed() {
            idle.push(connection);
        }
    }

    pub(super) async fn open(&self) -> Result<SendRequest<Payload>> {
        let what = || format!("cannot connect to the daemon at {}", self.endpoint);
        let stream = match &*self.endpoint {
            Endpoint::Unix(path) => {
                let socket = Async::<UnixStream>::connect(path).await;
                Stream::Unix(Arc::new(
                    socket
                        .with_context(what)
                        .map_err(|error| error.with_kind(Kind::Unavailable))?,
                ))
            }
            Endpoint::Tcp { host, port } => {
                let socket = connect_tcp(host, *port)
                    .await
                    .with_context(what)
                    .map_err(|error| error.with_kind(Kind::Unavailable))?;
                Stream::Tcp(Arc::new(socket))
            }
        };
        let (sender, connection) =
            http1::handshake(Wire::new(stream)).await.context("begin to talk to the daemon")?;
        rt::spawn(async move {
            // Whoever waits for an answer on this connection gets the error.
            let _ = connection.with_upgrades().await;
        });
        Ok(sender)
    }
}

async fn connect_tcp(host: &str, port: u16) -> io::Result<Async<TcpStream>> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in async_std::net::ToSocketAddrs::to_socket_addrs(&(host, port)).await? {
        match Async::<TcpStream>::connect(address).await {
            Ok(socket) => {
                socket.get_ref().set_nodelay(true)?;
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
