//! What a container is doing: the part that is stored as `cs/<id>` and published as a [`View`].
//!
//! ```text
//!              start              exit (no restart)
//!  created ───────────> running ────────────────────> exited
//!                       │  ▲ ▲ │ exit, policy says again  │ start
//!                 pause │  │ │ └────> restarting ─────────┤
//!                       ▼  │ └────────────┘ after a delay │
//!                      paused (unpause, exit)             │ remove
//!  any but running, paused ──> removing ──> (gone)  <─────┘
//!                                  └──> dead, when removal failed half-way
//! ```
//!
//! Only the owner writes it; everybody else reads the last [`View`].

use super::record::Record;
use serde::{Deserialize, Serialize};
use shared::id::ContainerId;
use std::sync::Arc;

/// Docker's states.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Never started.
    #[default]
    Created,
    /// Its first process runs.
    Running,
    /// Runs, frozen.
    Paused,
    /// Ended; the restart policy will start it again after a delay.
    Restarting,
    /// Being removed.
    Removing,
    /// Ended.
    Exited,
    /// Removal failed half-way; only removal is possible.
    Dead,
}

impl Status {
    /// Docker's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
        }
    }

    /// From Docker's word.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Created,
            Self::Running,
            Self::Paused,
            Self::Restarting,
            Self::Removing,
            Self::Exited,
            Self::Dead,
        ]
        .into_iter()
        .find(|status| status.as_str() == word)
    }

    /// A first process exists.
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

/// What the owner is in the middle of; after a crash, what restore has to finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Intent {
    /// A start was begun: undone if no process of it is found.
    Start,
    /// A stop was begun: finished.
    Stop,
    /// A restart was begun: stopped and started.
    Restart,
    /// A removal was begun: finished.
    Remove,
}

/// The stored state. Fields are only ever appended, each with a default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Docker's state.
    pub status: Status,
    /// What is going on.
    pub intent: Option<Intent>,
    /// How often it was started, restarts included; told to the shim, so that stale exit records
    /// are known.
    pub incarnation: u64,
    /// Process id of the first process in the host's namespace, 0 when there is none.
    pub pid: i32,
    /// Process id of its shim, 0 when there is none.
    pub shim_pid: i32,
    /// Boot in which it was started last.
    pub boot_id: String,
    /// Nanoseconds since 1970; 0 means never.
    pub started_at_nanos: i64,
    /// Nanoseconds since 1970; 0 means never.
    pub finished_at_nanos: i64,
    /// Exit code of the last run.
    pub exit_code: i32,
    /// The signal that ended the last run.
    pub signal: Option<i32>,
    /// The kernel's OOM killer struck during the last run.
    pub oom_killed: bool,
    /// OOM kills since it was created.
    pub oom_kills: u64,
    /// Why the last start failed, or empty.
    pub error: String,
    /// The user stopped it; `unless-stopped` and `always` heed it.
    pub stopped_by_hand: bool,
    /// Restarts by policy since it was last started by hand.
    pub restarts: u32,
    /// The restart delay used last, in milliseconds.
    pub backoff_ms: u64,
    /// A removal that was begun takes anonymous volumes along.
    pub removes_volumes: bool,
}

impl State {
    /// Nanoseconds that the current or last run took until `now_nanos`.
    pub fn run_nanos(&self, now_nanos: i64) -> i64 {
        let end = if self.status.is_alive() { now_nanos } else { self.finished_at_nanos };
        end.saturating_sub(self.started_at_nanos).max(0)
    }
}

/// A health check's verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not decided yet.
    Starting,
    /// The last check passed.
    Healthy,
    /// Too many checks in a row failed.
    Unhealthy,
}

impl Verdict {
    /// Docker's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Nanoseconds since 1970.
    pub started_at_nanos: i64,
    /// Nanoseconds since 1970.
    pub ended_at_nanos: i64,
    /// 0 is healthy.
    pub exit_code: i32,
    /// What it printed, cut off at 4096 bytes.
    pub output: String,
}

/// Health as inspect shows it; kept in memory only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The verdict.
    pub verdict: Verdict,
    /// Failures in a row.
    pub failing_streak: u32,
    /// The last five, oldest first.
    pub log: Vec<Check>,
}

/// What everybody but the owner sees of a container: a value, never locked.
#[derive(Clone, Debug)]
pub struct View {
    /// As asked and decided.
    pub record: Arc<Record>,
    /// What it is doing.
    pub state: State,
    /// Set when it has a health check.
    pub health: Option<Arc<Health>>,
    /// Ids of its execs that have not been forgotten.
    pub execs: Arc<Vec<String>>,
    /// Lines that its log has lost since the daemon started.
    pub log_lost: u64,
}

/// Counts lost lines over the runs of a container: a shim tells of its own run only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Over all runs.
    pub total: u64,
    run: u64,
}

impl Lost {
    /// The shim of this run has told of so many.
    pub fn told(&mut self, lines: u64) {
        self.total += lines.saturating_sub(self.run);
        self.run = lines;
    }

    /// Another run begins.
    pub fn begin(&mut self) {
        self.run = 0;
    }
}

impl View {
    /// Its id.
    pub fn id(&self) -> &ContainerId {
        &self.record.id
    }

    /// Its name, without a slash.
    pub fn name(&self) -> &str {
        &self.record.decided.name
    }

    /// Docker's state.
    pub fn status(&self) -> Status {
        self.state.status
    }

    /// Docker's word for its health: `none` without a check.
    pub fn health_word(&self) -> &'static str {
        self.health.as_ref().map_or("none", |health| health.verdict.as_str())
    }
}

/// What an accepted request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done. HTTP 204.
    Done,
    /// Nothing had to be done. HTTP 304.
    Already,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_first_version() {
        let state: State = serde_json::from_str(include_str!("golden/cs-1.json")).unwrap();
        assert_eq!(state.status, Status::Exited);
        assert_eq!(state.intent, Some(Intent::Stop));
        assert_eq!((state.incarnation, state.exit_code, state.signal), (3, 137, Some(9)));
        assert!(state.oom_killed);
    }

    #[test]
    fn an_older_state_reads_with_defaults() {
        let state: State = serde_json::from_str(r#"{"status":"running","unknown":1}"#).unwrap();
        assert_eq!(state, State { status: Status::Running, ..State::default() });
    }

    #[test]
    fn words_read_back() {
        for word in ["created", "running", "paused", "restarting", "removing", "exited", "dead"] {
            assert_eq!(Status::parse(word).unwrap().as_str(), word);
        }
        assert_eq!(Status::parse("stopped"), None);
    }
}
