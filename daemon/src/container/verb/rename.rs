//! Rename: the new name is reserved first, the old one freed last.

use crate::container::owner::{Owner, fact};
use crate::container::policy::Verb;
use crate::container::row::RecordRow;
use crate::container::state::Outcome;
use crate::store::Durability;
use shared::error::{Error, Result};
use std::sync::Arc;

impl Owner {
    /// Gives it another name, already checked.
    pub(in crate::container) async fn rename(&mut self, name: String) -> Result<Outcome> {
        self.judge(Verb::Rename)?;
        let old = self.record.decided.name.clone();
        if old == name {
            // Judged here, where nobody else renames it: its only name would be freed below.
            return Err(Error::invalid(
                "Renaming a container with the same name as its current name",
            ));
        }
        self.inner.index().reserve(&name, &self.id).map_err(|error| {
            Error::new(error.kind(), format!("Error when allocating new name: {error}"))
        })?;
        let mut decided = self.record.decided.clone();
        decided.name.clone_from(&name);
        let stored = self.store_record(decided, &old).await;
        let gone = if stored.is_ok() { &old } else { &name };
        self.inner.index().release(gone, &self.id);
        stored?;
        Ok(Outcome::Done)
    }

    async fn store_record(
        &mut self,
        decided: crate::container::record::Decided,
        old: &str,
    ) -> Result<()> {
        let record = self.record.with(decided)?;
        let fact = fact(&record, "rename", &[("oldName", format!("/{old}"))]);
        let (id, row) = (self.id.clone(), RecordRow::new(&record)?);
        let journal = &self.inner.parts.journal;
        journal
            .commit(Durability::Immediate, None, vec![fact], move |tx| tx.put(id.as_str(), &row))
            .await?;
        self.record = Arc::new(record);
        self.publish();
        Ok(())
    }
}
