//! Kill: one signal to the first process.

use crate::container::handle::Message;
use crate::container::owner::Owner;
use crate::container::policy::Verb;
use crate::container::state::{Outcome, Status};
use crate::container::{Containers, process, spec};
use crate::shim::Reach;
use crate::{limits, task};
use shared::error::{Error, Result};
use shared::paths::INIT;

impl Containers {
    /// Sends a signal, by name or number; `None` is SIGKILL.
    pub async fn kill(&self, reference: &str, signal: Option<&str>) -> Result<Outcome> {
        let signal = match signal.filter(|text| !text.is_empty()) {
            Some(text) => spec::signal::parse(text)?,
            None => libc::SIGKILL,
        };
        self.signalled(reference, signal).await.map_err(|error| {
            let kind = error.kind();
            Error::new(kind, format!("Cannot kill container: {reference}: {error}"))
        })
    }

    /// Sends a signal; one that nothing survives is answered by the end, as Docker does.
    async fn signalled(&self, reference: &str, signal: i32) -> Result<Outcome> {
        let handle = self.find(reference)?;
        let before = handle.exits();
        let outcome = handle.ask(|reply| Message::Kill(signal, reply)).await?;
        if signal != libc::SIGKILL {
            return Ok(outcome);
        }
        let ended = async {
            loop {
                let listener = handle.listen();
                let (view, exits) = handle.view_and_exits();
                if exits != before || !view.status().is_alive() {
                    return;
                }
                listener.await;
            }
        };
        if task::timeout(limits::KILL, "the container's end", ended).await.is_err() {
            let stuck = process::stuck(handle.view().state.pid).await;
            return Err(Error::internal(format!("it does not end: {stuck}")));
        }
        Ok(outcome)
    }
}

impl Owner {
    /// Sends a signal. One that ends it (SIGKILL, or its stop signal) counts as stopped by hand, so
    /// that `unless-stopped` heeds it.
    pub(in crate::container) async fn kill(&mut self, signal: i32) -> Result<Outcome> {
        self.judge(Verb::Kill)?;
        if self.state.status == Status::Restarting {
            self.restart_at = None;
            self.state.status = Status::Exited;
            self.state.stopped_by_hand = true;
            let fact = self.fact("kill", &[("signal", signal.to_string())]);
            self.commit(vec![fact]).await?;
            return Ok(Outcome::Done);
        }
        let shim = self.living_shim(Verb::Kill)?;
        let ends = signal == libc::SIGKILL || signal == self.stop_signal();
        let before = self.state.stopped_by_hand;
        self.state.stopped_by_hand |= ends;
        let reach = if signal == libc::SIGKILL { Reach::All } else { Reach::One };
        if let Err(error) = shim.kill(INIT, signal, reach).await {
            self.state.stopped_by_hand = before;
            return Err(error);
        }
        if signal == libc::SIGKILL && self.state.status == Status::Paused {
            // Only a thawed process dies (cgroup v1 freezer).
            shim.pause(false).await?;
            self.state.status = Status::Running;
        }
        let fact = self.fact("kill", &[("signal", signal.to_string())]);
        self.commit(vec![fact]).await?;
        Ok(Outcome::Done)
    }
}
