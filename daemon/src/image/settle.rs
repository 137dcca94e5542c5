//! Layers and power loss. Whoever adds an image is answered when its files are on disk, too, or when the
//! disk has taken so long that its records alone must do. A layer that was not known to be on disk when
//! its boot ended is verified at the next start against its digest, and given up if it is damaged.

use super::Images;
use super::record::LayerRecord;
use super::save::Sink;
use crate::snapshot::Snapshots;
use crate::store::{Durability, Tx};
use crate::{limits, task};
use shared::error::{Context, Result};
use shared::id::Digest;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

impl Images {
    /// Waits until layers are on disk, and notes it. A disk that is busy with others for longer than
    /// [`limits::SETTLE`] is no error: the rest goes on in the background.
    pub(super) async fn settle(&self, layers: Vec<Digest>) -> Result<()> {
        if layers.is_empty() {
            return Ok(());
        }
        let images = self.clone();
        let work = task::spawn("settle layers", async move { images.settle_now(layers).await });
        match task::timeout(limits::SETTLE, "layers to reach the disk", work).await {
            Ok(settled) => settled?,
            Err(late) => {
                tracing::warn!(%late, "an image is answered for before it is on disk");
                Ok(())
            }
        }
    }

    /// The same behind the caller's back.
    fn settle_behind(&self, layers: Vec<Digest>) {
        let images = self.clone();
        task::spawn("settle layers", async move {
            if let Err(error) = images.settle(layers).await {
                tracing::error!(%error, "cannot bring layers to disk; the next boot verifies them");
            }
        })
        .detach();
    }

    async fn settle_now(&self, layers: Vec<Digest>) -> Result<()> {
        let root = self.0.snapshots.driver().root().to_owned();
        task::blocking("bring layers to disk", move || sync(&root)).await?;
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
        self.settle_behind(good);
        // Layers of this boot whose settling a crash cut short.
        let rest: Vec<Digest> = {
            let index = self.read();
            let layers = index.layers().filter(|(_, l)| l.unsettled.as_ref() == Some(&self.0.boot));
            layers.map(|(digest, _)| digest.clone()).collect()
        };
        self.settle_behind(rest);
        Ok(())
    }

    /// Removes the images that have a damaged layer. The layer goes with them, or with the last container
    /// that stands on it; until then it is not used, and loading the image again replaces it.
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
        self.write().damage(digest);
        Ok(())
    }
}

fn sync(root: &Path) -> Result<()> {
    let folder = File::open(root).with_context(|| format!("open {}", root.display()))?;
    nix::unistd::syncfs(folder).with_context(|| format!("sync {}", root.display()))
}

/// Brings layers to disk while the next ones are still being read, so that there is little left to wait
/// for at the end. A failure is told there.
pub struct Early {
    root: PathBuf,
    is_busy: Arc<AtomicBool>,
}

impl Early {
    /// For layers of these snapshots.
    pub fn new(snapshots: &Snapshots) -> Self {
        Self { root: snapshots.driver().root().to_owned(), is_busy: Arc::default() }
    }

    /// Begins, unless it is still at it.
    pub fn begin(&self) {
        if self.is_busy.swap(true, Ordering::AcqRel) {
            return;
        }
        let (root, is_busy) = (self.root.clone(), self.is_busy.clone());
        let work = move || {
            if let Err(error) = sync(&root) {
                tracing::debug!(%error, "layers are not brought to disk early");
            }
            is_busy.store(false, Ordering::Release);
        };
        task::spawn("bring layers to disk early", task::blocking("sync early", work)).detach();
    }
}
