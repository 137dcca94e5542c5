//! The trees of containers: made of an image, mounted by others, measured, compared and released.

use super::Images;
use super::changes;
use crate::snapshot::{Access, Change, Content, Given, Kind, Snapshot, Usage};
use crate::task;
use crate::{image::Image, limits};
use shared::error::{Error, Result};
use shared::id::{ContainerId, Digest, ImageId};
use shared::kernel::detached::detached;
use shared::shim::Mount;
use std::collections::{BTreeMap, HashSet};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

/// The label that names a tree's image.
const IMAGE: &str = "image";

/// What programs look for in every container, as Docker gives it: the mark by which they know that they
/// are in one, and the list of mounts at its old place.
const GIVEN: &[Given] = &[
    Given { path: ".dockerenv", content: Content::Empty(0o755) },
    Given { path: "etc/mtab", content: Content::Link("/proc/mounts") },
];

/// Where the parts of a container's tree are.
#[derive(Clone, Debug)]
pub struct Layers {
    /// What the container has changed.
    pub upper: PathBuf,
    /// Its image's layers, the lowest first.
    pub lower: Vec<PathBuf>,
}

impl Images {
    /// Makes the writable tree of a container. A 404 if the image was removed meanwhile, and from then
    /// on the image's layers stay until [`Images::release`].
    pub async fn prepare(&self, image: &Image, container: &ContainerId) -> Result<()> {
        if image.layers().len() > limits::LAYERS {
            return Err(Error::invalid("the image has too many layers"));
        }
        let _guard = self.0.lock.lock().await;
        let image = self.get(&image.id)?;
        let lower = image.layers().iter().map(|digest| digest.as_str().to_owned()).collect();
        let labels = BTreeMap::from([(IMAGE.to_owned(), image.id.as_str().to_owned())]);
        let snapshots = &self.0.snapshots;
        snapshots.prepare(container.as_str(), lower, Access::ReadWrite, labels, GIVEN).await
    }

    /// How to mount a container's tree; an error if a loss of power has damaged it.
    pub fn rootfs(&self, container: &ContainerId) -> Result<Vec<Mount>> {
        let snapshot = self.0.snapshots.stat(container.as_str());
        for layer in snapshot.iter().flat_map(|snapshot| &snapshot.lower) {
            if Digest::parse(layer).is_ok_and(|digest| self.read().is_damaged(&digest)) {
                return Err(Error::internal(format!(
                    "layer {layer} of the container's image is damaged: load the image again"
                )));
            }
        }
        self.0.snapshots.mounts(container.as_str())
    }

    /// A stopped container's tree as a descriptor that is mounted nowhere. Blocking. Nobody may start the
    /// container as long as it is open.
    pub fn open_root(&self, container: &ContainerId) -> Result<OwnedFd> {
        detached(&self.rootfs(container)?, self.0.snapshots.scratch())
    }

    /// Removes a container's tree; one that does not exist is fine. Layers that only it kept go, too.
    pub async fn release(&self, container: &ContainerId) -> Result<()> {
        let image = self.0.snapshots.stat(container.as_str()).and_then(|s| image_of(&s));
        self.0.snapshots.remove(container.as_str()).await?;
        if image.is_some_and(|id| self.get(&id).is_err()) {
            self.collect().await?;
        }
        Ok(())
    }

    /// What a container has written.
    pub async fn usage(&self, container: &ContainerId) -> Result<Usage> {
        let (snapshots, name) = (self.0.snapshots.clone(), container.as_str().to_owned());
        task::blocking("measure a container", move || snapshots.usage(&name, GIVEN)).await
    }

    /// How a container's tree differs from its image, without what the engine put there.
    pub async fn changes(&self, container: &ContainerId) -> Result<Vec<Change>> {
        let (snapshots, name) = (self.0.snapshots.clone(), container.as_str().to_owned());
        let changed = task::blocking("compare a container", move || snapshots.changes(&name)).await;
        changed.map(changes::visible)
    }

    /// Where the parts of a container's tree are.
    pub fn layers(&self, container: &ContainerId) -> Result<Layers> {
        let snapshots = &self.0.snapshots;
        let upper = snapshots.files(container.as_str())?;
        let snapshot = snapshots.stat(container.as_str());
        let names = snapshot.iter().flat_map(|s| &s.lower);
        let lower = names.map(|name| snapshots.files(name)).collect::<Result<_>>()?;
        Ok(Layers { upper, lower })
    }

    /// At start, once all containers are known: removes trees that belong to none of them.
    pub async fn retain(&self, containers: &HashSet<ContainerId>) -> Result<()> {
        for (name, snapshot) in self.0.snapshots.walk() {
            let is_known = ContainerId::parse(&name).is_ok_and(|id| containers.contains(&id));
            if snapshot.kind != Kind::Layer && !is_known {
                tracing::info!(%name, "removing the tree of a container that is gone");
                self.0.snapshots.remove(&name).await?;
            }
        }
        self.collect().await
    }

    /// The containers that have a tree of this image.
    pub fn users(&self, image: &ImageId) -> Vec<ContainerId> {
        let all = self.0.snapshots.walk().into_iter();
        let users = all.filter(|(_, snapshot)| image_of(snapshot).as_ref() == Some(image));
        users.filter_map(|(name, _)| ContainerId::parse(&name).ok()).collect()
    }
}

fn image_of(snapshot: &Arc<Snapshot>) -> Option<ImageId> {
    ImageId::parse(snapshot.labels.get(IMAGE)?).ok()
}
