//! Reads answers: whole, by lines, and an error's sentence out of a failed one.

use super::Body;
use crate::error::{Context, Error, Kind, Result};
use crate::net::body::Chunks;
use bytes::{Bytes, BytesMut};
use futures_util::stream::StreamExt;
use http::StatusCode;
use hyper::body::Incoming;

/// Bytes of an answer that is read whole.
const ANSWER_MAX: usize = 256 << 20;
/// Bytes of one line of a stream.
const LINE_MAX: usize = 64 << 20;

/// An answer of 400 and above as an error with the daemon's sentence.
pub(super) async fn check(response: http::Response<Incoming>) -> Result<http::Response<Incoming>> {
    let status = response.status();
    if status.as_u16() < 400 {
        return Ok(response);
    }
    let bytes = collect(response.into_body()).await?;
    #[derive(serde::Deserialize)]
    struct Told {
        message: String,
    }
    let message = match serde_json::from_slice::<Told>(&bytes) {
        Ok(told) => told.message,
        Err(_) if bytes.is_empty() => format!("the daemon answered {status}"),
        Err(_) => String::from_utf8_lossy(&bytes).trim().to_owned(),
    };
    Err(Error::new(kind_of(status), message).marked(Answered))
}

/// Marks an error whose sentence is the daemon's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered;

impl std::fmt::Display for Answered {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Answered {}

/// The kind that a status stands for; the daemon's table read backwards.
fn kind_of(status: StatusCode) -> Kind {
    match status.as_u16() {
        401 => Kind::Unauthorized,
        403 => Kind::Forbidden,
        404 => Kind::NotFound,
        409 => Kind::Conflict,
        501 => Kind::Unimplemented,
        503 => Kind::Unavailable,
        400..=499 => Kind::Invalid,
        _ => Kind::Internal,
    }
}

/// All of an answer's body.
pub(super) async fn collect(body: Incoming) -> Result<Bytes> {
    let mut chunks = Chunks(body);
    let mut all = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.context_kind(Kind::Unavailable, "read from the daemon")?;
        if all.len() + chunk.len() > ANSWER_MAX {
            return Err(Error::internal("the daemon's answer is longer than 256 MiB"));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all.freeze())
}

/// The next line that is not blank, without its end.
pub(super) async fn next_line(body: &mut Body, rest: &mut BytesMut) -> Result<Option<Bytes>> {
    let mut searched = 0;
    loop {
        if let Some(end) = memchr::memchr(b'\n', &rest[searched..]) {
            let mut line = rest.split_to(searched + end + 1);
            line.truncate(line.len() - 1);
            if line.iter().any(|byte| !byte.is_ascii_whitespace()) {
                return Ok(Some(line.freeze()));
            }
            searched = 0;
            continue;
        }
        searched = rest.len();
        if searched > LINE_MAX {
            return Err(Error::internal("a line of the daemon's answer is longer than 64 MiB"));
        }
        match body.next().await {
            Some(chunk) => rest.extend_from_slice(&chunk?),
            None if rest.iter().all(u8::is_ascii_whitespace) => return Ok(None),
            None => return Ok(Some(rest.split().freeze())),
        }
    }
}
