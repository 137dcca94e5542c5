//! `docker image prune`.

use super::list::{boolean, has_label, label, until};
use super::remove::{Force, Parents, Removed};
use super::{Filters, Image, Images};
use crate::event::{Fact, Type};
use shared::error::{Error, Kind, Result};
use shared::id::ContainerId;
use std::sync::Arc;

/// What a prune did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Names and images.
    pub removed: Vec<Removed>,
    /// Bytes of the layers that went.
    pub reclaimed_bytes: u64,
}

struct Rules {
    dangling_only: bool,
    until_nanos: Option<i64>,
    with: Vec<(String, Option<String>)>,
    without: Vec<(String, Option<String>)>,
}

impl Images {
    /// Removes images that no container uses: those without names, or with `dangling=false` all.
    pub async fn prune(
        &self,
        filters: &Filters,
        is_running: &(dyn Fn(&ContainerId) -> bool + Sync),
    ) -> Result<Pruned> {
        let rules = Rules::parse(filters)?;
        let _guard = self.0.lock.lock().await;
        let bytes = |images: &Self| -> u64 {
            images.read().layers().map(|(_, layer)| layer.content_bytes).sum()
        };
        let before = bytes(self);
        let mut pruned = Pruned::default();
        let candidates: Vec<Arc<Image>> = self.read().images().cloned().collect();
        for image in candidates {
            if !rules.matches(&image) || self.is_needed(&image) {
                continue;
            }
            for text in names(&image) {
                match self.remove_locked(&text, Force::No, Parents::Prune, is_running).await {
                    Ok(removed) => pruned.removed.extend(removed),
                    // Went with a child of it, or is needed after all.
                    Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Conflict) => {
                        tracing::debug!(image = %image.id, %error, "not pruned");
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        pruned.reclaimed_bytes = before.saturating_sub(bytes(self));
        let reclaimed = pruned.reclaimed_bytes.to_string();
        let fact = Fact::new(Type::Image, "prune", "").with("reclaimed", reclaimed);
        self.0.journal.record(vec![fact]).await?;
        Ok(pruned)
    }

    fn is_needed(&self, image: &Image) -> bool {
        self.read().has_children(&image.id) || !self.users(&image.id).is_empty()
    }
}

fn names(image: &Image) -> Vec<String> {
    if image.names.is_empty() {
        return vec![image.id.as_str().to_owned()];
    }
    image.names.iter().map(|name| name.familiar()).collect()
}

impl Rules {
    fn parse(filters: &Filters) -> Result<Self> {
        let mut rules =
            Self { dangling_only: true, until_nanos: None, with: Vec::new(), without: Vec::new() };
        for (name, values) in filters {
            for value in values {
                match name.as_str() {
                    "dangling" => rules.dangling_only = boolean(name, value)?,
                    "until" => rules.until_nanos = Some(until(value)?),
                    "label" => rules.with.push(label(value)),
                    "label!" => rules.without.push(label(value)),
                    _ => return Err(Error::invalid(format!("Invalid filter '{name}'"))),
                }
            }
        }
        Ok(rules)
    }

    fn matches(&self, image: &Image) -> bool {
        (!self.dangling_only || image.names.is_empty())
            && self.until_nanos.is_none_or(|until| image.created_nanos() < until)
            && self.with.iter().all(|label| has_label(image, label))
            && !self.without.iter().any(|label| has_label(image, label))
    }
}
