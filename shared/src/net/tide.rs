//! Between hyper's and tide's types. tide routes and keeps its request and response vocabulary; its
//! own listeners are not used.

use crate::error::{Context, Error, Result};
use crate::net::body::{Payload, RequestBody};
use crate::net::conn::{Answer, Peer};
use bytes::Bytes;
use futures_util::io::AsyncReadExt;
use std::sync::{Mutex, PoisonError};
use tide::http as types;

/// Carries an [`Answer`] or a [`RequestBody`] through tide's types, which want extensions that are `Sync`.
pub struct Parcel<T>(Mutex<Option<T>>);

impl<T> Parcel<T> {
    /// Wraps it.
    pub fn new(content: T) -> Self {
        Self(Mutex::new(Some(content)))
    }

    /// Takes it out, the first time.
    pub fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Puts a request into tide's type. `target` is path and query to route by, without a version. Headers and
/// body are not converted: they are in the extensions, as an [`http::HeaderMap`] and a [`Parcel`] of a
/// [`RequestBody`], beside the [`Peer`].
/// Errors: `Invalid` for a target that is no path, `Unimplemented` for an unknown method.
pub fn request(request: http::Request<RequestBody>, target: &str) -> Result<types::Request> {
    let (mut head, body) = request.into_parts();
    let slash = if target.starts_with('/') { "" } else { "/" };
    // A fixed authority: clients on unix sockets send odd Host values.
    let url = types::Url::parse(&format!("http://coffer{slash}{target}"))
        .context_kind(crate::error::Kind::Invalid, "parse the request's target")?;
    let method: types::Method = head
        .method
        .as_str()
        .parse()
        .map_err(|_| Error::unimplemented(format!("unknown method {}", head.method)))?;
    let mut request = types::Request::new(method, url);
    if let Some(peer) = head.extensions.remove::<Peer>() {
        request.ext_mut().insert(peer);
    }
    request.ext_mut().insert(head.headers);
    request.ext_mut().insert(Parcel::new(body));
    Ok(request)
}

/// Takes the answer out of tide's type: that of the [`Parcel`] in its extensions; without one tide's own
/// status and body.
pub async fn answer(mut response: types::Response) -> Result<Answer> {
    if let Some(answer) = response.ext().get::<Parcel<Answer>>().and_then(Parcel::take) {
        return Ok(answer);
    }
    let head = http::Response::builder().status(u16::from(response.status()));
    let mut bytes = Vec::new();
    let mut reader = response.take_body().into_reader();
    reader.read_to_end(&mut bytes).await.context("read the response's body")?;
    let whole = head.body(Payload::Whole(Bytes::from(bytes)));
    Ok(Answer::Reply(whole.context("build the response")?))
}
