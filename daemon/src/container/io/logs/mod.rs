//! `docker logs`: the lines of a container's log files, across rotations, to the end or for as long as
//! the container runs.
//!
//! ```text
//! file    which files there are, and which follows which
//! walk    the records of the files from some place on
//! reader  records -> since, until, streams -> bytes for the client
//! follow  waits for more
//! forward records -> a syslog collector, with a durable cursor     syslog  its messages
//! pack    a rotated file <-> its compressed form
//! ```
//! Never writes a log and never asks the shim: the files are enough, so that logs of a container are
//! readable whatever became of it.

mod file;
mod follow;
mod forward;
mod pack;
mod reader;
mod syslog;
#[cfg(test)]
mod tests;
mod walk;

pub use follow::stream;
pub use forward::{Forward, forward};
pub use pack::{Packed, pack};

use shared::error::{Error, Result};
use shared::shim::LogFormat;
use std::path::PathBuf;

/// Where a container's log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The current file; rotated ones are `<path>.1` (newest), `<path>.2`, ...
    pub path: PathBuf,
    /// How lines are written.
    pub format: LogFormat,
    /// How many files there are at most.
    pub files: u32,
}

/// How many lines from the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tail {
    /// All that are kept.
    #[default]
    All,
    /// At most so many.
    Last(u64),
}

impl Tail {
    /// From Docker's `tail`: a number, or `all`; what is not a number means all, as in Docker.
    pub fn parse(text: &str) -> Self {
        text.parse().map_or(Tail::All, Tail::Last)
    }
}

/// Where reading ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// What is there now.
    #[default]
    Now,
    /// When the container ends.
    Ended,
    /// At this place of the current file: what an attached client has not got by its stream.
    Byte(u64),
}

/// How lines are written to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As they are: a terminal's output.
    Raw,
    /// In Docker's frames.
    Framed,
}

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Standard output is wanted.
    pub stdout: bool,
    /// Standard error is wanted.
    pub stderr: bool,
    /// Not before this moment, in nanoseconds since 1970.
    pub since_nanos: Option<i64>,
    /// Not after this moment, in nanoseconds since 1970.
    pub until_nanos: Option<i64>,
    /// Each line begins with its time.
    pub timestamps: bool,
    /// Each line begins with its attributes.
    pub details: bool,
    /// How many lines.
    pub tail: Tail,
    /// Where reading ends.
    pub until: Until,
    /// How lines are written.
    pub shape: Shape,
}

impl Options {
    /// Everything that is there, as it is.
    pub fn new(shape: Shape) -> Self {
        Self {
            stdout: true,
            stderr: true,
            since_nanos: None,
            until_nanos: None,
            timestamps: false,
            details: false,
            tail: Tail::All,
            until: Until::Now,
            shape,
        }
    }

    /// Refuses what Docker refuses.
    pub fn check(&self) -> Result<()> {
        match self.stdout || self.stderr {
            true => Ok(()),
            false => Err(Error::invalid("Bad parameters: you must choose at least one stream")),
        }
    }
}

/// The answer for a container that keeps no log (driver `none`).
pub fn unreadable() -> Error {
    Error::unimplemented("configured logging driver does not support reading")
}
