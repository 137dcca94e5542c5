//! A client of the Engine API and of `/coffer/v1`, for the console, the command line and tests.
//!
//! Connections are kept and used again once their response has been read to the end; streams and
//! takeovers have one to themselves. An answer of 400 and above becomes an [`Error`] with the
//! daemon's own sentence and the [`Kind`] of its status. There are no time limits here: dropping a
//! future drops its connection.

mod answer;
mod connection;

mod rt;

pub use crate::net::endpoint::{self, Endpoint};

pub use self::answer::Answered;
use self::answer::{collect, next_line};
use self::connection::Takeover;
use crate::error::{Context, Error, Kind, Result};
use crate::net::body::{Chunks, Payload};
use crate::net::upgrade::{Reader, Upgraded, Writer};
use crate::net::wire::Wire;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt};
use hyper::client::conn::http1::SendRequest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::sync::{Arc, Mutex};

pub use http::{Method, StatusCode};

/// A connection to one daemon; clones share it.
#[derive(Clone)]
pub struct Client {
    endpoint: Arc<Endpoint>,
    idle: Arc<Mutex<Vec<SendRequest<Payload>>>>,
}

/// A response's body in pieces.
pub type Body = BoxStream<'static, Result<Bytes>>;

/// What a request carries.
pub enum Content {
    /// Nothing.
    Nothing,
    /// JSON text.
    Json(Bytes),
    /// A tar stream or the like, in pieces, sent as it comes.
    Upload(BoxStream<'static, io::Result<Bytes>>),
}

impl Content {
    /// A value as JSON.
    pub fn json(value: &impl Serialize) -> Result<Self> {
        Ok(Self::Json(Bytes::from(serde_json::to_vec(value).context("encode the request")?)))
    }
}

impl Client {
    /// A client of the daemon there. Nothing is connected yet.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint: Arc::new(endpoint), idle: Arc::default() }
    }

    /// The same, and one connection is made, so that an absent daemon is known at once
    /// ([`Kind::Unavailable`]).
    pub async fn connect(endpoint: Endpoint) -> Result<Self> {
        let client = Self::new(endpoint);
        let connection = client.open().await?;
        client.keep(connection);
        Ok(client)
    }

    /// Where it connects to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// `GET`, the answer as a value.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let (_, bytes) = self.whole(Method::GET, path, Content::Nothing).await?;
        decode(path, &bytes)
    }

    /// `POST` of a value, the answer as a value. Use `serde_json::Value` for answers of no interest;
    /// an empty one reads as null.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let (_, bytes) = self.whole(Method::POST, path, Content::json(body)?).await?;
        decode(path, &bytes)
    }

    /// `POST` without a body whose answer is the status alone, such as start (204, or 304 when it
    /// already runs).
    pub async fn act(&self, path: &str) -> Result<StatusCode> {
        Ok(self.whole(Method::POST, path, Content::Nothing).await?.0)
    }

    /// `DELETE`, the answer's bytes.
    pub async fn delete(&self, path: &str) -> Result<Bytes> {
        Ok(self.whole(Method::DELETE, path, Content::Nothing).await?.1)
    }

    /// Any request, the whole answer.
    pub async fn whole(
        &self,
        method: Method,
        path: &str,
        body: Content,
    ) -> Result<(StatusCode, Bytes)> {
        let (response, connection) = self.request(method, path, body, Takeover::No).await?;
        let status = response.status();
        let bytes = collect(response.into_body()).await?;
        self.keep(connection);
        Ok((status, bytes))
    }

    /// Any request, the answer in pieces as they come.
    pub async fn stream(&self, method: Method, path: &str, body: Content) -> Result<Body> {
        let (response, _) = self.request(method, path, body, Takeover::No).await?;
        Ok(pieces(response.into_body()))
    }

    /// Any request, the answer's headers and its pieces.
    pub async fn download(&self, path: &str) -> Result<(http::HeaderMap, Body)> {
        let (response, _) = self.request(Method::GET, path, Content::Nothing, Takeover::No).await?;
        let (head, body) = response.into_parts();
        Ok((head.headers, pieces(body)))
    }

    /// The headers of a `HEAD` request.
    pub async fn head(&self, path: &str) -> Result<http::HeaderMap> {
        let (response, _) =
            self.request(Method::HEAD, path, Content::Nothing, Takeover::No).await?;
        Ok(response.into_parts().0.headers)
    }

    /// An answer of one JSON value a line: events, statistics, progress, the watch stream.
    pub async fn lines<T: DeserializeOwned + Send + 'static>(
        &self,
        method: Method,
        path: &str,
        body: Content,
    ) -> Result<BoxStream<'static, Result<T>>> {
        let body = self.stream(method, path, body).await?;
        let state = (body, BytesMut::new());
        let lines = stream::unfold(Some(state), |state| async move {
            let (mut body, mut rest) = state?;
            match next_line(&mut body, &mut rest).await {
                Ok(Some(line)) => {
                    let value = serde_json::from_slice(&line)
                        .with_context(|| format!("decode {}", String::from_utf8_lossy(&line)));
                    Some((value, Some((body, rest))))
                }
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(lines.boxed())
    }

    /// Sends a body in pieces, the answer in pieces: `PUT` of an archive, `POST /images/load`.
    pub async fn upload(
        &self,
        method: Method,
        path: &str,
        body: impl stream::Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<Body> {
        self.stream(method, path, Content::Upload(body.boxed())).await
    }

    /// Takes the connection over: attach and exec. Closing the writer ends the process's input and
    /// leaves the reader open.
    pub async fn hijack(&self, path: &str, body: Content) -> Result<(Reader, Writer)> {
        let (response, _connection) =
            self.request(Method::POST, path, body, Takeover::Wanted).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::internal(format!(
                "the daemon answered {} instead of handing the connection over",
                response.status()
            )));
        }
        let upgraded = hyper::upgrade::on(response).await.context("take the connection over")?;
        let parts = upgraded
            .downcast::<Wire>()
            .map_err(|_| Error::internal("the connection taken over is of another type"))?;
        let Upgraded { reader, writer } = Upgraded::new(parts.io.stream, parts.read_buf);
        Ok((reader, writer))
    }
}

fn pieces(body: hyper::body::Incoming) -> Body {
    Chunks(body).map(|chunk| chunk.context_kind(Kind::Unavailable, "read from the daemon")).boxed()
}

fn decode<T: DeserializeOwned>(path: &str, bytes: &[u8]) -> Result<T> {
    let bytes: &[u8] = if bytes.is_empty() { b"null" } else { bytes };
    serde_json::from_slice(bytes).with_context(|| format!("decode the answer to {path}"))
}
