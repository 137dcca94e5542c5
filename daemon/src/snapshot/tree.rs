//! Copies trees: owners, permissions, times, extended attributes, links, devices and pipes included.
//!
//! Paths below the source are taken as they are, so nobody may change it meanwhile; symbolic links are
//! copied, never followed. Sockets are left out: one without its listener is of no use.

use super::attribute::{Attributes, Privilege, is_allowed};
use super::lower::{list, stat};
use crate::limits;
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, mknodat};
use shared::error::{Context, Error, Result};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use xattr::FileExt;

/// A copy in progress: knows which hard links it has met.
pub struct Copier {
    privilege: Privilege,
    links: HashMap<(u64, u64), PathBuf>,
}

/// What is left to do: a folder's content, then its attributes.
enum Step {
    Fill(PathBuf, PathBuf, usize),
    Dress(PathBuf, PathBuf),
}

impl Default for Copier {
    fn default() -> Self {
        Self { privilege: Privilege::current(), links: HashMap::new() }
    }
}

impl Copier {
    /// Copies what is in `source` into the existing folder `target`, and then the folder's own attributes.
    pub fn folder(&mut self, source: &Path, target: &Path) -> Result<()> {
        // Not by recursion: a container nests folders as deep as it likes.
        let mut steps = vec![Step::Fill(source.to_owned(), target.to_owned(), 0)];
        while let Some(step) = steps.pop() {
            match step {
                Step::Fill(from, to, depth) => self.fill(from, to, depth, &mut steps)?,
                Step::Dress(from, to) => self.attributes(&from, &to)?,
            }
        }
        Ok(())
    }

    /// Copies what is directly in a folder; `steps` gets what is left to do.
    fn fill(
        &mut self,
        source: PathBuf,
        target: PathBuf,
        depth: usize,
        steps: &mut Vec<Step>,
    ) -> Result<()> {
        if depth > limits::TREE_DEPTH {
            let limit = limits::TREE_DEPTH;
            let source = source.display();
            return Err(Error::invalid(format!("{source} is more than {limit} folders deep")));
        }
        let names = list(&source)?;
        // Behind everything below it, which changes its time.
        steps.push(Step::Dress(source.clone(), target.clone()));
        for name in names {
            let (from, to) = (source.join(&name), target.join(&name));
            let Some(metadata) = stat(&from)? else { continue };
            if metadata.is_dir() {
                fs::create_dir(&to).with_context(|| format!("create {}", to.display()))?;
                steps.push(Step::Fill(from, to, depth + 1));
            } else {
                self.leaf(&from, &to, &metadata)?;
            }
        }
        Ok(())
    }

    /// Copies anything but a folder. There must be nothing at `to` yet.
    pub fn leaf(&mut self, from: &Path, to: &Path, metadata: &Metadata) -> Result<()> {
        let sentence = || format!("copy {} to {}", from.display(), to.display());
        let kind = metadata.file_type();
        if metadata.nlink() > 1 {
            let key = (metadata.dev(), metadata.ino());
            if let Some(first) = self.links.get(&key) {
                return fs::hard_link(first, to).with_context(sentence);
            }
            self.links.insert(key, to.to_owned());
        }
        if kind.is_symlink() {
            let link = fs::read_link(from).with_context(sentence)?;
            std::os::unix::fs::symlink(link, to).with_context(sentence)?;
            return self.attributes_at(to, metadata).with_context(sentence);
        }
        if kind.is_file() {
            // In the kernel where it can (copy_file_range), sharing blocks where the filesystem can.
            let mut source = File::open(from).with_context(sentence)?;
            let mut target = File::create_new(to).with_context(sentence)?;
            std::io::copy(&mut source, &mut target).with_context(sentence)?;
            return self.set(&source, &target, metadata).with_context(sentence);
        }
        self.special(to, metadata).with_context(sentence)
    }

    fn special(&self, to: &Path, metadata: &Metadata) -> Result<()> {
        let kind = metadata.file_type();
        let is_device = kind.is_char_device() || kind.is_block_device();
        if kind.is_socket() || (is_device && self.privilege == Privilege::User) {
            return Ok(());
        }
        let (folder, name) = open_parent(to)?;
        let mode = Mode::from_bits_truncate(metadata.mode() & 0o7777);
        let flag = SFlag::from_bits_truncate(metadata.mode() & libc::S_IFMT);
        mknodat(&folder, name, flag, mode, metadata.rdev()).context("make a device or pipe")?;
        fchmodat(&folder, name, mode, FchmodatFlags::FollowSymlink).context("set permissions")?;
        self.attributes_at(to, metadata)
    }

    /// Gives `to` the attributes of `from`.
    pub fn attributes(&self, from: &Path, to: &Path) -> Result<()> {
        let sentence = || format!("copy the attributes of {}", from.display());
        let source = File::open(from).with_context(sentence)?;
        let target = File::open(to).with_context(sentence)?;
        let metadata = source.metadata().with_context(sentence)?;
        self.set(&source, &target, &metadata).with_context(sentence)
    }

    fn set(&self, source: &File, target: &File, metadata: &Metadata) -> Result<()> {
        of(metadata).with_xattrs(xattrs(source)?).set(target, self.privilege)
    }

    fn attributes_at(&self, to: &Path, metadata: &Metadata) -> Result<()> {
        let (folder, name) = open_parent(to)?;
        of(metadata).set_at(folder.as_fd(), name, self.privilege)
    }
}

fn of(metadata: &Metadata) -> Attributes {
    let mtime = (metadata.mtime(), metadata.mtime_nsec());
    Attributes::new(metadata.mode() & 0o7777, metadata.uid(), metadata.gid(), mtime)
}

fn open_parent(path: &Path) -> Result<(File, &OsStr)> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::internal(format!("{} has no parent", path.display())));
    };
    Ok((File::open(parent).with_context(|| format!("open {}", parent.display()))?, name))
}

/// The extended attributes of a file that an image may have.
pub fn xattrs(file: &File) -> Result<Vec<(std::ffi::OsString, Vec<u8>)>> {
    let names = match file.list_xattr() {
        Ok(names) => names,
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => return Ok(Vec::new()),
        Err(error) => return Err(error).context("list extended attributes"),
    };
    let mut found = Vec::new();
    for name in names.filter(|name| is_allowed(name)) {
        if let Some(value) = file.get_xattr(&name).context("read an extended attribute")? {
            found.push((name, value));
        }
    }
    Ok(found)
}
