//! The statuses of errors, for answers and for streams that fail after their head has gone out.

use shared::error::Kind;

/// The status of a kind. No wildcard: a new kind must be thought about.
pub fn of(kind: Kind) -> u16 {
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
