//! How a tree differs from the layers below it, as `docker diff` shows it.

use super::lower::{Lower, is_opaque, is_whiteout, list, stat};
use super::{Usage, Whiteouts};
use crate::limits;
use shared::error::{Context, Error, Result};
use std::collections::HashSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What happened to a path. The numbers are those of Docker's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// Content or attributes are others.
    Modified = 0,
    /// It is new.
    Added = 1,
    /// It is gone.
    Deleted = 2,
}

/// One path that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Absolute, as the container sees it.
    pub path: PathBuf,
    /// What happened.
    pub kind: ChangeKind,
}

/// Collects changes; the folder above one that was added or deleted counts as modified.
#[derive(Default)]
struct Changes {
    list: Vec<Change>,
    folders: HashSet<PathBuf>,
}

impl Changes {
    fn push(&mut self, path: &Path, kind: ChangeKind, is_folder: bool) {
        if is_folder {
            self.folders.insert(path.to_owned());
        }
        self.list.push(Change { path: Path::new("/").join(path), kind });
        for above in path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
            if !self.folders.insert(above.to_owned()) {
                break;
            }
            let kind = ChangeKind::Modified;
            self.list.push(Change { path: Path::new("/").join(above), kind });
        }
    }

    fn finish(mut self) -> Vec<Change> {
        self.list.sort();
        self.list
    }
}

/// Changes of an overlay: `upper` holds exactly what differs.
pub fn of_upper(upper: &Path, lower: &Lower) -> Result<Vec<Change>> {
    Walk::run(upper, lower, Holds::Differences)
}

/// Changes of a whole copy, found by comparing everything.
pub fn of_copy(tree: &Path, lower: &Lower) -> Result<Vec<Change>> {
    Walk::run(tree, lower, Holds::Everything)
}

/// What a tree consists of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Differences,
    Everything,
}

/// A comparison in progress.
struct Walk<'a> {
    tree: &'a Path,
    lower: &'a Lower,
    holds: Holds,
    changes: Changes,
}

impl<'a> Walk<'a> {
    fn run(tree: &'a Path, lower: &'a Lower, holds: Holds) -> Result<Vec<Change>> {
        let mut walk = Self { tree, lower, holds, changes: Changes::default() };
        // Not by recursion: a container nests folders as deep as it likes.
        let mut open = vec![PathBuf::new()];
        while let Some(folder) = open.pop() {
            walk.folder(&folder, &mut open)?;
        }
        Ok(walk.changes.finish())
    }

    /// Compares one folder, and adds those in it to `open`. One that the container has deleted meanwhile,
    /// or that went with all of the tree, has no changes any more.
    fn folder(&mut self, folder: &Path, open: &mut Vec<PathBuf>) -> Result<()> {
        match self.compare(folder, open) {
            Err(_) if stat(&self.tree.join(folder))?.is_none() => Ok(()),
            other => other,
        }
    }

    fn compare(&mut self, folder: &Path, open: &mut Vec<PathBuf>) -> Result<()> {
        check_depth(folder, folder.components().count())?;
        let here = self.tree.join(folder);
        let names = list(&here)?;
        if self.is_complete(folder, &here)? {
            for name in self.lower.names(folder)? {
                if names.binary_search(&name).is_err() {
                    self.changes.push(&folder.join(name), ChangeKind::Deleted, false);
                }
            }
        }
        for name in names {
            let path = folder.join(&name);
            let Some(metadata) = stat(&self.tree.join(&path))? else { continue };
            if self.holds == Holds::Differences && is_whiteout(&metadata) {
                self.changes.push(&path, ChangeKind::Deleted, false);
                continue;
            }
            match self.lower.find(&path)? {
                None => self.changes.push(&path, ChangeKind::Added, metadata.is_dir()),
                Some(old) if self.is_unchanged(&metadata, &old) => {}
                Some(_) => self.changes.push(&path, ChangeKind::Modified, metadata.is_dir()),
            }
            if metadata.is_dir() {
                open.push(path);
            }
        }
        Ok(())
    }

    /// True if what is not in this folder of the tree is not in the container either.
    fn is_complete(&self, folder: &Path, here: &Path) -> Result<bool> {
        match self.holds {
            Holds::Everything => Ok(true),
            Holds::Differences if folder.as_os_str().is_empty() => Ok(false),
            Holds::Differences => is_opaque(here, Whiteouts::Overlay),
        }
    }

    fn is_unchanged(&self, new: &Metadata, old: &Metadata) -> bool {
        // A folder is copied up whenever something in it changes; that alone is no change. A file is
        // copied up because it changes.
        (self.holds == Holds::Everything || new.is_dir()) && is_same(new, old)
    }
}

/// The same by everything that `stat` tells cheaply. The size and links of a folder say nothing.
fn is_same(new: &Metadata, old: &Metadata) -> bool {
    let basics = |m: &Metadata| (m.mode(), m.uid(), m.gid(), m.rdev());
    let times = |m: &Metadata| (m.mtime(), m.mtime_nsec());
    basics(new) == basics(old)
        && times(new) == times(old)
        && (new.is_dir() || new.len() == old.len())
}

/// Sizes of all files below a folder.
pub fn usage(folder: &Path) -> Result<Usage> {
    let (mut usage, mut linked) = (Usage::default(), HashSet::new());
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        check_depth(&folder, depth)?;
        let entries = match std::fs::read_dir(&folder) {
            // What a running container deletes meanwhile is not there any more.
            Err(_) if depth > 0 && stat(&folder)?.is_none() => continue,
            other => other.with_context(|| format!("read {}", folder.display()))?,
        };
        for entry in entries {
            let path = entry.with_context(|| format!("read {}", folder.display()))?.path();
            let Some(metadata) = stat(&path)? else { continue };
            if metadata.is_dir() {
                usage.inodes += 1;
                open.push((path, depth + 1));
            } else if metadata.nlink() < 2 || linked.insert((metadata.dev(), metadata.ino())) {
                usage.inodes += 1;
                usage.bytes += metadata.len();
            }
        }
    }
    Ok(usage)
}

fn check_depth(folder: &Path, depth: usize) -> Result<()> {
    if depth <= limits::TREE_DEPTH {
        return Ok(());
    }
    let limit = limits::TREE_DEPTH;
    Err(Error::invalid(format!("{} is more than {limit} folders deep", folder.display())))
}
