//! Errors as answers: a status by kind, `{"message": ...}` as the body.

use super::reply::Reply;
use super::request::TooLarge;
use super::status;
use shared::error::Error;

/// The answer to a failed request.
pub fn reply(error: &Error) -> Reply {
    let too_large = error.find::<TooLarge>().is_some();
    let status = if too_large { 413 } else { status::of(error.kind()) };
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
