//! `docker import`: a root filesystem as a tar stream becomes an image of one layer.

use super::add::{Addition, Fresh};
use super::document::{Document, History};
use super::unpack::{Target, unpack};
use super::{Image, Images, instruction};
use crate::task;
use shared::error::{Context, Result};
use shared::reference::Reference;
use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

/// What an import is asked for.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// Repository and tag; an empty repository leaves the image without a name.
    pub repository: String,
    /// The tag; empty for `latest`.
    pub tag: String,
    /// A remark for the history.
    pub message: String,
    /// Dockerfile instructions, applied to an empty configuration.
    pub changes: Vec<String>,
    /// `os/architecture`, if it is not this machine's.
    pub platform: Option<String>,
}

impl Images {
    /// Imports a tar stream, compressed or not; it is read on a blocking thread.
    pub async fn import(
        &self,
        input: impl Read + Send + 'static,
        asked: Import,
    ) -> Result<Arc<Image>> {
        let mut document = Document::now();
        let config = document.config.get_or_insert_default();
        instruction::apply(&asked.changes, config)?;
        let names = match asked.repository.as_str() {
            "" => Vec::new(),
            repository => vec![Reference::from_parts(repository, &asked.tag)?],
        };
        if let Some((os, architecture)) = asked.platform.as_deref().and_then(|p| p.split_once('/'))
        {
            document.os = os.to_owned();
            document.architecture = architecture.split('/').next().unwrap_or_default().to_owned();
        }
        let fresh = self.unpack(input).await?;
        let digest = fresh.unpacked.diff_id.clone();
        document.comment = Some(asked.message.clone()).filter(|m| !m.is_empty());
        document.rootfs.diff_ids.push(digest.clone());
        document.history.push(History {
            created: document.created.clone(),
            comment: document.comment.clone().or(Some("Imported from -".to_owned())),
            ..History::default()
        });
        let document = serde_json::to_vec(&document).context("write a configuration")?;
        let addition = Addition { document, names, parent: None, action: Some("import") };
        self.add(addition, &mut HashMap::from([(digest, fresh)])).await
    }

    /// Unpacks one layer.
    pub(super) async fn unpack(&self, input: impl Read + Send + 'static) -> Result<Fresh> {
        let snapshots = self.0.snapshots.clone();
        let work = move || {
            let draft = snapshots.draft()?;
            let whiteouts = snapshots.driver().whiteouts();
            let target = Target { folder: draft.folder(), whiteouts };
            let unpacked = unpack(input, &target)?;
            Ok(Fresh { draft, unpacked })
        };
        task::blocking("unpack a layer", work).await
    }
}
