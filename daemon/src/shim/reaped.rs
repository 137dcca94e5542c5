//! Shims that are the daemon's children: each is waited for once, so that none stays a zombie.

use crate::{limits, task};
use async_io::Async;
use shared::error::{Context, Result};
use shared::kernel::command::Child;
use shared::kernel::process::Process;
use std::sync::Mutex;
use std::time::Duration;

/// A shim that is our child, until it has been waited for.
#[derive(Debug)]
pub(super) struct Reaped(Mutex<Option<Child>>);

impl Reaped {
    pub(super) fn new(child: Child) -> Self {
        Self(Mutex::new(Some(child)))
    }

    fn take(&self) -> Option<Child> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    /// Waits until it has ended and reaps it; one that stays is killed.
    pub(super) async fn gone(&self) -> Result<()> {
        match self.take() {
            Some(child) => reap(child, limits::SHIM_END).await,
            None => Ok(()),
        }
    }

    /// Kills it and reaps it.
    pub(super) async fn kill(&self) -> Result<()> {
        match self.take() {
            Some(child) => reap(child, Duration::ZERO).await,
            None => Ok(()),
        }
    }
}

impl Drop for Reaped {
    /// The connection has ended, so the shim is about to end or hangs.
    fn drop(&mut self) {
        if let Some(child) = self.take() {
            let work = async move {
                if let Err(error) = reap(child, limits::SHIM_END).await {
                    tracing::warn!(%error, "cannot reap a shim");
                }
            };
            task::spawn("reap a shim", work).detach();
        }
    }
}

async fn reap(child: Child, patience: Duration) -> Result<()> {
    if child.try_wait()?.is_some() {
        return Ok(());
    }
    let process = Async::new(Process::open(child.pid())?).context("watch a shim")?;
    let ended = async { process.readable().await.context("wait for a shim") };
    if task::timeout(patience, "a shim's end", ended).await.is_err() {
        tracing::warn!(pid = child.pid(), "a shim does not end: killing it");
        process.get_ref().signal(libc::SIGKILL)?;
        let ended = async { process.readable().await.context("wait for a shim") };
        task::timeout(limits::KILL, "the end of a killed shim", ended).await??;
    }
    child.try_wait().map(drop)
}
