//! `docker commit`: what a container has changed becomes a layer on top of its image.
//!
//! The changes are packed as an archive and unpacked like any other, in one pass, so a committed layer has
//! its digest from the start. Whether the container is paused meanwhile is the caller's business.

use super::add::Addition;
use super::document::{Document, History};
use super::{Image, Images, instruction, pack};
use crate::task;
use shared::docker::ImageConfig;
use shared::error::{Context, Error, Result};
use shared::id::ContainerId;
use shared::reference::Reference;
use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsFd;
use std::sync::Arc;

/// What a commit is asked for.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Repository; empty leaves the image without a name.
    pub repository: String,
    /// The tag; empty for `latest`.
    pub tag: String,
    /// A remark for the history.
    pub comment: String,
    /// Who makes it.
    pub author: String,
    /// Dockerfile instructions, applied to `config`.
    pub changes: Vec<String>,
    /// The container's configuration as far as images have it.
    pub config: ImageConfig,
    /// The command that the container ran, for the history.
    pub created_by: String,
}

impl Images {
    /// Makes an image of a container. The tree must exist; `base` is the image that it was made of.
    pub async fn commit(
        &self,
        container: &ContainerId,
        base: Option<&Image>,
        asked: Commit,
    ) -> Result<Arc<Image>> {
        let names = match asked.repository.as_str() {
            "" => Vec::new(),
            repository => vec![Reference::from_parts(repository, &asked.tag)?],
        };
        let mut config = asked.config;
        instruction::apply(&asked.changes, &mut config)?;
        let changes = self.changes(container).await?;
        let (reader, mut writer) = std::io::pipe().context("make a pipe")?;
        let upper = self.layers(container)?.upper;
        let packing = task::spawn("pack a commit", async move {
            let pack = move || {
                let root =
                    File::open(&upper).with_context(|| format!("open {}", upper.display()))?;
                pack::changes(root.as_fd(), &changes, &mut writer)
            };
            task::blocking("pack a commit", pack).await
        });
        let fresh = self.unpack(reader).await;
        let packed = packing.await?;
        // The packer's error is the cause of the unpacker's, unless it is that nobody reads any more.
        if !packed.as_ref().is_err_and(is_broken_pipe) {
            packed?;
        }
        let fresh = fresh?;

        let digest = fresh.unpacked.diff_id.clone();
        let mut document = Document { config: Some(config), ..Document::now() };
        if let Some(base) = base {
            document.architecture = base.document.architecture.clone();
            document.os = base.document.os.clone();
            document.history = base.document.history.clone();
        }
        document.rootfs.diff_ids = self.base_layers(container)?;
        document.rootfs.diff_ids.push(digest.clone());
        document.author = Some(asked.author).filter(|author| !author.is_empty());
        document.comment = Some(asked.comment).filter(|comment| !comment.is_empty());
        document.history.push(History {
            created: document.created.clone(),
            created_by: Some(asked.created_by),
            author: document.author.clone(),
            comment: document.comment.clone(),
            empty_layer: None,
        });
        let document = serde_json::to_vec(&document).context("write a configuration")?;
        let parent = base.map(|image| image.id.clone());
        let addition = Addition { document, names, parent, action: None };
        self.add(addition, &mut HashMap::from([(digest, fresh)])).await
    }

    /// The layers below a container's tree, which outlive its image.
    fn base_layers(&self, container: &ContainerId) -> Result<Vec<shared::id::Digest>> {
        let snapshot = self.0.snapshots.stat(container.as_str());
        let lower = snapshot.iter().flat_map(|snapshot| &snapshot.lower);
        lower.map(|name| shared::id::Digest::parse(name)).collect()
    }
}

fn is_broken_pipe(error: &Error) -> bool {
    let cause = error.find::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
