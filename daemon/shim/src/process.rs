//! One process of the container: the first one, or an exec.
//!
//! ```text
//! created ──start──> running ──reaped──> ended ──record written──> announced ──acknowledged──> forgotten
//!    └───────────────reaped────────────────^
//! ```
//!
//! Its streams live a little longer than itself: what is in its pipes when it ends belongs to its
//! output, and a grandchild may hold them open.

use crate::stdio::Streams;
use shared::error::{Error, Result};
use shared::kernel::process::Ending;
use shared::shim::{Exited, Process as Described};
use std::time::{Duration, Instant};

/// An exit is announced this long after the end at the latest, though a grandchild holds the output:
/// what the process itself wrote is taken by then.
pub const GRACE: Duration = Duration::from_millis(100);
/// Streams are closed this long after the end, though a grandchild holds them (Docker: 2 s, too).
pub const STREAMS_LIMIT: Duration = Duration::from_secs(2);
/// A client that has not taken its output by then is given up.
pub const CLIENT_LIMIT: Duration = Duration::from_secs(30);

/// How and when it ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Code or signal.
    pub ending: Ending,
    /// Nanoseconds since 1970.
    pub at_nanos: i64,
    /// For limits.
    pub since: Instant,
}

/// One process.
#[derive(Debug)]
pub struct Process {
    /// `init` or an exec id.
    pub name: String,
    /// In the shim's namespace, which is the host's.
    pub pid: i32,
    /// Nanoseconds since 1970; `None` before its program runs.
    pub started_at_nanos: Option<i64>,
    /// Set when it is reaped.
    pub ended: Option<Ended>,
    /// Set when it is announced.
    pub exit: Option<Exited>,
    /// The daemon has it in its store.
    pub acknowledged: bool,
    /// Its standard streams.
    pub streams: Streams,
}

impl Process {
    /// A process that exists.
    pub fn new(name: String, pid: i32, started_at_nanos: Option<i64>, streams: Streams) -> Self {
        Self { name, pid, started_at_nanos, ended: None, exit: None, acknowledged: false, streams }
    }

    /// The process, unless it has ended: then its number may mean another one.
    pub fn living(&mut self) -> Result<&mut Self> {
        if self.ended.is_some() {
            return Err(Error::conflict(format!("process {} has ended", self.name)));
        }
        Ok(self)
    }

    /// Nothing of it is needed any more.
    pub fn forgotten(&self) -> bool {
        self.acknowledged && self.streams.finished()
    }

    /// For the daemon.
    pub fn describe(&self) -> Described {
        Described {
            process: self.name.clone(),
            pid: self.pid,
            started_at_nanos: self.started_at_nanos,
            exit: self.exit.clone(),
        }
    }
}

/// The name of an exit record and of a pid file: no path can be made of it.
pub fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 128 || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Error::invalid(format!("process name {name:?} is not plain")));
    }
    Ok(())
}
