//! Errors as answers: a status by kind, `{"message": ...}` as the body.

use super::reply::Reply;
use super::request::TooLarge;
use shared::error::{Error, Kind};

/// The status of a kind. No wildcard: a new kind must be thought about.
pub fn status(kind: Kind) -> u16 {
    match kind {
        Kind::Invalid => 400,
        Kind::Unauthorized => 401,
        Kind::Forbidden => 403,
        Kind::NotFound => 404,
        Kind::Conflict => 409,
        Kind::Timeout | Kind::Internal => 500,
        Kind::Unimplemented => 501,
        Kind::Unavailable => 503,
    }
}

/// The answer to a failed request.
pub fn reply(error: &Error) -> Reply {
    let too_large = error.find::<TooLarge>().is_some();
    let status = if too_large { 413 } else { status(error.kind()) };
    message(status, &error.to_string())
}

/// Dockerd's answer to a path or method that it does not know.
pub fn page_not_found() -> Reply {
    message(404, "page not found")
}

/// An answer with a sentence.
pub fn message(status: u16, text: &str) -> Reply {
    Reply::value(status, &serde_json::json!({ "message": text }))
}
