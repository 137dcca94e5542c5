//! Update: other resources and another restart policy, live when it runs.

use crate::container::overlay::merge_update;
use crate::container::owner::{Owner, fact};
use crate::container::policy::Verb;
use crate::container::record::Record;
use crate::container::row::RecordRow;
use crate::container::spec::check_resource::Occasion;
use crate::container::{prepare, spec};
use crate::store::Durability;
use shared::docker::ContainerUpdateBody;
use shared::error::{Context, Error, Kind, Result};
use std::os::fd::AsFd;
use std::sync::Arc;

impl Owner {
    /// Changes what the body gives; answers warnings.
    pub(in crate::container) async fn update(
        &mut self,
        body: ContainerUpdateBody,
    ) -> Result<Vec<String>> {
        self.judge(Verb::Update)?;
        let restarts = body.restart_policy.as_ref().and_then(|policy| policy.name);
        if self.record.is_removed_at_exit() && restarts.is_some_and(|name| !is_never(name)) {
            return Err(Error::new(
                Kind::Conflict,
                "Restart policy cannot be updated because AutoRemove is enabled for the container",
            ));
        }
        let mut decided = self.record.decided.clone();
        decided.updated = Some(merge_update(decided.updated.as_ref(), body)?);
        let record = self.record.with(decided)?;
        if let Some(policy) = record.restart_policy() {
            spec::check::policy(policy)?;
        }
        let host = &self.inner.settings.host;
        let warnings = spec::check_resource::check(&mut record.host(), host, Occasion::Update)?;
        if let Some(shim) = self.shim.as_ref().filter(|_| self.state.status.is_alive()) {
            let resources = prepare::resources(&record)?;
            shim.update(resources.as_fd()).await.context("Cannot update container")?;
        }
        self.store_update(record).await?;
        Ok(warnings)
    }

    async fn store_update(&mut self, record: Record) -> Result<()> {
        let fact = fact(&record, "update", &[]);
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

fn is_never(name: shared::docker::RestartPolicyNameEnum) -> bool {
    use shared::docker::RestartPolicyNameEnum::{EMPTY, NO};
    matches!(name, EMPTY | NO)
}
