//! The one way in: an image, its new layers, its names and the events become known in one transaction.
//! Until then a crash leaves folders without records, which the next start removes.

use super::document::Document;
use super::record::{ImageRecord, LayerRecord, NameRecord};
use super::unpack::Unpacked;
use super::{Image, Images};
use crate::event::{self, Fact};
use crate::snapshot::{Draft, Snapshot};
use crate::store::{Durability, Tx};
use crate::{limits, task};
use shared::error::{Error, Result};
use shared::id::{Digest, ImageId};
use shared::reference::Reference;
use std::collections::HashMap;
use std::sync::Arc;

/// A layer that was unpacked and is not known yet.
pub struct Fresh {
    /// Its folder.
    pub draft: Draft,
    /// What came out of its stream.
    pub unpacked: Unpacked,
}

/// An image to be added.
pub struct Addition {
    /// Its configuration, byte for byte.
    pub document: Vec<u8>,
    /// Names that it gets.
    pub names: Vec<Reference>,
    /// What it was made from.
    pub parent: Option<ImageId>,
    /// The event's action: `load`, `import`; none for a commit, which is the container's event.
    pub action: Option<&'static str>,
}

/// Records of one transaction, kept until it has succeeded.
#[derive(Clone)]
struct Records {
    image: (ImageId, ImageRecord),
    layers: Vec<(Digest, LayerRecord, Snapshot)>,
    names: Vec<(Reference, NameRecord)>,
}

impl Records {
    fn put(&self, tx: &mut Tx<'_>) -> Result<()> {
        for (digest, layer, snapshot) in &self.layers {
            tx.put(digest.as_str(), layer)?;
            tx.put(digest.as_str(), snapshot)?;
        }
        for (name, record) in &self.names {
            tx.put(&name.canonical(), record)?;
        }
        tx.put(self.image.0.digits(), &self.image.1)
    }
}

impl Images {
    /// Adds an image, on disk when this returns; layers that it needs are taken out of `fresh`. Adding one that is here already
    /// only gives it the names.
    pub(super) async fn add(
        &self,
        addition: Addition,
        fresh: &mut HashMap<Digest, Fresh>,
    ) -> Result<Arc<Image>> {
        let document = Document::parse(&addition.document)?;
        let guard = self.0.lock.lock().await;
        let layers = self.layers_of(&document, fresh)?;
        let (content, bytes) = (self.0.content.clone(), addition.document.clone());
        let id = task::blocking("store a configuration", move || content.put(&bytes)).await?;

        let now = event::now_nanos();
        let before = self.read().get(&id).cloned();
        let record = ImageRecord {
            document,
            parent: before.as_ref().map_or(addition.parent, |image| image.parent.clone()),
            added_nanos: before.map_or(now, |image| image.added_nanos),
        };
        let name =
            |name: &Reference| (name.clone(), NameRecord { image: id.clone(), tagged_nanos: now });
        let names = addition.names.iter().map(name).collect();
        let records = Records { image: (id.clone(), record), layers, names };
        let facts = self.facts(&records, addition.action);
        let stored = records.clone();
        let put = move |tx: &mut Tx<'_>| stored.put(tx);
        self.0.journal.commit(Durability::Immediate, None, facts, put).await?;
        let unsettled = self.publish(records, fresh);
        let image = self.get(&id);
        drop(guard);
        self.settle(unsettled).await?;
        image
    }

    fn layers_of(
        &self,
        document: &Document,
        fresh: &HashMap<Digest, Fresh>,
    ) -> Result<Vec<(Digest, LayerRecord, Snapshot)>> {
        let wanted = &document.rootfs.diff_ids;
        if wanted.len() > limits::LAYERS {
            let (count, limit) = (wanted.len(), limits::LAYERS);
            return Err(Error::invalid(format!(
                "the image has {count} layers, {limit} is the limit"
            )));
        }
        let index = self.read();
        let mut new: Vec<(Digest, LayerRecord, Snapshot)> = Vec::new();
        for digest in wanted {
            if index.layer(digest).is_some() || new.iter().any(|(known, ..)| known == digest) {
                continue;
            }
            let Some(layer) = fresh.get(digest) else {
                return Err(Error::invalid(format!("layer {digest} is missing")));
            };
            let unpacked = &layer.unpacked;
            let record = LayerRecord {
                tar_bytes: unpacked.tar_bytes,
                content_bytes: unpacked.content_bytes,
                displaced: unpacked.displaced.clone(),
                unsettled: Some(self.0.boot.clone()),
            };
            new.push((digest.clone(), record, layer.draft.record(unpacked.content_bytes)));
        }
        Ok(new)
    }

    fn facts(&self, records: &Records, action: Option<&'static str>) -> Vec<Fact> {
        let (id, record) = &records.image;
        let image = Image::new(id.clone(), record.document.clone(), None, 0, 0);
        let mut facts = Vec::new();
        facts.extend(action.map(|action| image.fact(action, id.as_str())));
        // Docker tells of names given by import and commit, not of those that a loaded archive has.
        if action != Some("load") {
            let tags = records.names.iter().map(|(name, _)| image.fact("tag", name.familiar()));
            facts.extend(tags);
        }
        facts
    }

    /// Makes known what is stored; gives the layers that may not be on disk yet.
    fn publish(&self, records: Records, fresh: &mut HashMap<Digest, Fresh>) -> Vec<Digest> {
        let mut unsettled = Vec::new();
        for (digest, layer, snapshot) in records.layers {
            if let Some(Fresh { draft, .. }) = fresh.remove(&digest) {
                self.0.snapshots.adopt(draft, digest.as_str(), snapshot);
            }
            self.write().add_layer(digest.clone(), layer);
            unsettled.push(digest);
        }
        let (id, record) = records.image;
        let mut index = self.write();
        if index.get(&id).is_none() {
            let layers = record.document.rootfs.diff_ids.iter();
            let size = layers.filter_map(|d| index.layer(d)).map(|l| l.content_bytes).sum();
            index.add(Image::new(
                id.clone(),
                record.document,
                record.parent,
                record.added_nanos,
                size,
            ));
        }
        for (name, _) in records.names {
            index.name(name, &id);
        }
        unsettled
    }
}
