//! The table of the daemon's parts: which came up, which were left out and why, which failed.
//!
//! `builtin.rs` starts parts one after the other through [`Parts::start`]. A part that needs another
//! which did not come up is skipped with that reason. Closing goes in reverse order.

use crate::task;
use futures_util::future::BoxFuture;
use serde::Serialize;
use shared::error::{Error, Kind, Result};
use std::collections::BTreeSet;
use std::future::Future;
use std::time::{Duration, Instant};

/// How a part fared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "lowercase")]
pub enum State {
    /// It came up.
    Ok,
    /// It was left out: switched off, or the host lacks what it needs.
    Skipped(String),
    /// It should have come up and did not.
    Failed(String),
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Such as `coffer.snapshotter.v1.overlayfs`.
    pub id: &'static str,
    /// How it fared.
    #[serde(flatten)]
    pub state: State,
    /// What starting it took, in microseconds.
    pub took_micros: u64,
}

type Close = Box<dyn FnOnce() -> BoxFuture<'static, Result<()>> + Send>;

/// The parts that were started so far.
#[derive(Default)]
pub struct Parts {
    required: BTreeSet<String>,
    disabled: BTreeSet<String>,
    table: Vec<Status>,
    closers: Vec<(&'static str, Close)>,
}

/// A part that does not close within this is left behind.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

impl Parts {
    /// With the ids that must come up and those that are left out, of `all` that there are.
    ///
    /// # Errors
    /// `Invalid` when a part is required that does not exist; to leave such a one out is a warning.
    pub fn new(required: &[String], disabled: &[String], all: &[&str]) -> Result<Self> {
        let unknown = |ids: &[String]| -> Vec<String> {
            ids.iter().filter(|id| !all.contains(&id.as_str())).cloned().collect()
        };
        if let Some(id) = unknown(required).first() {
            return Err(Error::invalid(format!("required plugin [{id}] not included")));
        }
        for id in unknown(disabled) {
            tracing::warn!(id, "disabled_plugins names a part that does not exist");
        }
        Ok(Self {
            required: required.iter().cloned().collect(),
            disabled: disabled.iter().cloned().collect(),
            ..Self::default()
        })
    }

    /// Starts one part, or skips it. `None`: it is not there, and the table says why. An error of
    /// kind `Unimplemented` means that the host lacks something, which is a skip; any other is a
    /// failure, which is logged. Either ends the start of the daemon when the part is required.
    pub async fn start<T>(
        &mut self,
        id: &'static str,
        needs: &[&str],
        make: impl Future<Output = Result<T>>,
    ) -> Result<Option<T>> {
        let since = Instant::now();
        let (made, state) = match self.obstacle(id, needs) {
            Some(reason) => (None, State::Skipped(reason)),
            None => match make.await {
                Ok(part) => (Some(part), State::Ok),
                Err(error) if error.kind() == Kind::Unimplemented => {
                    (None, State::Skipped(error.to_string()))
                }
                Err(error) => (None, State::Failed(error.to_string())),
            },
        };
        match &state {
            State::Ok => tracing::debug!(id, "part is up"),
            State::Skipped(reason) => tracing::info!(id, reason, "part is left out"),
            State::Failed(reason) => tracing::warn!(id, reason, "part failed"),
        }
        let refusal = match &state {
            State::Ok => None,
            State::Skipped(reason) | State::Failed(reason) => self
                .required
                .contains(id)
                .then(|| Error::unavailable(format!("required part {id} is not up: {reason}"))),
        };
        let took_micros = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.table.push(Status { id, state, took_micros });
        refusal.map_or(Ok(made), Err)
    }

    /// Starts a part without which there is no daemon.
    pub async fn must<T>(
        &mut self,
        id: &'static str,
        make: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        if self.disabled.contains(id) {
            return Err(Error::invalid(format!("part {id} cannot be disabled")));
        }
        self.required.insert(id.to_owned());
        let made = self.start(id, &[], make).await?;
        made.ok_or_else(|| Error::internal(format!("required part {id} is not up")))
    }

    fn obstacle(&self, id: &str, needs: &[&str]) -> Option<String> {
        if self.disabled.contains(id) {
            return Some("disabled by the configuration".into());
        }
        let missing = needs.iter().find(|need| {
            !self.table.iter().any(|status| status.id == **need && status.state == State::Ok)
        });
        missing.map(|need| format!("needs {need}, which is not up"))
    }

    /// Remembers how to close a part that is up.
    pub fn on_close<F, R>(&mut self, id: &'static str, close: F)
    where
        F: FnOnce() -> R + Send + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        self.closers.push((id, Box::new(move || Box::pin(close()))));
    }

    /// Every part so far.
    pub fn table(&self) -> Vec<Status> {
        self.table.clone()
    }

    /// Closes what came up, the last first.
    pub async fn close(mut self) {
        while let Some((id, close)) = self.closers.pop() {
            let closed = task::timeout(CLOSE_LIMIT, "closing a part", close()).await;
            match closed.and_then(|result| result) {
                Ok(()) => tracing::debug!(id, "part is closed"),
                Err(error) => tracing::error!(id, %error, "cannot close a part"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn skips_what_cannot_be_and_refuses_without_what_must_be() {
        task::block_on(async {
            let all = ["a", "b", "c", "d"];
            let error = Parts::new(&["zzz".into()], &[], &all).err().unwrap();
            assert_eq!(error.to_string(), "required plugin [zzz] not included");
            let mut parts = Parts::new(&["c".into()], &["b".into(), "zzz".into()], &all).unwrap();
            assert_eq!(parts.start("a", &[], async { Ok(1) }).await.unwrap(), Some(1));
            assert_eq!(parts.start("b", &[], async { Ok(1) }).await.unwrap(), None);
            let error = parts.start("c", &["b"], async { Ok(1) }).await.unwrap_err();
            assert_eq!(error.to_string(), "required part c is not up: needs b, which is not up");
            let lacking = async { Err::<u8, _>(Error::unimplemented("no overlay here")) };
            assert_eq!(parts.start("d", &[], lacking).await.unwrap(), None);
            let states: Vec<State> = parts.table().into_iter().map(|status| status.state).collect();
            assert_eq!(states[0], State::Ok);
            assert_eq!(states[3], State::Skipped("no overlay here".into()));
        });
    }

    #[test]
    fn closes_in_reverse() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut parts = Parts::default();
        for id in ["a", "b"] {
            let seen = seen.clone();
            parts.on_close(id, move || async move {
                seen.lock().unwrap().push(id);
                Ok(())
            });
        }
        task::block_on(parts.close());
        assert_eq!(*seen.lock().unwrap(), ["b", "a"]);
    }
}
