//! Pause and unpause: the freezer.

use crate::container::owner::Owner;
use crate::container::policy::Verb;
use crate::container::state::{Outcome, Status};
use shared::error::{Error, Kind, Result};

impl Owner {
    /// Freezes it.
    pub(in crate::container) async fn pause(&mut self) -> Result<Outcome> {
        if self.pending.is_some() {
            // A frozen process does not die of a signal, and the stop would wait for ever.
            return Err(Error::new(Kind::Conflict, format!("Container {} is stopping", self.id)));
        }
        self.living_shim(Verb::Pause)?.pause(true).await?;
        self.state.status = Status::Paused;
        let fact = self.fact("pause", &[]);
        self.commit(vec![fact]).await?;
        Ok(Outcome::Done)
    }

    /// Thaws it.
    pub(in crate::container) async fn unpause(&mut self) -> Result<Outcome> {
        self.living_shim(Verb::Unpause)?.pause(false).await?;
        self.state.status = Status::Running;
        let fact = self.fact("unpause", &[]);
        self.commit(vec![fact]).await?;
        Ok(Outcome::Done)
    }
}
