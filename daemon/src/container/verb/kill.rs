//! Kill: one signal to the first process.

use crate::container::owner::Owner;
use crate::container::policy::Verb;
use crate::container::state::{Outcome, Status};
use crate::shim::Reach;
use shared::error::Result;
use shared::paths::INIT;

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
