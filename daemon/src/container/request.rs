//! What a router asks of [`Containers`](super::Containers), and what it gets: plain values, no
//! behaviour.

use crate::task::channel;
use shared::docker::ExecConfig;
use shared::error::{Error, Kind, Result};
use shared::id::{ContainerId, ExecId};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// A new container.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    /// Without or with a leading slash; `None` makes one up.
    pub name: Option<String>,
    /// `os/architecture`; `None` takes what the image has.
    pub platform: Option<String>,
    /// The JSON text of the body, kept as it is.
    pub body: String,
}

/// A container was created.
#[derive(Clone, Debug)]
pub struct Created {
    /// Its id.
    pub id: ContainerId,
    /// What was ignored or changed, in words.
    pub warnings: Vec<String>,
}

/// How long a stop waits before it kills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grace {
    /// As the container says (`StopTimeout`), else 10 s.
    #[default]
    Own,
    /// So long.
    Limit(Duration),
    /// For ever.
    Unlimited,
}

impl Grace {
    /// Docker's `t`: seconds, negative for ever.
    pub fn from_seconds(seconds: Option<i64>) -> Self {
        match seconds {
            None => Self::Own,
            Some(seconds) => u64::try_from(seconds)
                .map_or(Self::Unlimited, |seconds| Self::Limit(Duration::from_secs(seconds))),
        }
    }
}

/// How to stop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stop {
    /// How long to wait before SIGKILL.
    pub grace: Grace,
    /// Instead of the container's stop signal.
    pub signal: Option<String>,
}

/// How to remove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remove {
    /// Anonymous volumes go too.
    pub volumes: bool,
    /// A running container is killed first.
    pub force: bool,
    /// Remove a link instead of the container (Docker's legacy links).
    pub link: bool,
}

/// A terminal's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Rows.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
}

/// What a wait waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// It does not run; true at once when it does not.
    #[default]
    NotRunning,
    /// The next time it ends.
    NextExit,
    /// It is gone.
    Removed,
}

/// What a wait ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waited {
    /// Exit code of the last run.
    pub exit_code: i32,
    /// Why it could not be waited for or removed.
    pub error: Option<String>,
}

/// An exec as inspect shows it.
#[derive(Clone, Debug)]
pub struct ExecView {
    /// Its id.
    pub id: ExecId,
    /// The container.
    pub container: ContainerId,
    /// As asked.
    pub config: ExecConfig,
    /// Its process exists.
    pub running: bool,
    /// Set once it has ended.
    pub exit_code: Option<i32>,
    /// In the host's namespace; 0 before it starts.
    pub pid: i32,
}

/// How to start an exec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExecStart {
    /// No stream is wanted.
    pub detach: bool,
    /// First size of its terminal.
    pub size: Option<Size>,
}

/// A stream to a process: Docker's frames, or raw from a terminal. What is written to it is standard
/// input, shutting the write side down ends that.
#[derive(Debug)]
pub struct Attachment {
    /// Raw instead of framed.
    pub terminal: bool,
    /// Resolves when the process's exit is known to inspect: an answer ends only after it, so that a
    /// client finds the exit code.
    pub finished: Finished,
    pub(super) source: Source,
}

/// Where an attachment's stream comes from.
#[derive(Debug)]
pub enum Source {
    /// It is there.
    Ready(Opened),
    /// The container has not been started yet: `docker run` attaches first and starts then.
    Later(channel::Receiver<Opened>),
}

/// The stream of an [`Attachment`].
#[derive(Debug)]
pub struct Opened {
    /// A `SOCK_STREAM` socket.
    pub stream: OwnedFd,
    /// Bytes of the log at the moment of attaching: what is before them is history.
    pub log_bytes: u64,
}

impl Attachment {
    /// The stream; of a container that has not been started, when it is.
    ///
    /// # Errors
    /// `Conflict` when the start failed or the container was removed meanwhile.
    pub async fn open(self) -> Result<(Opened, Finished)> {
        let opened = match self.source {
            Source::Ready(opened) => opened,
            Source::Later(later) => later
                .recv()
                .await
                .map_err(|_| Error::new(Kind::Conflict, "the container was not started"))?,
        };
        Ok((opened, self.finished))
    }
}

/// See [`Attachment::finished`].
#[derive(Debug)]
pub struct Finished(pub(super) channel::Receiver<()>);

impl Finished {
    /// Waits until the process's end is known, at most `limit`.
    pub async fn wait(self, limit: Duration) {
        // The sender never sends: it is dropped when the end is known.
        let _ = crate::task::timeout(limit, "the end of a process", self.0.recv()).await;
    }
}

/// Containers that were pruned.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// Their ids.
    pub ids: Vec<ContainerId>,
    /// Bytes of their writable layers.
    pub bytes: u64,
}
