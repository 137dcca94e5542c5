//! Stop and restart: the stop signal, patience, SIGKILL. The exit answers; see `exit.rs`.

use crate::container::handle::{Reply, answer};
use crate::container::owner::{Owner, Pending};
use crate::container::policy::Verb;
use crate::container::request::{Grace, Remove, Stop};
use crate::container::state::{Intent, Outcome, Status};
use crate::container::{process, spec};
use crate::limits;
use crate::shim::Reach;
use shared::error::{Error, Kind, Result};
use shared::paths::INIT;
use std::time::{Duration, Instant};

impl Owner {
    /// Stops it; answered now if there is nothing to do, else by the exit.
    pub(in crate::container) async fn stop(&mut self, how: Stop, reply: Reply<Outcome>) {
        match self.judge(Verb::Stop) {
            Err(error) => answer(&reply, Err(error)),
            Ok(Outcome::Already) => answer(&reply, Ok(Outcome::Already)),
            Ok(Outcome::Done) if self.state.status == Status::Restarting => {
                answer(&reply, self.cancel_restart().await);
            }
            Ok(Outcome::Done) => self.end_by(Intent::Stop, how, Remove::default(), reply).await,
        }
    }

    /// Stops and starts it; one that does not run is started.
    pub(in crate::container) async fn restart(&mut self, how: Stop, reply: Reply<Outcome>) {
        if let Err(error) = self.judge(Verb::Restart) {
            return answer(&reply, Err(error));
        }
        if self.state.status.is_alive() {
            self.end_by(Intent::Restart, how, Remove::default(), reply).await;
        } else {
            self.restart_at = None;
            self.start_again(vec![reply]).await;
        }
    }

    /// A restart by policy was due: it stays down instead.
    async fn cancel_restart(&mut self) -> Result<Outcome> {
        self.restart_at = None;
        self.state.status = Status::Exited;
        self.state.stopped_by_hand = true;
        let fact = self.fact("stop", &[]);
        self.commit(vec![fact]).await?;
        Ok(Outcome::Done)
    }

    /// Begins to end the first process for `intent`. A second request joins the first one; a
    /// stronger one (remove over restart over stop) takes it over.
    pub(in crate::container) async fn end_by(
        &mut self,
        intent: Intent,
        how: Stop,
        remove: Remove,
        reply: Reply<Outcome>,
    ) {
        match self.try_end(intent, &how, remove).await {
            Ok(()) => {
                let deadline = self.deadline_of(intent, how.grace);
                let pending = self.pending.get_or_insert_with(|| Pending {
                    intent,
                    deadline,
                    killed: intent == Intent::Remove,
                    remove,
                    replies: Vec::new(),
                });
                if intent == Intent::Remove {
                    pending.intent = Intent::Remove;
                    pending.remove = remove;
                    pending.deadline = deadline;
                    pending.killed = true;
                } else if !pending.killed && sooner(deadline, pending.deadline) {
                    // Once it was killed the deadline is the kernel's, and no patience shortens it.
                    pending.deadline = deadline;
                }
                pending.replies.push(reply);
            }
            Err(error) => {
                // Nothing is under way: a later exit must not be taken for it.
                self.state.intent = None;
                self.state.removes_volumes = false;
                if let Err(second) = self.commit(Vec::new()).await {
                    tracing::error!(container = %self.id, error = %second, "cannot record it");
                    self.publish();
                }
                answer(&reply, Err(error));
            }
        }
    }

    async fn try_end(&mut self, intent: Intent, how: &Stop, remove: Remove) -> Result<()> {
        let signal = match (intent, &how.signal) {
            (Intent::Remove, _) => libc::SIGKILL,
            (_, Some(text)) if !text.is_empty() => spec::signal::parse(text)?,
            _ => self.stop_signal(),
        };
        self.state.intent = Some(intent);
        self.state.removes_volumes = remove.volumes;
        self.state.stopped_by_hand |= intent != Intent::Restart;
        let fact = self.fact("kill", &[("signal", signal.to_string())]);
        self.commit(vec![fact]).await?;
        match self.signal_to_end(signal).await {
            Err(error) if intent == Intent::Remove && error.kind() == Kind::Timeout => {
                // A shim that hangs is killed; that it is gone ends the container, see `exit.rs`.
                tracing::error!(container = %self.id, %error, "its shim hangs: killing it");
                match &self.shim {
                    Some(shim) => shim.kill_shim().await,
                    None => Ok(()),
                }
            }
            other => other,
        }
    }

    /// A frozen process cannot take a signal: it is thawed right after.
    async fn signal_to_end(&mut self, signal: i32) -> Result<()> {
        let Some(shim) = self.shim.clone() else {
            return Err(Error::internal("a running container has no shim"));
        };
        let reach = if signal == libc::SIGKILL { Reach::All } else { Reach::One };
        let sent = shim.kill(INIT, signal, reach).await;
        if self.state.status == Status::Paused {
            shim.pause(false).await?;
            self.state.status = Status::Running;
        }
        match sent {
            // It ended on its own just now: the exit is on its way.
            Err(error) if error.kind() == Kind::NotFound => Ok(()),
            other => other,
        }
    }

    pub(super) fn stop_signal(&self) -> i32 {
        let asked = self.record.stop_signal();
        // It was checked at create.
        asked.and_then(|text| spec::signal::parse(text).ok()).unwrap_or(libc::SIGTERM)
    }

    fn deadline_of(&self, intent: Intent, grace: Grace) -> Option<Instant> {
        let now = Instant::now();
        if intent == Intent::Remove {
            return Some(now + limits::KILL);
        }
        match grace {
            Grace::Unlimited => None,
            Grace::Limit(limit) => Some(now + limit),
            Grace::Own => match self.record.stop_timeout() {
                Some(seconds) if seconds < 0 => None,
                Some(seconds) => Some(now + Duration::from_secs(seconds.unsigned_abs())),
                None => Some(now + limits::STOP_GRACE),
            },
        }
    }

    /// A deadline of a stop or of a restart delay has passed.
    pub(in crate::container) async fn deadline_passed(&mut self) {
        let now = Instant::now();
        if self.restart_at.is_some_and(|at| at <= now) {
            self.restart_by_policy().await;
        }
        let due = |pending: &mut Pending| pending.deadline.is_some_and(|at| at <= now);
        let Some(mut pending) = self.pending.take_if(due) else { return };
        if pending.killed {
            return self.give_up(pending).await;
        }
        pending.killed = true;
        pending.deadline = Some(now + limits::KILL);
        self.pending = Some(pending);
        let fact = self.fact("kill", &[("signal", libc::SIGKILL.to_string())]);
        if let Err(error) = self.commit(vec![fact]).await {
            tracing::warn!(container = %self.id, %error, "cannot record a kill");
        }
        if let Err(error) = self.signal_to_end(libc::SIGKILL).await {
            tracing::warn!(container = %self.id, %error, "cannot kill");
        }
    }

    /// Not even SIGKILL ended it: it hangs in the kernel.
    async fn give_up(&mut self, pending: Pending) {
        self.state.intent = None;
        self.publish();
        let stuck = process::stuck(self.state.pid).await;
        for reply in pending.replies {
            let text = format!("could not kill container {}: {stuck}", self.id);
            answer(&reply, Err(Error::internal(text)));
        }
    }
}

/// True when `one` comes before `other`, where `None` is never.
fn sooner(one: Option<Instant>, other: Option<Instant>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one < other,
        (Some(_), None) => true,
        (None, _) => false,
    }
}
