//! Exit: the start backwards, when the first process has ended. Also what happens when a shim goes.
//!
//! The fact is stored and told first, then everything is released, and only then is the shim told
//! that its record is no longer needed.

use crate::container::files;
use crate::container::handle::{Reply, answer};
use crate::container::owner::Owner;
use crate::container::request::Remove;
use crate::container::state::{Intent, Outcome, Status};
use crate::container::watch::restart::{Decision, decide};
use crate::event::{Fact, now_nanos};
use crate::shim::{Notice, Shim};
use shared::paths::INIT;
use shared::shim::{Exited, Oom};
use std::time::{Duration, Instant};

/// The exit code of a container whose end nobody saw.
const UNKNOWN: i32 = 255;

/// What becomes of a bundle when a run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::container) enum Bundle {
    /// It goes.
    Removed,
    /// The exit could not be stored (a full disk): the shim's record in the bundle is all there is.
    Kept,
}

impl Owner {
    /// The first process has ended.
    pub(in crate::container) async fn exited(&mut self, exit: Exited) {
        if exit.incarnation != self.state.incarnation || !self.has_run() {
            tracing::debug!(container = %self.id, "an exit of an earlier run");
            return;
        }
        let work = tracing::info_span!(parent: None, "work", what = "exit");
        if let Some(checks) = self.checks.take() {
            checks.cancel().await;
        }
        if self.forwarding.is_idle() {
            // It ended while there was no daemon: what it wrote since is still to be sent.
            self.begin_forwarding();
        }
        self.forwarding.ended();
        let (mut facts, again) = self.judge_exit(&exit);
        let pending = self.pending.take();
        let intent = pending.as_ref().map(|pending| pending.intent);
        if matches!(intent, Some(Intent::Stop | Intent::Restart)) {
            facts.push(self.fact("stop", &[]));
        }
        self.inner.execs.end_all(&self.id, exit.code);
        self.count_exit();
        let stored = self.commit(facts).await;
        if let Err(error) = &stored {
            tracing::error!(container = %self.id, %error, "cannot record an exit");
            self.publish();
        }
        let (remove, mut replies) = pending.map(|p| (p.remove, p.replies)).unwrap_or_default();
        if intent == Some(Intent::Stop) {
            for reply in replies.drain(..) {
                answer(&reply, Ok(Outcome::Done));
            }
        }
        self.release(if stored.is_ok() { Bundle::Removed } else { Bundle::Kept }).await;
        drop(work);
        match intent {
            Some(Intent::Restart) => self.start_again(replies).await,
            Some(Intent::Remove) => self.finish_removal(remove, replies).await,
            _ if self.record.is_removed_at_exit() && again.is_none() => {
                self.remove_by_itself().await;
            }
            _ => {}
        }
    }

    /// Writes the exit into the state; the facts, and when it is started again.
    fn judge_exit(&mut self, exit: &Exited) -> (Vec<Fact>, Option<Duration>) {
        let state = &mut self.state;
        state.pid = 0;
        state.exit_code = exit.code;
        state.signal = exit.signal;
        state.oom_killed |= exit.oom_killed;
        state.finished_at_nanos = exit.at_nanos.max(state.started_at_nanos);
        state.status = Status::Exited;
        let hand =
            matches!(self.pending.as_ref().map(|p| p.intent), Some(Intent::Stop | Intent::Remove));
        state.stopped_by_hand |= hand;
        if !matches!(state.intent, Some(Intent::Restart | Intent::Remove)) {
            state.intent = None;
        }
        let again = match self.pending {
            None => match decide(self.record.restart_policy(), &self.state) {
                Decision::After(delay) => Some(delay),
                Decision::No => None,
            },
            Some(_) => None,
        };
        if self.record.is_removed_at_exit()
            && again.is_none()
            && self.state.intent != Some(Intent::Restart)
        {
            // Rides on the exit: a daemon that dies now removes it when it comes back.
            self.state.intent = Some(Intent::Remove);
            self.state.removes_volumes = true;
        }
        let seconds = self.state.run_nanos(self.state.finished_at_nanos) / 1_000_000_000;
        let die = [("exitCode", exit.code.to_string()), ("execDuration", seconds.to_string())];
        let mut facts = vec![self.fact("die", &die)];
        facts.extend(self.network_fact("disconnect"));
        facts.extend(self.volume_facts("unmount"));
        if let Some(delay) = again {
            self.state.status = Status::Restarting;
            self.state.restarts += 1;
            self.state.backoff_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            self.restart_at = Some(Instant::now() + delay);
        }
        (facts, again)
    }

    fn has_run(&self) -> bool {
        self.state.status.is_alive()
    }

    /// Releases what the run held: the runtime's state and cgroups, the shim, the bundle. What fails
    /// is logged; the next start of the daemon tries again.
    pub(in crate::container) async fn release(&mut self, bundle: Bundle) {
        if let Some(shim) = self.shim.take() {
            if let Err(error) = shim.delete().await {
                tracing::warn!(container = %self.id, %error, "cannot delete the runtime's state");
            }
            if let Err(error) = shim.acknowledge(INIT).await {
                tracing::warn!(container = %self.id, %error, "cannot acknowledge an exit");
            }
            self.acknowledge_execs(&shim).await;
            if let Err(error) = shim.vanish().await {
                tracing::warn!(container = %self.id, %error, "a shim does not end");
            }
        }
        self.forget_notices();
        self.begin_packing().await;
        if bundle == Bundle::Kept {
            return;
        }
        if let Err(error) = files::remove_bundle(&self.inner.parts.paths, &self.id).await {
            tracing::warn!(container = %self.id, %error, "cannot remove the bundle");
        }
    }

    /// Execs whose end was told after the container's: the shim stays until each is acknowledged.
    async fn acknowledge_execs(&self, shim: &Shim) {
        while let Ok(notice) = self.notices.1.try_recv() {
            let Notice::Exited(exit) = notice else { continue };
            if let Err(error) = shim.acknowledge(&exit.process).await {
                tracing::debug!(container = %self.id, %error, "the shim went first");
            }
        }
    }

    /// What the last shim said after its container's end concerns nobody, least of all the next run.
    pub(in crate::container) fn forget_notices(&mut self) {
        self.notices = crate::task::channel::bounded(crate::limits::NOTICES);
    }

    /// The second half of a restart.
    pub(in crate::container) async fn start_again(&mut self, replies: Vec<Reply<Outcome>>) {
        self.state.stopped_by_hand = false;
        let fact = self.fact("restart", &[]);
        let started = self.start(vec![fact]).await;
        for reply in replies {
            let copy = started.as_ref().map(|()| Outcome::Done);
            answer(&reply, copy.map_err(|e| shared::error::Error::new(e.kind(), e.to_string())));
        }
    }

    /// The restart delay is over.
    pub(in crate::container) async fn restart_by_policy(&mut self) {
        self.restart_at = None;
        if self.state.status != Status::Restarting {
            return;
        }
        if let Err(error) = self.start(Vec::new()).await {
            tracing::warn!(container = %self.id, %error, "cannot start it again");
            // A failed start counts as a run that ended at once.
            self.state.finished_at_nanos = now_nanos();
            self.state.started_at_nanos = self.state.finished_at_nanos;
            if let Decision::After(delay) = decide(self.record.restart_policy(), &self.state) {
                self.state.status = Status::Restarting;
                self.state.restarts += 1;
                self.state.backoff_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                self.restart_at = Some(Instant::now() + delay);
                self.publish();
            }
        }
    }

    /// The kernel's OOM killer struck.
    pub(in crate::container) async fn oom(&mut self, oom: Oom) {
        let fresh = oom.kills.saturating_sub(self.oom_seen);
        self.oom_seen = oom.kills;
        if fresh == 0 {
            return;
        }
        self.state.oom_kills += fresh;
        self.state.oom_killed = true;
        let fact = self.fact("oom", &[]);
        if let Err(error) = self.commit(vec![fact]).await {
            tracing::error!(container = %self.id, %error, "cannot record an OOM kill");
            self.publish();
        }
    }

    /// The shim has gone. Its exit record may still say how the container ended; without one the
    /// first process is killed, since nobody could ever tell of its end.
    pub(in crate::container) async fn shim_gone(&mut self) {
        if self.shim.is_none() || !self.has_run() {
            return;
        }
        tracing::error!(container = %self.id, "the shim has gone");
        self.shim = None;
        let exit = match files::exit_record(&self.inner.parts.paths, &self.id, INIT).await {
            Ok(Some(exit)) if exit.incarnation == self.state.incarnation => exit,
            _ => {
                let group = self.record.decided.cgroup.clone();
                crate::container::process::clear_cgroup(&self.id, group).await;
                self.unknown_exit()
            }
        };
        self.exited(exit).await;
    }

    /// An end that nobody saw.
    pub(in crate::container) fn unknown_exit(&self) -> Exited {
        Exited {
            process: INIT.into(),
            code: UNKNOWN,
            signal: None,
            oom_killed: false,
            at_nanos: now_nanos(),
            boot_id: self.inner.boot_id.clone(),
            incarnation: self.state.incarnation,
        }
    }

    /// An owner that removes its container because the container said so at create.
    pub(in crate::container) async fn remove_by_itself(&mut self) {
        let how = Remove { volumes: true, ..Remove::default() };
        self.finish_removal(how, Vec::new()).await;
    }
}
