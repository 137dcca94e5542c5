//! `docker load`: every image of an archive, docker's or an OCI layout.

use super::add::Addition;
use super::archive::{self, Archive};
use super::document::Document;
use super::manifest::{self, Entry};
use super::step::{Progress, Step};
use super::{Image, Images};
use crate::task;
use shared::error::{Context, Error, Result};
use shared::reference::Reference;
use std::io::Read;
use std::sync::{Arc, Mutex};

impl Images {
    /// Adds all images of an archive; `input` is read on a blocking thread. Says what was loaded in
    /// Docker's words.
    pub async fn load(
        &self,
        input: impl Read + Send + 'static,
        progress: Progress,
    ) -> Result<Vec<Arc<Image>>> {
        let images = self.clone();
        let read = move || {
            let mut progress = progress;
            let is_known = |digest: &_| images.read().layer(digest).is_some();
            let archive = archive::read(input, &images.0.snapshots, &is_known, &mut progress)?;
            let entries = manifest::entries(&archive.documents)?;
            Ok::<_, Error>((archive, entries, progress))
        };
        let (mut archive, entries, progress) =
            task::blocking("read an image archive", read).await?;
        let progress = Arc::new(Mutex::new(progress));
        let mut loaded = Vec::new();
        for entry in entries {
            let addition = addition(&archive, &entry)?;
            let names = addition.names.clone();
            let replaced = self.replaced(&names);
            let image = self.add(addition, &mut archive.fresh).await?;
            let lines = lines(&image, &names, replaced);
            let progress = progress.clone();
            let tell = move || {
                let mut progress =
                    progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                lines.into_iter().for_each(|line| progress(Step::Line(line)));
            };
            task::blocking("tell what was loaded", tell).await;
            loaded.push(image);
        }
        Ok(loaded)
    }

    fn replaced(&self, names: &[Reference]) -> Vec<(Reference, Arc<Image>)> {
        let index = self.read();
        let image = |name: &Reference| {
            let image = index.named(name).and_then(|id| index.get(id))?;
            Some((name.clone(), image.clone()))
        };
        names.iter().filter_map(image).collect()
    }
}

fn lines(
    image: &Image,
    names: &[Reference],
    replaced: Vec<(Reference, Arc<Image>)>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, old) in replaced.into_iter().filter(|(_, old)| old.id != image.id) {
        let old = &old.id;
        lines.push(format!(
            "The image {name} already exists, renaming the old one with ID {old} to empty string"
        ));
    }
    if names.is_empty() {
        lines.push(format!("Loaded image ID: {}", image.id));
    }
    lines.extend(names.iter().map(|name| format!("Loaded image: {name}")));
    lines
}

/// Checks that the layers are those of the configuration.
fn addition(archive: &Archive, entry: &Entry) -> Result<Addition> {
    let config = archive.follow(&entry.config);
    let document = archive.documents.get(config).ok_or_else(|| missing(&entry.config))?;
    let diff_ids =
        Document::parse(document).with_context(|| format!("read {config}"))?.rootfs.diff_ids;
    if diff_ids.len() != entry.layers.len() {
        let (listed, wanted) = (entry.layers.len(), diff_ids.len());
        return Err(Error::invalid(format!(
            "invalid manifest, layers length mismatch: expected {wanted}, got {listed}"
        )));
    }
    for (number, (path, expected)) in entry.layers.iter().zip(&diff_ids).enumerate() {
        let found = archive.layers.get(archive.follow(path)).ok_or_else(|| missing(path))?;
        if found != expected {
            return Err(Error::invalid(format!(
                "invalid diffID for layer {number}: expected {:?}, got {:?}",
                expected.as_str(),
                found.as_str()
            )));
        }
    }
    let mut names = Vec::new();
    for name in &entry.names {
        let name = Reference::parse(name)?.or_latest();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(Addition { document: document.clone(), names, parent: None, action: Some("load") })
}

fn missing(path: &str) -> Error {
    Error::invalid(format!("the archive lacks {path}"))
}
