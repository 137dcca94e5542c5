//! Images: found, listed, brought in and out, named and removed. The trees that containers are made of
//! them.
//!
//! Every read is answered from memory. Writers hold one lock for one short operation; unpacking goes on
//! outside of it. State and events are one transaction, and folders outlive records, never the other
//! way round.

mod add;
mod archive;
mod changes;
mod commit;
mod container;
pub mod document;
mod glob;
mod import;
mod index;
pub mod instruction;
pub mod list;
mod load;
mod manifest;
mod open;
pub mod pack;
mod prune;
pub mod record;
pub mod remove;
mod save;
mod settle;
#[cfg(test)]
mod speed;
pub mod step;
#[cfg(test)]
mod survive;
mod tag;
#[cfg(test)]
mod tests;
pub mod unpack;
mod variable;

pub use commit::Commit;
pub use import::Import;
pub use list::{Disk, DiskImage, Filters, Step as HistoryStep};
pub use prune::Pruned;
pub use remove::{Force, Parents, Removed};
pub use step::Progress;

use crate::content::Content;
use crate::event::{Fact, Journal, Type};
use crate::snapshot::Snapshots;
use crate::task;
use document::Document;
use index::Index;
use shared::docker::ImageConfig;
use shared::error::{Error, Result};
use shared::id::{Digest, ImageId};
use shared::reference::Reference;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// One image.
#[derive(Clone, Debug)]
pub struct Image {
    /// Digest of its configuration.
    pub id: ImageId,
    /// Its configuration.
    pub document: Document,
    /// The image that it was made from on this machine.
    pub parent: Option<ImageId>,
    /// When it came here, nanoseconds since 1970.
    pub added_nanos: i64,
    /// Content of all its layers, in bytes.
    pub size: u64,
    /// Its names in order.
    pub names: Vec<Reference>,
    defaults: ImageConfig,
}

impl Image {
    fn new(
        id: ImageId,
        mut document: Document,
        parent: Option<ImageId>,
        added_nanos: i64,
        size: u64,
    ) -> Self {
        let defaults = document.config.take().unwrap_or_default();
        Self { id, document, parent, added_nanos, size, names: Vec::new(), defaults }
    }

    /// What containers of it have unless told otherwise.
    pub fn config(&self) -> &ImageConfig {
        &self.defaults
    }

    /// Digests of its layers' tar streams, the lowest first.
    pub fn layers(&self) -> &[Digest] {
        &self.document.rootfs.diff_ids
    }

    /// When it was made, nanoseconds since 1970; 0 if it does not say.
    pub fn created_nanos(&self) -> i64 {
        self.document.created_nanos()
    }

    /// Its names with tags, as people write them.
    pub fn tags(&self) -> Vec<String> {
        let tagged = self.names.iter().filter(|name| name.digest().is_none());
        tagged.map(Reference::familiar).collect()
    }

    /// Its names with digests.
    pub fn digests(&self) -> Vec<String> {
        let by_digest = self.names.iter().filter(|name| name.digest().is_some());
        by_digest.map(Reference::familiar).collect()
    }

    /// An event about it, with its labels among the attributes, as Docker has it.
    fn fact(&self, action: &str, name: impl Into<String>) -> Fact {
        let labels = self.defaults.labels.iter().flatten();
        Fact::new(Type::Image, action, self.id.as_str())
            .with_all(labels.map(|(key, value)| (key.clone(), value.clone())))
            .with("name", name)
    }
}

/// All images of a daemon. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Images(Arc<Inner>);

struct Inner {
    journal: Journal,
    content: Content,
    snapshots: Snapshots,
    index: RwLock<Index>,
    /// Held while images, names or layers change.
    lock: task::Mutex<()>,
    boot: String,
}

impl Images {
    /// Finds an image by `name:tag`, id, beginning of an id, or digest. Docker's words if there is none.
    pub fn resolve(&self, name: &str) -> Result<Arc<Image>> {
        self.read().resolve(name)
    }

    /// The image with this id.
    pub fn get(&self, id: &ImageId) -> Result<Arc<Image>> {
        self.read().get(id).cloned().ok_or_else(|| index::not_found(id.as_str()))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.read().images().count()
    }

    /// Where trees are kept.
    pub fn snapshots(&self) -> &Snapshots {
        &self.0.snapshots
    }

    /// Brings an image from a registry.
    pub async fn pull(&self, name: &str) -> Result<()> {
        let reference = Reference::parse(name)?.or_latest();
        Err(Error::unimplemented(format!(
            "cannot pull {reference}: registries are not supported yet, use `docker load` or `docker import`"
        )))
    }

    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.0.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Index> {
        self.0.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}
