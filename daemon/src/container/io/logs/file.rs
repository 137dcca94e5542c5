//! The files of a log in their order. The shim may rotate at any moment, so a file is known by its
//! inode, never by its name.

use super::Place;
use shared::error::{Context, Result};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Device and inode.
pub type Identity = (u64, u64);

/// One opened file.
#[derive(Clone, Debug)]
pub struct Part {
    /// The file.
    pub file: Arc<File>,
    /// Who it is.
    pub identity: Identity,
    /// Its length when it was opened.
    pub length: u64,
    /// Nanoseconds since 1970 of the last write.
    pub written_at: i64,
}

fn name(place: &Place, index: u32) -> PathBuf {
    if index == 0 {
        return place.path.clone();
    }
    let mut name = place.path.as_os_str().to_owned();
    name.push(format!(".{index}"));
    name.into()
}

fn identity(meta: &Metadata) -> Identity {
    (meta.dev(), meta.ino())
}

/// Opens file number `index` (0 is the current one); `None` when there is none.
fn open(place: &Place, index: u32) -> Result<Option<Part>> {
    let path = name(place, index);
    let file = match File::open(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("open {}", path.display()))?,
    };
    let meta = file.metadata().with_context(|| format!("look at {}", path.display()))?;
    let written_at = meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec());
    Ok(Some(Part {
        file: Arc::new(file),
        identity: identity(&meta),
        length: meta.len(),
        written_at,
    }))
}

/// All files that there are, oldest first.
pub fn all(place: &Place) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    for index in 0..place.files.max(1) {
        match open(place, index)? {
            // Rotated between two opens: the same file under its next name.
            Some(part) if parts.last().is_some_and(|last| last.identity == part.identity) => {}
            Some(part) => parts.push(part),
            None if index == 0 => {}
            None => break,
        }
    }
    parts.reverse();
    Ok(parts)
}

/// The file after the one given, or `None` while that is the current one. When it was deleted
/// meanwhile, the oldest that is left.
pub fn after(place: &Place, current: Identity) -> Result<Option<Part>> {
    let parts = all(place)?;
    match parts.iter().position(|part| part.identity == current) {
        Some(at) => Ok(parts.into_iter().nth(at + 1)),
        None => Ok(parts.into_iter().next()),
    }
}
