//! Layers seen together: what a path is in the tree that they make, whiteouts and opaque folders applied.
//!
//! Layers never change, so looking at them name by name is safe; symbolic links are never followed.

use super::Whiteouts;
use shared::error::{Context, Result};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

const MARKER: &str = ".wh.";
const MARKER_OPAQUE: &str = ".wh..wh..opq";
const OVERLAY_OPAQUE: &str = "trusted.overlay.opaque";

/// A stack of layers.
pub struct Lower {
    /// The highest first.
    roots: Vec<PathBuf>,
    whiteouts: Whiteouts,
}

/// What one layer says about a path.
enum Found {
    /// It has it.
    Here(Box<Metadata>),
    /// It says nothing: the next layer below is asked.
    Silent,
    /// It hides what is below.
    Hidden,
}

impl Lower {
    /// `roots` are the folders of layers, the highest first.
    pub fn new(roots: Vec<PathBuf>, whiteouts: Whiteouts) -> Self {
        Self { roots, whiteouts }
    }

    /// What is at a relative path, if anything.
    pub fn find(&self, path: &Path) -> Result<Option<Metadata>> {
        Ok(self.search(path)?.map(|(_, metadata)| metadata))
    }

    /// Where on the host it is, in the highest layer that has it.
    pub fn place(&self, path: &Path) -> Result<Option<PathBuf>> {
        Ok(self.search(path)?.map(|(root, _)| root.join(path)))
    }

    fn search(&self, path: &Path) -> Result<Option<(&Path, Metadata)>> {
        for root in &self.roots {
            match self.look(root, path)? {
                Found::Here(metadata) => return Ok(Some((root, *metadata))),
                Found::Hidden => return Ok(None),
                Found::Silent => {}
            }
        }
        Ok(None)
    }

    /// The names in a folder.
    pub fn names(&self, folder: &Path) -> Result<BTreeSet<OsString>> {
        let (mut names, mut hidden) = (BTreeSet::new(), BTreeSet::new());
        for root in &self.roots {
            match self.look(root, folder)? {
                Found::Here(metadata) if metadata.is_dir() => {}
                Found::Silent => continue,
                _ => break,
            }
            let path = root.join(folder);
            for name in list(&path)? {
                match self.deleted(&path, &name)? {
                    Some(gone) => drop(hidden.insert(gone)),
                    None if name == MARKER_OPAQUE && self.whiteouts == Whiteouts::Marker => {}
                    None if !hidden.contains(&name) => drop(names.insert(name)),
                    None => {}
                }
            }
            if is_opaque(&path, self.whiteouts)? {
                break;
            }
        }
        Ok(names)
    }

    fn look(&self, root: &Path, path: &Path) -> Result<Found> {
        let mut here = root.to_owned();
        let mut below = Found::Silent;
        let mut metadata = stat(&here)?;
        for name in path.iter() {
            match &metadata {
                Some(m) if m.is_dir() => {}
                _ => return Ok(Found::Hidden),
            }
            if is_opaque(&here, self.whiteouts)? && here != root {
                below = Found::Hidden;
            }
            if self.is_deleted(&here, name)? {
                return Ok(Found::Hidden);
            }
            here.push(name);
            metadata = stat(&here)?;
            if metadata.is_none() {
                return Ok(below);
            }
        }
        Ok(metadata.map_or(below, |m| Found::Here(Box::new(m))))
    }

    fn is_deleted(&self, folder: &Path, name: &OsStr) -> Result<bool> {
        match self.whiteouts {
            Whiteouts::Overlay => Ok(stat(&folder.join(name))?.is_some_and(|m| is_whiteout(&m))),
            Whiteouts::Marker => {
                let mut marker = OsString::from(MARKER);
                marker.push(name);
                let real = stat(&folder.join(name))?.is_some();
                Ok(!real && stat(&folder.join(marker))?.is_some())
            }
        }
    }

    /// The name that the entry `name` of a folder deletes, if it is a whiteout.
    fn deleted(&self, folder: &Path, name: &OsStr) -> Result<Option<OsString>> {
        match self.whiteouts {
            Whiteouts::Overlay => {
                let gone = stat(&folder.join(name))?.is_some_and(|m| is_whiteout(&m));
                Ok(gone.then(|| name.to_owned()))
            }
            Whiteouts::Marker => Ok(marked(name)),
        }
    }
}

/// The name that a marker deletes.
pub fn marked(name: &OsStr) -> Option<OsString> {
    use std::os::unix::ffi::OsStrExt;
    let rest = name.as_bytes().strip_prefix(MARKER.as_bytes())?;
    (name != MARKER_OPAQUE).then(|| OsStr::from_bytes(rest).to_owned())
}

/// True if the file is a whiteout of overlayfs.
pub fn is_whiteout(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == 0
}

/// True if the folder hides all that lower layers have in it.
pub fn is_opaque(folder: &Path, whiteouts: Whiteouts) -> Result<bool> {
    match whiteouts {
        Whiteouts::Marker => Ok(stat(&folder.join(MARKER_OPAQUE))?.is_some()),
        Whiteouts::Overlay => {
            let value = xattr::get(folder, OVERLAY_OPAQUE)
                .with_context(|| format!("read an attribute of {}", folder.display()))?;
            Ok(value.as_deref() == Some(b"y"))
        }
    }
}

/// The names in one folder, sorted.
pub fn list(folder: &Path) -> Result<Vec<OsString>> {
    let sentence = || format!("read {}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(sentence)? {
        names.push(entry.with_context(sentence)?.file_name());
    }
    names.sort();
    Ok(names)
}

/// What is at a path, links not followed.
pub fn stat(path: &Path) -> Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("look at {}", path.display())),
    }
}
