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
        let parent = path.parent().unwrap_or(Path::new(""));
        if !parent.as_os_str().is_empty() && self.folders.insert(parent.to_owned()) {
            self.push(parent, ChangeKind::Modified, true);
        }
        self.list.push(Change { path: Path::new("/").join(path), kind });
    }

    fn finish(mut self) -> Vec<Change> {
        self.list.sort();
        self.list
    }
}

/// Changes of an overlay: `upper` holds exactly what differs.
pub fn of_upper(upper: &Path, lower: &Lower) -> Result<Vec<Change>> {
    let mut changes = Changes::default();
    walk_upper(upper, Path::new(""), lower, &mut changes, 0)?;
    Ok(changes.finish())
}

fn walk_upper(
    upper: &Path,
    folder: &Path,
    lower: &Lower,
    changes: &mut Changes,
    depth: usize,
) -> Result<()> {
    check_depth(folder, depth)?;
    let here = upper.join(folder);
    let names = list(&here)?;
    if !folder.as_os_str().is_empty() && is_opaque(&here, Whiteouts::Overlay)? {
        for name in lower.names(folder)? {
            if names.binary_search(&name).is_err() {
                changes.push(&folder.join(name), ChangeKind::Deleted, false);
            }
        }
    }
    for name in names {
        let path = folder.join(&name);
        let Some(metadata) = stat(&upper.join(&path))? else { continue };
        if is_whiteout(&metadata) {
            changes.push(&path, ChangeKind::Deleted, false);
            continue;
        }
        match lower.find(&path)? {
            None => changes.push(&path, ChangeKind::Added, metadata.is_dir()),
            // A folder is copied up whenever something in it changes; that alone is no change.
            Some(old) if metadata.is_dir() && is_same(&metadata, &old) => {}
            Some(_) => changes.push(&path, ChangeKind::Modified, metadata.is_dir()),
        }
        if metadata.is_dir() {
            walk_upper(upper, &path, lower, changes, depth + 1)?;
        }
    }
    Ok(())
}

/// Changes of a whole copy, found by comparing everything.
pub fn of_copy(tree: &Path, lower: &Lower) -> Result<Vec<Change>> {
    let mut changes = Changes::default();
    walk_copy(tree, Path::new(""), lower, &mut changes, 0)?;
    Ok(changes.finish())
}

fn walk_copy(
    tree: &Path,
    folder: &Path,
    lower: &Lower,
    changes: &mut Changes,
    depth: usize,
) -> Result<()> {
    check_depth(folder, depth)?;
    let names = list(&tree.join(folder))?;
    for name in lower.names(folder)? {
        if names.binary_search(&name).is_err() {
            changes.push(&folder.join(name), ChangeKind::Deleted, false);
        }
    }
    for name in names {
        let path = folder.join(&name);
        let Some(metadata) = stat(&tree.join(&path))? else { continue };
        match lower.find(&path)? {
            None => changes.push(&path, ChangeKind::Added, metadata.is_dir()),
            Some(old) if is_same(&metadata, &old) => {}
            Some(_) => changes.push(&path, ChangeKind::Modified, metadata.is_dir()),
        }
        if metadata.is_dir() {
            walk_copy(tree, &path, lower, changes, depth + 1)?;
        }
    }
    Ok(())
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
    add_usage(folder, &mut usage, &mut linked, 0)?;
    Ok(usage)
}

fn add_usage(
    folder: &Path,
    usage: &mut Usage,
    linked: &mut HashSet<(u64, u64)>,
    depth: usize,
) -> Result<()> {
    check_depth(folder, depth)?;
    for entry in std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let entry = entry.with_context(|| format!("read {}", folder.display()))?;
        // What a running container deletes meanwhile is not there any more.
        let Some(metadata) = stat(&entry.path())? else { continue };
        if metadata.is_dir() {
            usage.inodes += 1;
            match add_usage(&entry.path(), usage, linked, depth + 1) {
                Err(_) if stat(&entry.path())?.is_none() => {}
                other => other?,
            }
        } else if metadata.nlink() < 2 || linked.insert((metadata.dev(), metadata.ino())) {
            usage.inodes += 1;
            usage.bytes += metadata.len();
        }
    }
    Ok(())
}

fn check_depth(folder: &Path, depth: usize) -> Result<()> {
    if depth <= limits::TREE_DEPTH {
        return Ok(());
    }
    let limit = limits::TREE_DEPTH;
    Err(Error::invalid(format!("{} is more than {limit} folders deep", folder.display())))
}
