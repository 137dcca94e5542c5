//! Between hyper's and tide's types. tide routes and keeps its request and response vocabulary; its
//! own listeners are not used.

use crate::error::{Context, Error, Result};
use crate::net::body::{Parcel, Payload, RequestBody};
use crate::net::conn::Answer;
use crate::net::upgrade::Hijack;
use bytes::Bytes;
use futures_util::io::AsyncReadExt;
use std::sync::Arc;
use tide::http as types;

/// Puts a request into tide's type. `target` is path and query to route by, without a version.
/// Headers that are not ASCII are left out, as tide's type cannot hold them. Errors: `Invalid` for a
/// target that is no path, `Unimplemented` for an unknown method.
pub fn request(request: http::Request<RequestBody>, target: &str) -> Result<types::Request> {
    let (head, body) = request.into_parts();
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
    for (name, value) in &head.headers {
        if let Ok(value) = types::headers::HeaderValue::from_bytes(value.as_bytes().to_vec()) {
            request.append_header(name.as_str(), value);
        }
    }
    if let Some(peer) = head.extensions.get::<crate::net::conn::Peer>() {
        request.ext_mut().insert(peer.clone());
    }
    if !body.is_empty() {
        let length = body.length().and_then(|length| usize::try_from(length).ok());
        let mime = request.header("content-type").map(|values| values.last().clone());
        request.set_body(types::Body::from_reader(body, length));
        if let Some(mime) = mime {
            request.insert_header("content-type", mime);
        }
    }
    Ok(request)
}

/// Takes a response out of tide's type. A [`Parcel`] in its extensions is the body; an `Arc<Hijack>`
/// takes the connection over; otherwise tide's own body is read to its end.
pub async fn answer(mut response: types::Response) -> Result<Answer> {
    let status = u16::from(response.status());
    let mut head = http::Response::builder().status(status);
    for (name, values) in response.iter() {
        for value in values {
            head = head.header(name.as_str(), value.as_str());
        }
    }
    if let Some(hijack) = response.ext().get::<Arc<Hijack>>() {
        let hijack = hijack.clone();
        return Ok(Answer::Hijack(head.body(()).context("build the head")?, hijack));
    }
    let parcel = response.ext().get::<Parcel>().and_then(Parcel::take);
    let payload = match parcel {
        Some(payload) => payload,
        None if response.is_empty() == Some(true) => Payload::empty(),
        None => {
            let mut bytes = Vec::new();
            let mut reader = response.take_body().into_reader();
            reader.read_to_end(&mut bytes).await.context("read the response's body")?;
            Payload::Whole(Bytes::from(bytes))
        }
    };
    let bodyless = status == 204 || status == 304 || (100..200).contains(&status);
    let payload = if bodyless { Payload::empty() } else { payload };
    Ok(Answer::Reply(head.body(payload).context("build the response")?))
}
