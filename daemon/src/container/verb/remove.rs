//! Remove: the record goes last, so that a crash in the middle leaves something that can be removed.

use crate::container::files;
use crate::container::handle::{Reply, answer};
use crate::container::owner::Owner;
use crate::container::policy::Verb;
use crate::container::request::{Remove, Stop};
use crate::container::row::{RecordRow, StateRow};
use crate::container::state::{Intent, Outcome, Status};
use crate::store::Durability;
use shared::error::{Context, Error, Kind, Result};

impl Owner {
    /// Removes it; one that runs is killed first and removed by its exit.
    pub(in crate::container) async fn remove(&mut self, how: Remove, reply: Reply<Outcome>) {
        let verb = if how.force { Verb::RemoveByForce } else { Verb::Remove };
        if let Err(error) = self.judge(verb) {
            return answer(&reply, Err(error));
        }
        self.restart_at = None;
        if self.state.status.is_alive() {
            self.end_by(Intent::Remove, Stop::default(), how, reply).await;
        } else {
            self.finish_removal(how, vec![reply]).await;
        }
    }

    /// Removes a container that does not run, and answers.
    pub(in crate::container) async fn finish_removal(
        &mut self,
        how: Remove,
        replies: Vec<Reply<Outcome>>,
    ) {
        let removed = self.try_removal(how).await;
        match &removed {
            Ok(()) => {
                self.inner.forget(&self.id);
                self.vanish();
            }
            Err(error) => {
                tracing::error!(container = %self.id, %error, "cannot remove a container");
                self.state.status = Status::Dead;
                self.state.error = error.to_string();
                if let Err(second) = self.commit(Vec::new()).await {
                    tracing::error!(container = %self.id, error = %second, "cannot record it");
                    self.publish();
                }
                self.begin_packing().await;
            }
        }
        for reply in replies {
            let copy = removed.as_ref().map(|()| Outcome::Done);
            answer(&reply, copy.map_err(|e| Error::new(e.kind(), e.to_string())));
        }
    }

    async fn try_removal(&mut self, how: Remove) -> Result<()> {
        let _work = tracing::info_span!(parent: None, "work", what = "delete");
        self.state.status = Status::Removing;
        self.state.intent = Some(Intent::Remove);
        self.state.removes_volumes = how.volumes;
        self.commit(Vec::new()).await.context("record the intent")?;
        self.forwarding.finish().await;
        self.packing.finish().await;
        let parts = &self.inner.parts;
        for point in self.record.volumes() {
            parts.volumes.release(&point.name, &self.id).await?;
        }
        if how.volumes {
            self.remove_anonymous_volumes().await;
        }
        let released = parts.images.release(&self.id);
        let (released, removed) =
            futures_util::join!(released, files::remove_home(&parts.paths, &self.id));
        released.and(removed)?;
        self.delete_rows().await
    }

    async fn delete_rows(&self) -> Result<()> {
        let id = self.id.clone();
        let fact = self.fact("destroy", &[]);
        let journal = &self.inner.parts.journal;
        let work = move |tx: &mut crate::store::Tx<'_>| {
            tx.delete::<RecordRow>(id.as_str())?;
            tx.delete::<StateRow>(id.as_str())
        };
        journal.commit(Durability::Immediate, None, vec![fact], work).await
    }

    /// A volume that somebody else uses by now stays; that is no error.
    async fn remove_anonymous_volumes(&self) {
        for point in self.record.volumes().filter(|point| point.anonymous) {
            match self.inner.parts.volumes.remove(&point.name).await {
                // Gone already: a daemon before us died in the middle.
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => {
                    tracing::warn!(volume = %point.name, %error, "an anonymous volume stays");
                }
                Ok(()) => {}
            }
        }
    }
}
