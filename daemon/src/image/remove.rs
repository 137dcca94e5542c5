//! Removing names and images by Docker's rules, and the layers that nothing needs any more.
//!
//! The records go first, in one transaction with the events; the folders then wait in the trash.

use super::record::{ImageRecord, LayerRecord, NameRecord};
use super::{Image, Images};
use crate::event::Fact;
use crate::snapshot::Snapshot;
use crate::store::{Durability, Tx};
use shared::error::{Error, Result};
use shared::id::{ContainerId, Digest, ImageId};
use shared::reference::Reference;
use std::collections::HashSet;
use std::sync::Arc;

/// Whether soft conflicts count: stopped containers, and several names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// They do.
    No,
    /// They do not.
    Yes,
}

/// What becomes of nameless images that the removed one was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parents {
    /// They go, too, where nothing needs them.
    Prune,
    /// They stay.
    Keep,
}

/// One thing that was done, as Docker's reply lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// A name was taken away.
    Untagged(String),
    /// An image, or a layer by its chain id, was deleted.
    Deleted(String),
}

/// Why an image cannot go.
struct Obstacle {
    reason: String,
    how: &'static str,
}

/// Removal in progress.
struct Removal<'a> {
    force: Force,
    is_running: &'a (dyn Fn(&ContainerId) -> bool + Sync),
    done: Vec<Removed>,
}

impl Images {
    /// Removes a name, and the image with its last one; or, by id, the image with its names.
    /// `is_running` tells of a container whether it runs.
    pub async fn remove(
        &self,
        text: &str,
        force: Force,
        parents: Parents,
        is_running: &(dyn Fn(&ContainerId) -> bool + Sync),
    ) -> Result<Vec<Removed>> {
        let _guard = self.0.lock.lock().await;
        self.remove_locked(text, force, parents, is_running).await
    }

    pub(super) async fn remove_locked(
        &self,
        text: &str,
        force: Force,
        parents: Parents,
        is_running: &(dyn Fn(&ContainerId) -> bool + Sync),
    ) -> Result<Vec<Removed>> {
        let image = self.resolve(text)?;
        let mut removal = Removal { force, is_running, done: Vec::new() };
        let by_id = image.id.as_str().starts_with(text) || image.id.digits().starts_with(text);
        let mut names = image.names.clone();
        if by_id {
            let obstacle = self.obstacle(&image, &removal, is_one_repository(&names));
            if let Some(obstacle) = obstacle {
                return Err(conflict(&image.id, &obstacle));
            }
        } else {
            if force == Force::No && is_one_repository(&names) {
                self.check_last_name(text, &image)?;
            }
            let name = Reference::parse(text)?.or_latest();
            names.retain(|other| *other != name);
            let is_left = |other: &Reference| {
                other.digest().is_none() || other.repository() != name.repository()
            };
            let is_last = !names.iter().any(is_left);
            // The name is gone in any case; that the image must stay then is no error.
            if !is_last || self.obstacle(&image, &removal, true).is_some() {
                let gone: Vec<Reference> =
                    image.names.iter().filter(|n| is_last || **n == name).cloned().collect();
                self.untag(&image, &gone, &mut removal).await?;
                return Ok(removal.done);
            }
        }
        self.delete(&image, &mut removal).await?;
        if parents == Parents::Prune {
            self.prune_parents(image.parent.clone(), &mut removal).await?;
        }
        Ok(removal.done)
    }

    async fn prune_parents(
        &self,
        mut next: Option<ImageId>,
        removal: &mut Removal<'_>,
    ) -> Result<()> {
        removal.force = Force::No;
        while let Some(parent) = next.and_then(|id| self.get(&id).ok()) {
            if !parent.names.is_empty() || self.obstacle(&parent, removal, true).is_some() {
                break;
            }
            self.delete(&parent, removal).await?;
            next = parent.parent.clone();
        }
        Ok(())
    }

    fn check_last_name(&self, text: &str, image: &Image) -> Result<()> {
        let Some(user) = self.users(&image.id).into_iter().next() else { return Ok(()) };
        Err(Error::conflict(format!(
            "conflict: unable to remove repository reference {text:?} (must force) - container {} \
             is using its referenced image {}",
            user.short(),
            image.id.short()
        )))
    }

    /// What stands against deleting an image, the hard obstacles first. `names_go` says that its names
    /// are being taken away anyway.
    fn obstacle(&self, image: &Image, removal: &Removal<'_>, names_go: bool) -> Option<Obstacle> {
        let hard = |reason| Some(Obstacle { reason, how: "cannot be forced" });
        let soft = |reason| Some(Obstacle { reason, how: "must be forced" });
        if self.read().has_children(&image.id) {
            return hard("image has dependent child images".to_owned());
        }
        let users = self.users(&image.id);
        if let Some(user) = users.iter().find(|user| (removal.is_running)(user)) {
            return hard(format!("image is being used by running container {}", user.short()));
        }
        if removal.force == Force::Yes {
            return None;
        }
        if !names_go {
            return soft("image is referenced in multiple repositories".to_owned());
        }
        let user = users.first()?.short();
        soft(format!("image is being used by stopped container {user}"))
    }

    async fn untag(
        &self,
        image: &Image,
        names: &[Reference],
        removal: &mut Removal<'_>,
    ) -> Result<()> {
        let keys: Vec<String> = names.iter().map(Reference::canonical).collect();
        let facts = names.iter().map(|_| image.fact("untag", image.id.as_str())).collect();
        let delete =
            move |tx: &mut Tx<'_>| keys.iter().try_for_each(|key| tx.delete::<NameRecord>(key));
        self.0.journal.commit(Durability::Immediate, None, facts, delete).await?;
        for name in names {
            self.write().unname(name);
            removal.done.push(Removed::Untagged(name.familiar()));
        }
        Ok(())
    }

    /// Deletes an image with all its names and the layers that only it had.
    async fn delete(&self, image: &Arc<Image>, removal: &mut Removal<'_>) -> Result<()> {
        for name in &image.names {
            removal.done.push(Removed::Untagged(name.familiar()));
        }
        removal.done.push(Removed::Deleted(image.id.as_str().to_owned()));
        let freed = self.forget(image).await?;
        let chains = chain_ids(image.layers());
        for (digest, chain) in image.layers().iter().zip(&chains).rev() {
            if freed.contains(digest) {
                removal.done.push(Removed::Deleted(chain.as_str().to_owned()));
            }
        }
        Ok(())
    }

    /// Takes an image out of the store and memory; gives the layers that went with it.
    pub(super) async fn forget(&self, image: &Arc<Image>) -> Result<HashSet<Digest>> {
        let mut facts: Vec<Fact> =
            image.names.iter().map(|_| image.fact("untag", image.id.as_str())).collect();
        facts.push(image.fact("delete", image.id.as_str()));
        let unused = self.unused_layers(Some(&image.id));
        let names: Vec<String> = image.names.iter().map(Reference::canonical).collect();
        let (id, layers) = (image.id.digits().to_owned(), unused.clone());
        let delete = move |tx: &mut Tx<'_>| {
            tx.delete::<ImageRecord>(&id)?;
            names.iter().try_for_each(|name| tx.delete::<NameRecord>(name))?;
            delete_layers(tx, &layers)
        };
        self.0.journal.commit(Durability::Immediate, None, facts, delete).await?;
        self.write().remove(&image.id);
        self.throw_away(&unused);
        if let Err(error) = self.0.content.delete(&image.id) {
            tracing::warn!(%error, "a configuration stays until the next start");
        }
        Ok(unused)
    }

    /// Removes layers that neither an image nor a container needs.
    pub(super) async fn collect(&self) -> Result<()> {
        let unused = self.unused_layers(None);
        if unused.is_empty() {
            return Ok(());
        }
        let layers = unused.clone();
        let delete = move |tx: &mut Tx<'_>| delete_layers(tx, &layers);
        self.0.journal.store().commit(Durability::Eventual, None, delete).await?;
        self.throw_away(&unused);
        Ok(())
    }

    fn unused_layers(&self, without: Option<&ImageId>) -> HashSet<Digest> {
        let index = self.read();
        let mut unused: HashSet<Digest> =
            index.layers().map(|(digest, _)| digest.clone()).collect();
        for image in index.images().filter(|image| Some(&image.id) != without) {
            for digest in image.layers() {
                unused.remove(digest);
            }
        }
        for (_, snapshot) in self.0.snapshots.walk() {
            unused.retain(|digest| !snapshot.lower.iter().any(|lower| lower == digest.as_str()));
        }
        unused
    }

    fn throw_away(&self, layers: &HashSet<Digest>) {
        for digest in layers {
            self.write().remove_layer(digest);
            if let Some(snapshot) = self.0.snapshots.stat(digest.as_str()) {
                self.0.snapshots.forget(digest.as_str(), &snapshot);
            }
        }
    }
}

fn delete_layers(tx: &mut Tx<'_>, layers: &HashSet<Digest>) -> Result<()> {
    for digest in layers {
        tx.delete::<LayerRecord>(digest.as_str())?;
        tx.delete::<Snapshot>(digest.as_str())?;
    }
    Ok(())
}

fn conflict(id: &ImageId, obstacle: &Obstacle) -> Error {
    let Obstacle { reason, how } = obstacle;
    Error::conflict(format!("conflict: unable to delete {} ({how}) - {reason}", id.short()))
}

/// True if at most one repository has names of the image, as Docker counts: one tag, any digests.
fn is_one_repository(names: &[Reference]) -> bool {
    let tags = names.iter().filter(|name| name.digest().is_none()).count();
    let repositories: HashSet<String> = names.iter().map(Reference::repository).collect();
    tags <= 1 && repositories.len() <= 1
}

/// What Docker calls a layer by: the digest of its digest and those below it (OCI image
/// specification, "Layer ChainID").
pub fn chain_ids(layers: &[Digest]) -> Vec<Digest> {
    use sha2::Digest as _;
    let mut chains: Vec<Digest> = Vec::new();
    for layer in layers {
        chains.push(match chains.last() {
            None => layer.clone(),
            Some(below) => {
                let pair = format!("{below} {layer}");
                Digest::from_sha256(&sha2::Sha256::digest(pair).into())
            }
        });
    }
    chains
}
