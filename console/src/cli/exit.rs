//! Exit codes of failures.

use shared::client::Answered;
use shared::error::{Context, Error, Kind, Result};
use std::fmt;

/// An error that carries its exit code through the chain.
#[derive(Debug)]
pub struct Failed {
    /// The code.
    pub code: i32,
    /// The sentence.
    pub message: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failed {}

/// What a verb returns: its exit code.
pub type Outcome = Result<i32>;

/// An error whose exit code is already known.
pub fn failed(error: &Error, code: i32) -> Error {
    let message = message(error);
    let failed: std::result::Result<(), _> = Err(Failed { code, message });
    match failed.context_kind(error.kind(), "coffer") {
        Err(error) => error,
        Ok(()) => Error::internal("coffer"),
    }
}

/// An error in Docker's words: whose it is, and what to look for when nobody answers.
pub fn message(error: &Error) -> String {
    match error.find::<Answered>() {
        Some(_) => format!("Error response from daemon: {error}"),
        None if code_of(error) == 3 => format!("{error}; is cofferd running?"),
        None => error.to_string(),
    }
}

/// Docker's exit code of a template that cannot be read.
pub const BAD_TEMPLATE: i32 = 64;

/// The exit code of an error: 3 when no daemon answers, 2 for wrong usage found late, else 1.
pub fn code_of(error: &Error) -> i32 {
    match error.kind() {
        Kind::Unavailable if error.to_string().contains("cannot connect") => 3,
        Kind::Unauthorized
        | Kind::Forbidden
        | Kind::Invalid
        | Kind::NotFound
        | Kind::Conflict
        | Kind::Unimplemented
        | Kind::Unavailable
        | Kind::Timeout
        | Kind::Internal => 1,
    }
}

/// Docker's exit code of a container that could not be started: 127 when the program is not there, 126
/// when it may not be run, else 125.
pub fn start_code(error: &Error) -> i32 {
    let said = error.to_string();
    let lower = said.to_lowercase();
    if lower.contains("executable file not found") || lower.contains("no such file or directory") {
        127
    } else if lower.contains("permission denied") || lower.contains("is a directory") {
        126
    } else {
        125
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_codes() {
        let code = |text: &str| start_code(&Error::invalid(text));
        assert_eq!(code("exec: \"x\": executable file not found in $PATH: unknown"), 127);
        assert_eq!(code("exec: \"/etc\": permission denied: unknown"), 126);
        assert_eq!(code("No such image: x:latest"), 125);
        assert_eq!(code_of(&Error::unavailable("cannot connect to the daemon at x")), 3);
        assert_eq!(code_of(&Error::not_found("No such container: x")), 1);
    }
}
