//! Prune: removes what does not run and fits the filters.

use crate::container::Containers;
use crate::container::list::has_label;
use crate::container::request::{Pruned, Remove};
use crate::container::state::{Status, View};
use crate::event::{Fact, Type};
use shared::error::{Error, Kind, Result};
use std::collections::BTreeMap;

impl Containers {
    /// Removes every container that does not run and fits `filters`: `label`, `label!`, and `until`,
    /// which the caller has made a number of nanoseconds since 1970.
    pub async fn prune(
        &self,
        filters: &BTreeMap<String, Vec<String>>,
        until_nanos: Option<i64>,
    ) -> Result<Pruned> {
        if let Some(key) =
            filters.keys().find(|key| !["label", "label!", "until"].contains(&key.as_str()))
        {
            return Err(Error::invalid(format!("Invalid filter '{key}'")));
        }
        let mut pruned = Pruned::default();
        for view in self.views() {
            if !is_prunable(&view, filters, until_nanos) {
                continue;
            }
            let bytes = self.0.parts.images.usage(view.id()).await.map_or(0, |usage| usage.bytes);
            match self.remove(view.id().as_str(), Remove::default()).await {
                Ok(_) => {
                    pruned.ids.push(view.id().clone());
                    pruned.bytes += bytes;
                }
                // Somebody was faster, or it was started meanwhile.
                Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        let fact =
            Fact::new(Type::Container, "prune", "").with("reclaimed", pruned.bytes.to_string());
        self.0.parts.journal.record(vec![fact]).await?;
        Ok(pruned)
    }
}

fn is_prunable(
    view: &View,
    filters: &BTreeMap<String, Vec<String>>,
    until_nanos: Option<i64>,
) -> bool {
    let values = |key: &str| filters.get(key).map(Vec::as_slice).unwrap_or_default();
    matches!(view.status(), Status::Created | Status::Exited | Status::Dead)
        && until_nanos.is_none_or(|until| view.record.decided.created_at_nanos < until)
        && values("label").iter().all(|label| has_label(view, label))
        && !values("label!").iter().any(|label| has_label(view, label))
}
