//! What a start finds: records into memory, and away with what belongs to nothing. Folders of images are
//! not read.

use super::record::{ImageRecord, LayerRecord, NameRecord};
use super::{Image, Images, Index, Inner};
use crate::content::Content;
use crate::event::Journal;
use crate::snapshot::{Kind, Snapshots};
use crate::store::Record;
use crate::task;
use shared::error::{Context, Result};
use shared::id::Digest;
use shared::reference::Reference;
use std::collections::HashSet;
use std::sync::{Arc, RwLock};

impl Images {
    /// Reads what is stored. A broken record is reported and passed over.
    pub async fn open(journal: Journal, content: Content, snapshots: Snapshots) -> Result<Self> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .context("read the boot id")?
            .trim()
            .to_owned();
        let mut index = Index::default();
        read_layers(&journal, &snapshots, &mut index).await?;
        read_images(&journal, &mut index).await?;
        read_names(&journal, &mut index).await?;
        let images = Self(Arc::new(Inner {
            journal,
            content,
            snapshots,
            index: RwLock::new(index),
            lock: task::Mutex::new(()),
            boot,
        }));
        images.verify_unsettled().await?;
        images.collect().await?;
        images.collect_blobs().await?;
        Ok(images)
    }

    async fn collect_blobs(&self) -> Result<()> {
        let marked: HashSet<Digest> = self.read().images().map(|i| i.id.clone()).collect();
        let content = self.0.content.clone();
        task::blocking("collect blobs", move || content.collect(&marked)).await?;
        Ok(())
    }
}

async fn records<R: Record>(journal: &Journal) -> Result<Vec<(String, R)>> {
    let mut good = Vec::new();
    for (key, record) in journal.store().all::<R>().await? {
        match record {
            Ok(record) => good.push((key, record)),
            Err(error) => {
                tracing::error!(table = R::TABLE, %key, %error, "a record is broken");
            }
        }
    }
    Ok(good)
}

async fn read_layers(journal: &Journal, snapshots: &Snapshots, index: &mut Index) -> Result<()> {
    for (key, layer) in records::<LayerRecord>(journal).await? {
        let digest = Digest::parse(&key);
        match (digest, snapshots.stat(&key)) {
            (Ok(digest), Some(_)) => index.add_layer(digest, layer),
            _ => tracing::error!(%key, "a layer has no folder"),
        }
    }
    for (name, snapshot) in snapshots.walk() {
        let is_known = Digest::parse(&name).is_ok_and(|digest| index.layer(&digest).is_some());
        if snapshot.kind == Kind::Layer && !is_known {
            tracing::warn!(%name, "removing a layer without a record");
            snapshots.remove(&name).await?;
        }
    }
    Ok(())
}

async fn read_images(journal: &Journal, index: &mut Index) -> Result<()> {
    for (key, record) in records::<ImageRecord>(journal).await? {
        let sizes: Option<Vec<u64>> = record
            .document
            .rootfs
            .diff_ids
            .iter()
            .map(|digest| index.layer(digest).map(|layer| layer.content_bytes))
            .collect();
        match (Digest::parse(&format!("{}:{key}", Digest::ALGORITHM)), sizes) {
            (Ok(id), Some(sizes)) => {
                let size = sizes.iter().sum();
                index.add(Image::new(id, record.document, record.parent, record.added_nanos, size));
            }
            _ => tracing::error!(%key, "an image lacks a layer and is not shown"),
        }
    }
    Ok(())
}

async fn read_names(journal: &Journal, index: &mut Index) -> Result<()> {
    for (key, record) in records::<NameRecord>(journal).await? {
        match Reference::parse(&key) {
            Ok(name) if index.get(&record.image).is_some() => index.name(name, &record.image),
            _ => {
                tracing::error!(%key, image = %record.image, "a name of an image that is not here")
            }
        }
    }
    Ok(())
}
