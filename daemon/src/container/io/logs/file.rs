//! The files of a log in their order. The shim may rotate at any moment and the daemon may compress what
//! was rotated, so a file is known by its inode, never by its name.

use super::{Place, pack};
use shared::error::{Context, Result};
use shared::rotation::{self, Form};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

pub use shared::rotation::Identity;

/// A listing is begun again so often when the log was rotated meanwhile.
const ATTEMPTS: u32 = 8;

/// One opened file.
#[derive(Clone, Debug)]
pub struct Part {
    /// Who it is.
    pub identity: Identity,
    /// Whom it was compressed from.
    original: Option<Identity>,
    /// Its length when it was opened; of a compressed one, that of its content.
    pub length: u64,
    /// Nanoseconds since 1970 of the last write.
    pub written_at: i64,
    file: Arc<File>,
    form: Form,
    /// What a compressed one holds, once it was asked for.
    content: Arc<OnceLock<Arc<File>>>,
}

impl Part {
    /// It is that file, or was compressed from one of its inode.
    pub fn is(&self, file: Identity) -> bool {
        self.identity == file || self.original == Some(file)
    }

    /// The records, to be read at any place. Uncompresses into a file beside `place` the first time.
    pub fn content(&self, place: &Place) -> Result<Arc<File>> {
        if self.form == Form::Plain {
            return Ok(self.file.clone());
        }
        if let Some(content) = self.content.get() {
            return Ok(content.clone());
        }
        let folder = place.path.parent().unwrap_or(Path::new("/"));
        let content = Arc::new(pack::unpack(&self.file, folder, self.length)?);
        Ok(self.content.get_or_init(|| content).clone())
    }
}

/// Opens a file; `None` when there is none.
fn open(path: &Path, form: Form) -> Result<Option<Part>> {
    let file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("open {}", path.display()))?,
    };
    let meta = file.metadata().with_context(|| format!("look at {}", path.display()))?;
    let written_at = meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec());
    let (original, length) = match form {
        Form::Plain => (None, meta.len()),
        Form::Packed => pack::origin(&file)?,
    };
    let identity = rotation::identity(&meta);
    let (file, content) = (Arc::new(file), Arc::default());
    Ok(Some(Part { identity, original, length, written_at, file, form, content }))
}

/// Opens file number `index`. When both forms are there, compressing it was not finished: the plain one
/// is whole.
fn numbered(place: &Place, index: u32) -> Result<Option<Part>> {
    let plain = open(&rotation::name(&place.path, index, Form::Plain), Form::Plain)?;
    match plain {
        None if index > 0 => open(&rotation::name(&place.path, index, Form::Packed), Form::Packed),
        plain => Ok(plain),
    }
}

/// All files that there are, oldest first.
pub fn all(place: &Place) -> Result<Vec<Part>> {
    let mut attempts = 1;
    loop {
        let parts = list(place)?;
        let current = open(&place.path, Form::Plain)?.map(|part| part.identity);
        let is_still = current == parts.last().map(|part| part.identity);
        if is_still || attempts == ATTEMPTS {
            return Ok(parts);
        }
        attempts += 1;
    }
}

fn list(place: &Place) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    for index in 0..place.files.max(1) {
        let Some(part) = numbered(place, index)? else { continue };
        // Rotated between two opens: the same file under its next name.
        if parts.last().is_none_or(|last| last.identity != part.identity) {
            parts.push(part);
        }
    }
    parts.reverse();
    Ok(parts)
}

/// Where a file is that somebody has open: nothing else has its inode. A plain one may have been
/// compressed meanwhile. Of a compressed one that is gone nothing is left: a file that was compressed from
/// one of the same inode is another, since inodes of originals are used again at once.
fn find(parts: &[Part], open: &Part) -> Option<usize> {
    let itself = parts.iter().position(|part| part.identity == open.identity);
    let packed = || match open.form {
        Form::Plain => parts.iter().rposition(|part| part.original == Some(open.identity)),
        Form::Packed => None,
    };
    itself.or_else(packed)
}

/// What a plain file is now: itself, or the newest that was compressed from one of its inode.
pub fn now(place: &Place, plain: Identity) -> Result<Option<Identity>> {
    let parts = all(place)?;
    let itself = parts.iter().find(|part| part.identity == plain);
    let packed = || parts.iter().rfind(|part| part.original == Some(plain));
    Ok(itself.or_else(packed).map(|part| part.identity))
}

/// The file after the one given, or `None` while that is the current one. When it was deleted
/// meanwhile, the oldest that is left.
pub fn after(place: &Place, current: &Part) -> Result<Option<Part>> {
    let newest = open(&place.path, Form::Plain)?;
    if newest.is_some_and(|newest| newest.identity == current.identity) {
        return Ok(None);
    }
    let parts = all(place)?;
    match find(&parts, current) {
        Some(at) => Ok(parts.into_iter().nth(at + 1)),
        None => Ok(parts.into_iter().next()),
    }
}
