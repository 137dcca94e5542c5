//! `docker save`: images as an archive that docker, podman, skopeo and this daemon load. It is an OCI
//! layout and a docker archive at once; layers are put together from their files and checked on the way.

use super::manifest::{self, Descriptor, DockerEntry, Index, Manifest, blob_path};
use super::unpack::Target;
use super::unpack::recipe::Pieces;
use super::{Image, Images};
use crate::limits;
use sha2::{Digest as _, Sha256};
use shared::error::{Context, Error, Result};
use shared::id::Digest;
use shared::reference::Reference;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;

/// Swallows everything.
pub struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hashes and counts what it passes on.
struct Checked<'a, W> {
    out: &'a mut W,
    hasher: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Checked<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// An image that is to be saved, with the names that are wanted of it.
type Chosen = (Arc<Image>, Vec<Reference>);

impl Images {
    /// Finds what is to be saved, so that a wrong name is an error before anything is written. A name saves
    /// that name, an id the image without names, a repository all its tags.
    pub fn choose(&self, names: &[String]) -> Result<Vec<Chosen>> {
        if names.is_empty() {
            return Err(Error::invalid("no image to save is named"));
        }
        let mut chosen: Vec<Chosen> = Vec::new();
        for name in names {
            for (image, name) in self.matching(name)? {
                match chosen.iter_mut().find(|(other, _)| other.id == image.id) {
                    Some((_, names)) => names.extend(name),
                    None => chosen.push((image, name.into_iter().collect())),
                }
            }
        }
        Ok(chosen)
    }

    fn matching(&self, text: &str) -> Result<Vec<(Arc<Image>, Option<Reference>)>> {
        let reference = Reference::parse(text).ok();
        let bare = reference.clone().filter(|r| r.tag().is_none() && r.digest().is_none());
        if let Some(bare) = bare {
            let index = self.read();
            let same = |name: &&Reference| {
                (name.domain(), name.path()) == (bare.domain(), bare.path()) && name.tag().is_some()
            };
            let named = |image: &Arc<Image>| -> Vec<_> {
                let names = image.names.iter().filter(same);
                names.map(|name| (image.clone(), Some(name.clone()))).collect()
            };
            let all: Vec<_> = index.images().flat_map(named).collect();
            if !all.is_empty() {
                return Ok(all);
            }
        }
        let image = self.resolve(text)?;
        let name = reference.map(Reference::or_latest).filter(|name| image.names.contains(name));
        Ok(vec![(image, name)])
    }

    /// Writes the archive. Blocking. An error may come in the middle: the archive is useless then.
    pub fn save(&self, chosen: &[Chosen], out: &mut impl Write) -> Result<()> {
        let mut tar = Tar { out, names: HashSet::new() };
        let (mut table, mut index) = (Vec::new(), Vec::new());
        let mut repositories: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (image, names) in chosen {
            let manifest = self.save_image(image, &mut tar)?;
            table.push(DockerEntry {
                config: blob_path(&image.id),
                repo_tags: Some(names.iter().map(Reference::familiar).collect()),
                layers: Some(image.layers().iter().map(blob_path).collect()),
            });
            for name in names {
                let top = image.layers().last().unwrap_or(&image.id).digits().to_owned();
                let tag = name.tag().unwrap_or_default().to_owned();
                repositories.entry(name.repository()).or_default().insert(tag, top);
            }
            index.extend(described(&manifest, names));
        }
        tar.json("manifest.json", &table)?;
        let index =
            Index { schema_version: 2, media_type: manifest::INDEX.to_owned(), manifests: index };
        tar.json("index.json", &index)?;
        tar.file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        if !repositories.is_empty() {
            tar.json("repositories", &repositories)?;
        }
        tar.out.write_all(&[0; 1024]).context("write the archive")?;
        tar.out.flush().context("write the archive")
    }

    /// The events of a save.
    pub async fn saved(&self, chosen: &[Chosen]) -> Result<()> {
        let facts = chosen.iter().map(|(image, _)| image.fact("save", image.id.as_str()));
        self.0.journal.record(facts.collect()).await
    }

    fn save_image<W: Write>(&self, image: &Image, tar: &mut Tar<'_, W>) -> Result<Descriptor> {
        let config = self.0.content.read(&image.id, limits::IMAGE_DOCUMENT)?;
        let mut layers = Vec::new();
        for digest in image.layers() {
            let layer = self.read().layer(digest).cloned();
            let layer = layer.ok_or_else(|| Error::internal(format!("layer {digest} is gone")))?;
            let path = blob_path(digest);
            if tar.begin(&path, layer.tar_bytes)? {
                self.write_layer(digest, tar.out)?;
                tar.pad(layer.tar_bytes)?;
            }
            layers.push(descriptor(manifest::LAYER, digest.clone(), layer.tar_bytes));
        }
        tar.file(&blob_path(&image.id), &config)?;
        let manifest = Manifest {
            schema_version: 2,
            media_type: manifest::MANIFEST.to_owned(),
            config: descriptor(manifest::CONFIG, image.id.clone(), config.len() as u64),
            layers,
        };
        let bytes = serde_json::to_vec(&manifest).context("write a manifest")?;
        let digest = Digest::from_sha256(&Sha256::digest(&bytes).into());
        tar.file(&blob_path(&digest), &bytes)?;
        Ok(descriptor(manifest::MANIFEST, digest, bytes.len() as u64))
    }

    /// Writes the tar stream of a layer, and checks that it is the one that was once unpacked. Blocking.
    pub fn write_layer(&self, digest: &Digest, out: &mut impl Write) -> Result<()> {
        let layer = self.read().layer(digest).cloned();
        let layer = layer.ok_or_else(|| Error::not_found(format!("layer {digest} not found")))?;
        let snapshot = self.0.snapshots.stat(digest.as_str());
        let snapshot =
            snapshot.ok_or_else(|| Error::not_found(format!("layer {digest} has no folder")))?;
        let driver = self.0.snapshots.driver();
        let target =
            Target { folder: driver.folder(snapshot.number), whiteouts: driver.whiteouts() };
        let open = |path: std::path::PathBuf| {
            File::open(&path).with_context(|| format!("open {}", path.display()))
        };
        let files = open(target.files())?;
        let attic = if layer.displaced.is_empty() { None } else { Some(open(target.attic())?) };
        let mut checked = Checked { out, hasher: Sha256::new(), bytes: 0 };
        let pieces = Pieces {
            recipe: &target.recipe(),
            files: files.as_fd(),
            attic: attic.as_ref().map(AsFd::as_fd),
            displaced: &layer.displaced,
        };
        pieces.assemble(&mut checked).with_context(|| format!("put layer {digest} together"))?;
        let found = Digest::from_sha256(&checked.hasher.finalize().into());
        if found != *digest || checked.bytes != layer.tar_bytes {
            return Err(Error::internal(format!("layer {digest} is damaged: it is {found} now")));
        }
        Ok(())
    }
}

fn descriptor(kind: &str, digest: Digest, size: u64) -> Descriptor {
    let media_type = kind.to_owned();
    Descriptor { media_type, digest, size, annotations: BTreeMap::new(), platform: None }
}

/// One entry of the index for every name, or one without.
fn described(manifest: &Descriptor, names: &[Reference]) -> Vec<Descriptor> {
    if names.is_empty() {
        return vec![manifest.clone()];
    }
    let named = |name: &Reference| {
        let tag = name.tag().unwrap_or_default().to_owned();
        let annotations = BTreeMap::from([
            (manifest::NAME.to_owned(), name.canonical()),
            (manifest::REF_NAME.to_owned(), tag),
        ]);
        Descriptor { annotations, ..manifest.clone() }
    };
    names.iter().map(named).collect()
}

/// An archive being written; each path once.
struct Tar<'a, W> {
    out: &'a mut W,
    names: HashSet<String>,
}

impl<W: Write> Tar<'_, W> {
    /// Writes a header; false if the path is there already.
    fn begin(&mut self, path: &str, size: u64) -> Result<bool> {
        if !self.names.insert(path.to_owned()) {
            return Ok(false);
        }
        let mut header = tar::Header::new_gnu();
        header.set_path(path).context("write a tar header")?;
        header.set_mode(0o644);
        header.set_size(size);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        self.out.write_all(header.as_bytes()).context("write the archive")?;
        Ok(true)
    }

    fn pad(&mut self, size: u64) -> Result<()> {
        let rest = (512 - size % 512) % 512;
        self.out.write_all(&[0; 512][..rest as usize]).context("write the archive")
    }

    fn file(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        if self.begin(path, bytes.len() as u64)? {
            self.out.write_all(bytes).context("write the archive")?;
            self.pad(bytes.len() as u64)?;
        }
        Ok(())
    }

    fn json<T: serde::Serialize>(&mut self, path: &str, value: &T) -> Result<()> {
        let bytes = serde_json::to_vec(value).with_context(|| format!("write {path}"))?;
        self.file(path, &bytes)
    }
}
