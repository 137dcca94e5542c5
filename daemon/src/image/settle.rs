//! Layers and power loss. A load is answered when its records are durable, not when hundreds of megabytes
//! of files are on disk: that is awaited in the background. A layer written in a boot that ended before
//! is verified at the next start against its digest, and given up if it is damaged.

use super::Images;
use super::record::LayerRecord;
use super::save::Sink;
use crate::store::{Durability, Tx};
use crate::task;
use shared::error::{Context, Result};
use shared::id::Digest;
use std::fs::File;

impl Images {
    /// Waits in the background until layers are on disk, and notes it.
    pub(super) fn settle(&self, layers: Vec<Digest>) {
        if layers.is_empty() {
            return;
        }
        let images = self.clone();
        task::spawn("settle layers", async move {
            if let Err(error) = images.settle_now(layers).await {
                tracing::error!(%error, "cannot bring layers to disk; the next boot verifies them");
            }
        })
        .detach();
    }

    async fn settle_now(&self, layers: Vec<Digest>) -> Result<()> {
        let root = self.0.snapshots.driver().root().to_owned();
        let sync = move || {
            let folder = File::open(&root).with_context(|| format!("open {}", root.display()))?;
            nix::unistd::syncfs(folder).with_context(|| format!("sync {}", root.display()))
        };
        task::blocking("bring layers to disk", sync).await?;
        let _guard = self.0.lock.lock().await;
        for digest in layers {
            let Some(layer) = self.read().layer(&digest).cloned() else { continue };
            let settled = LayerRecord { unsettled: None, ..LayerRecord::clone(&layer) };
            let (key, record) = (digest.as_str().to_owned(), settled.clone());
            let put = move |tx: &mut Tx<'_>| tx.put(&key, &record);
            self.0.journal.store().commit(Durability::Eventual, None, put).await?;
            self.write().add_layer(digest, settled);
        }
        Ok(())
    }

    /// Verifies what an earlier boot may not have brought to disk.
    pub(super) async fn verify_unsettled(&self) -> Result<()> {
        let is_doubtful =
            |layer: &LayerRecord| layer.unsettled.as_ref().is_some_and(|boot| *boot != self.0.boot);
        let doubtful: Vec<Digest> = {
            let index = self.read();
            let layers = index.layers().filter(|(_, layer)| is_doubtful(layer));
            layers.map(|(digest, _)| digest.clone()).collect()
        };
        let mut good = Vec::new();
        for digest in doubtful {
            let (images, checked) = (self.clone(), digest.clone());
            let check = move || images.write_layer(&checked, &mut Sink);
            match task::blocking("verify a layer", check).await {
                Ok(()) => good.push(digest),
                Err(error) => self.give_up(&digest, &error.to_string()).await?,
            }
        }
        self.settle(good);
        // Layers of this boot whose settling a crash cut short.
        let rest: Vec<Digest> = {
            let index = self.read();
            let layers = index.layers().filter(|(_, l)| l.unsettled.as_ref() == Some(&self.0.boot));
            layers.map(|(digest, _)| digest.clone()).collect()
        };
        self.settle(rest);
        Ok(())
    }

    /// Removes the images that have a damaged layer; the layer itself goes with the next collection.
    async fn give_up(&self, digest: &Digest, reason: &str) -> Result<()> {
        tracing::error!(%digest, reason, "a layer did not survive the loss of power");
        let broken: Vec<_> = {
            let index = self.read();
            let has = index.images().filter(|image| image.layers().contains(digest));
            has.cloned().collect()
        };
        for image in broken {
            tracing::error!(image = %image.id, tags = ?image.tags(), "giving up an image");
            self.forget(&image).await?;
        }
        Ok(())
    }
}
