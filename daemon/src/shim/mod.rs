//! How the daemon talks to a shim: one [`Shim`] per running container.
//!
//! Every call is one request of `shared::shim` with a time limit; what the shim tells on its own
//! arrives as [`Notice`]s in the channel that was given at launch. A shim that has gone says so
//! exactly once, as [`Notice::Gone`], after everything that it had said before.

mod connection;
mod launch;
mod reaped;
mod zygote;

pub use launch::{Launch, Launcher};

use crate::limits;
use connection::Connection;
use reaped::Reaped;
use shared::error::{Error, Kind, Result};
use shared::paths::INIT;
use shared::rotation::Identity;
use shared::shim::{
    Acknowledge, Attach, Attached, Create, Created, Delete, Exec, Exited, Hello, Kill, LogLost,
    Oom, PackLog, Pause, Query, Resize, Start, Started, Status, Update,
};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

/// What a shim tells on its own.
#[derive(Debug)]
pub enum Notice {
    /// A process has ended.
    Exited(Exited),
    /// The kernel's OOM killer struck.
    Oom(Oom),
    /// A full ring lost log lines.
    LogLost(LogLost),
    /// The connection ended: the shim has gone.
    Gone,
}

/// A living shim.
#[derive(Debug)]
pub struct Shim {
    connection: Connection,
    hello: Hello,
    child: Option<Reaped>,
}

impl Shim {
    /// What the shim said about itself.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.hello.pid
    }

    /// Makes the container. `fds` in the order of [`Create`]: spec, seccomp, network namespace.
    pub async fn create(&self, create: &Create, fds: &[BorrowedFd<'_>]) -> Result<Created> {
        // The shim gives up on its own; this only covers a shim that hangs.
        let limit = Duration::from_millis(create.timeout_ms) + limits::SHIM_ANSWER;
        self.connection.call(create, fds, limit).await
    }

    /// Lets the first process run.
    pub async fn start(&self, operation: String) -> Result<Started> {
        self.connection.call(&Start { operation }, &[], limits::SHIM_ANSWER).await
    }

    /// Starts a further process; `process` is the OCI process object as a memfd, then its seccomp
    /// filter if it has one. The stream comes when `exec.attach` asks for it.
    pub async fn exec(
        &self,
        exec: &Exec,
        fds: &[BorrowedFd<'_>],
    ) -> Result<(Started, Option<OwnedFd>)> {
        let (started, mut got) = self.connection.call_for(exec, fds, limits::EXEC_START).await?;
        Ok((started, got.pop()))
    }

    /// Sends a signal.
    pub async fn kill(&self, process: &str, signal: i32, reach: Reach) -> Result<()> {
        let kill = Kill { process: process.into(), signal, all: reach == Reach::All };
        self.connection.call(&kill, &[], limits::SHIM_ANSWER).await.map(drop)
    }

    /// Sets a terminal's size.
    pub async fn resize(&self, process: &str, rows: u16, columns: u16) -> Result<()> {
        let resize = Resize { process: process.into(), rows, columns };
        self.connection.call(&resize, &[], limits::SHIM_ANSWER).await.map(drop)
    }

    /// A stream to a process.
    pub async fn attach(&self, attach: &Attach) -> Result<(Attached, OwnedFd)> {
        let (attached, mut got) =
            self.connection.call_for(attach, &[], limits::SHIM_ANSWER).await?;
        let stream = got.pop().ok_or_else(|| Error::internal("the shim sent no stream"))?;
        Ok((attached, stream))
    }

    /// Everything that it knows.
    pub async fn query(&self) -> Result<Status> {
        self.connection.call(&Query {}, &[], limits::SHIM_ANSWER).await
    }

    /// The exit of a process is durable.
    pub async fn acknowledge(&self, process: &str) -> Result<()> {
        let acknowledge = Acknowledge { process: process.into() };
        self.connection.call(&acknowledge, &[], limits::SHIM_ANSWER).await.map(drop)
    }

    /// A compressed copy takes the place of a rotated log file. `NotFound` when that is gone.
    pub async fn pack_log(&self, original: Identity, packed: &Path) -> Result<()> {
        let asked = PackLog { original, packed: packed.to_owned() };
        self.connection.call(&asked, &[], limits::SHIM_ANSWER).await.map(drop)
    }

    /// Freezes or thaws.
    pub async fn pause(&self, frozen: bool) -> Result<()> {
        self.connection.call(&Pause { frozen }, &[], limits::FREEZE).await.map(drop)
    }

    /// Changes resources; `resources` is the OCI object as a memfd.
    pub async fn update(&self, resources: BorrowedFd<'_>) -> Result<()> {
        self.connection.call(&Update {}, &[resources], limits::SHIM_ANSWER).await.map(drop)
    }

    /// Ends a shim whose container is not wanted: kills what there is, forgets it.
    pub async fn end(&self) -> Result<()> {
        let deleted = match self.delete().await {
            // Nothing was created yet.
            Err(error) if error.kind() == Kind::Conflict => Ok(()),
            other => other,
        };
        let forgotten = self.acknowledge(INIT).await;
        self.kill_shim().await?;
        match &self.child {
            Some(child) => child.gone().await?,
            None if self.vanish().await.is_ok() => {}
            None => launch::kill_stranger(self.pid()).await?,
        }
        deleted.and(forgotten)
    }

    /// Kills the shim itself.
    pub async fn kill_shim(&self) -> Result<()> {
        match &self.child {
            Some(child) => child.kill().await,
            None => launch::kill_stranger(self.pid()).await,
        }
    }

    /// Waits until a shim that has nothing left to do is gone; one that stays is killed.
    pub async fn vanish(&self) -> Result<()> {
        match &self.child {
            Some(child) => child.gone().await,
            None => self.connection.closed().await,
        }
    }

    /// Removes what the runtime keeps of a container, killing what still runs.
    pub async fn delete(&self) -> Result<()> {
        self.connection.call(&Delete { force: true }, &[], limits::DELETE).await.map(drop)
    }
}

/// Whom a signal reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// One process.
    One,
    /// Every process of the container.
    All,
}
