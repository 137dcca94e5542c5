//! Reads an image archive as it streams by: layers are unpacked at once, before it is known which image
//! they belong to, and small files are kept in memory. Nothing is spooled.

use super::add::Fresh;
use super::settle::Early;
use super::step::{Progress, Step};
use super::unpack::entry::Entry;
use super::unpack::reader::{Content, NoTap, Reader};
use super::unpack::stream::{Compression, Hashed, peek};
use super::unpack::{Target, clean, unpack};
use crate::limits;
use crate::snapshot::Snapshots;
use sha2::{Digest as _, Sha256};
use shared::error::{Context, Error, Result};
use shared::id::Digest;
use std::collections::{BTreeMap, HashMap};
use std::io::{BufReader, Read};
use tar::EntryType;

/// Buffer of the outer stream, in bytes: smaller than what a layer's reader asks for, so that a layer's
/// bytes are not copied through it.
const BUFFER: usize = 32 << 10;
/// Progress is told after so many bytes of a layer.
const REPORT_EVERY: u64 = 4 << 20;

/// What was in an archive.
#[derive(Default)]
pub struct Archive {
    /// Small files by path.
    pub documents: BTreeMap<String, Vec<u8>>,
    /// Digest of the tar stream of each layer, by path.
    pub layers: HashMap<String, Digest>,
    /// Links by path: older archives share layers by them.
    pub links: HashMap<String, String>,
    /// Layers that were not here before, unpacked.
    pub fresh: HashMap<Digest, Fresh>,
    held: u64,
    early: Option<Early>,
}

/// Reads an archive to its end. Blocking. `is_known` tells whether a layer is here already.
pub fn read(
    input: impl Read,
    snapshots: &Snapshots,
    is_known: &dyn Fn(&Digest) -> bool,
    progress: &mut Progress,
) -> Result<Archive> {
    let (first, input) = peek(input)?;
    let input = Compression::sniff(&first)?.decode(input)?;
    let mut reader = Reader::new(BufReader::with_capacity(BUFFER, input));
    let mut archive = Archive::default();
    while let Some(entry) = reader.next(&mut NoTap)? {
        if reader.entries() > limits::IMAGE_ARCHIVE_FILES {
            let limit = limits::IMAGE_ARCHIVE_FILES;
            return Err(Error::invalid(format!("the archive has more than {limit} files")));
        }
        let path = clean(&entry.path)?.to_string_lossy().into_owned();
        match entry.kind {
            EntryType::Symlink | EntryType::Link => archive.link(path, &entry)?,
            EntryType::Regular | EntryType::Continuous if entry.size > 0 => {
                let mut report = Report::new(progress, &path, entry.size);
                archive.file(
                    path,
                    Content(&mut reader),
                    &entry,
                    snapshots,
                    is_known,
                    &mut report,
                )?;
            }
            _ => {}
        }
    }
    Ok(archive)
}

impl Archive {
    fn link(&mut self, path: String, entry: &Entry) -> Result<()> {
        let target = match path.rsplit_once('/') {
            Some((folder, _)) if entry.kind == EntryType::Symlink => {
                let mut joined = std::ffi::OsString::from(folder);
                joined.push("/");
                joined.push(&entry.link);
                clean(&joined)?
            }
            _ => clean(&entry.link)?,
        };
        self.links.insert(path, target.to_string_lossy().into_owned());
        Ok(())
    }

    fn file(
        &mut self,
        path: String,
        content: impl Read,
        entry: &Entry,
        snapshots: &Snapshots,
        is_known: &dyn Fn(&Digest) -> bool,
        report: &mut Report<'_>,
    ) -> Result<()> {
        let expected = digest_in(&path);
        let (first, content) = peek(content)?;
        if !is_layer(&first)? {
            return self.document(path, content, entry.size, expected);
        }
        let content = Counted { inner: content, report };
        // A stream named by its own digest that is here already need not be written again.
        if let Some(digest) = expected.as_ref().filter(|digest| is_known(digest)) {
            let (found, _) = Hashed::new(content).finish()?;
            check_digest(&path, Some(digest), &found)?;
            self.layers.insert(path, found);
            return Ok(());
        }
        let draft = snapshots.draft()?;
        let target = Target { folder: draft.folder(), whiteouts: snapshots.driver().whiteouts() };
        let unpacked = unpack(content, &target).with_context(|| format!("unpack {path}"))?;
        // skopeo names a layer by the digest of its stream, layouts by that of the blob.
        if expected.as_ref() != Some(&unpacked.diff_id) {
            check_digest(&path, expected.as_ref(), &unpacked.blob)?;
        }
        self.layers.insert(path, unpacked.diff_id.clone());
        if unpacked.content_bytes >= limits::SETTLE_EARLY {
            self.early.get_or_insert_with(|| Early::new(snapshots)).begin();
        }
        if !is_known(&unpacked.diff_id) {
            self.fresh.entry(unpacked.diff_id.clone()).or_insert(Fresh { draft, unpacked });
        }
        Ok(())
    }

    fn document(
        &mut self,
        path: String,
        content: impl Read,
        size: u64,
        expected: Option<Digest>,
    ) -> Result<()> {
        self.held += size;
        if size > limits::IMAGE_DOCUMENT || self.held > limits::IMAGE_DOCUMENTS {
            return Err(Error::invalid(format!(
                "{path} of the archive is neither layer nor small"
            )));
        }
        let mut bytes = Vec::with_capacity(size as usize);
        let mut content = content;
        content.read_to_end(&mut bytes).with_context(|| format!("read {path}"))?;
        let found = Digest::from_sha256(&Sha256::digest(&bytes).into());
        check_digest(&path, expected.as_ref(), &found)?;
        self.documents.insert(path, bytes);
        Ok(())
    }

    /// Follows links to a path that is in `self`.
    pub fn follow<'a>(&'a self, path: &'a str) -> &'a str {
        let mut path = path.strip_prefix("./").unwrap_or(path);
        // A chain longer than there are links is a circle.
        for _ in 0..=self.links.len() {
            match self.links.get(path) {
                Some(target) => path = target,
                None => break,
            }
        }
        path
    }
}

/// Tar archives, also compressed or empty, are layers; anything else is a document.
fn is_layer(first: &[u8]) -> Result<bool> {
    if Compression::sniff(first)? != Compression::None {
        return Ok(true);
    }
    let is_tar = first.get(257..262) == Some(b"ustar");
    let is_empty = first.len() == 512 && first.iter().all(|b| *b == 0);
    Ok(is_tar || is_empty)
}

/// The digest that a path promises: `blobs/sha256/<hex>`, `<hex>.json`, `<hex>.tar`.
fn digest_in(path: &str) -> Option<Digest> {
    let name = match path.strip_prefix("blobs/sha256/") {
        Some(name) => name,
        None if path.contains('/') => return None,
        None => path.strip_suffix(".json").or_else(|| path.strip_suffix(".tar"))?,
    };
    Digest::parse(&format!("{}:{name}", Digest::ALGORITHM)).ok()
}

fn check_digest(path: &str, expected: Option<&Digest>, found: &Digest) -> Result<()> {
    match expected {
        Some(expected) if expected != found => {
            Err(Error::invalid(format!("{path} of the archive is damaged: its digest is {found}")))
        }
        _ => Ok(()),
    }
}

/// Tells how far a layer is.
struct Report<'a> {
    progress: &'a mut Progress,
    id: String,
    current: u64,
    told: u64,
    total: u64,
}

impl<'a> Report<'a> {
    fn new(progress: &'a mut Progress, path: &str, total: u64) -> Self {
        let name = path.rsplit('/').find(|part| *part != "layer.tar").unwrap_or(path);
        let id = name.chars().take(12).collect();
        Self { progress, id, current: 0, told: 0, total }
    }

    fn add(&mut self, count: usize) {
        self.current += count as u64;
        if self.current >= self.told + REPORT_EVERY || (self.current == self.total && count > 0) {
            self.told = self.current;
            let (id, current, total) = (self.id.clone(), self.current, self.total);
            (self.progress)(Step::Layer { id, current, total });
        }
    }
}

struct Counted<'r, 'a, R> {
    inner: R,
    report: &'r mut Report<'a>,
}

impl<R: Read> Read for Counted<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.report.add(count);
        Ok(count)
    }
}
