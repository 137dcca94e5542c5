//! A tree of a container as tar.

use super::super::root::{Root, judged};
use super::entry::{self, Entry};
use super::mounts::Boundary;
use super::place::{self, Place, kind};
use super::{BLOCK, DEPTH_MAX};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use shared::error::{Context, Error, Result};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use tar::EntryType;

const TAR_BLOCK: usize = 512;

/// Writes what is at `path` to `out`, named after the last part of the path (`docker cp` out).
pub fn pack(root: &Root, path: &str, who: &str, out: &mut dyn Write) -> Result<()> {
    let place = place::find(root, path, who)?;
    let name = PathBuf::from(&place.base);
    Packer::new(Boundary::Kernel, out).tree(&place, &name)
}

/// Writes the whole tree with names from the root (`docker export`).
pub fn export(root: &Root, boundary: Boundary, out: &mut dyn Write) -> Result<()> {
    let place = place::find(root, "/", "")?;
    Packer::new(boundary, out).tree(&place, Path::new(""))
}

struct Packer<'a> {
    archive: tar::Builder<&'a mut dyn Write>,
    boundary: Boundary,
    /// Where a file with several names was written first.
    links: HashMap<(u64, u64), PathBuf>,
    buffer: Vec<u8>,
}

impl<'a> Packer<'a> {
    fn new(boundary: Boundary, out: &'a mut dyn Write) -> Self {
        let archive = tar::Builder::new(out);
        Self { archive, boundary, links: HashMap::new(), buffer: Vec::new() }
    }

    fn tree(mut self, place: &Place, name: &Path) -> Result<()> {
        if kind(&place.stat) == SFlag::S_IFDIR {
            let folder = place.open()?;
            if !name.as_os_str().is_empty() {
                self.folder_entry(&folder, name)?;
            }
            self.folder(folder, name, &place.path, 0)?;
        } else {
            self.file(&place.parent, &place.name, name, &place.stat)?;
        }
        self.archive.into_inner().context("finish an archive").map(drop)
    }

    /// Everything in a folder, in the order of names. What vanishes meanwhile is left out.
    fn folder(&mut self, folder: OwnedFd, name: &Path, path: &Path, depth: usize) -> Result<()> {
        if depth > DEPTH_MAX {
            let text = format!("{}: folders are nested deeper than {DEPTH_MAX}", path.display());
            return Err(Error::invalid(text));
        }
        for child in names(&folder, path)? {
            let stat = match fstatat(&folder, child.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
                Err(Errno::ENOENT) => continue,
                other => other.map_err(|e| judged(e, &path.join(&child)))?,
            };
            let (name, path) = (name.join(&child), path.join(&child));
            if self.boundary.is_mount(&path) {
                self.mount_point(&folder, &child, &name, &stat)?;
            } else if kind(&stat) != SFlag::S_IFDIR {
                self.file(&folder, &child, &name, &stat)?;
            } else if let Some(inner) = handle(&folder, &child)? {
                self.folder_entry(&inner, &name)?;
                if !place::is_kernel(&inner)? {
                    self.folder(inner, &name, &path, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    fn folder_entry(&mut self, folder: &OwnedFd, name: &Path) -> Result<()> {
        let stat = fstat(folder).with_context(|| format!("look at {}", name.display()))?;
        let mut slashed = name.as_os_str().to_owned();
        if !slashed.as_bytes().ends_with(b"/") {
            slashed.push("/");
        }
        let attributes = attributes_of(folder);
        let name = Path::new(&slashed);
        let kind = EntryType::Directory;
        Entry { name, stat: &stat, kind, link: None, attributes: &attributes, size: 0 }
            .write(&mut self.archive)
    }

    /// What something is mounted on: only its name and kind are the container's.
    fn mount_point(
        &mut self,
        folder: &OwnedFd,
        child: &OsStr,
        name: &Path,
        stat: &FileStat,
    ) -> Result<()> {
        match kind(stat) {
            SFlag::S_IFDIR => match handle(folder, child)? {
                Some(inner) => self.folder_entry(&inner, name),
                None => Ok(()),
            },
            _ => {
                Entry { name, stat, kind: EntryType::Regular, link: None, attributes: &[], size: 0 }
                    .write(&mut self.archive)
            }
        }
    }

    fn file(
        &mut self,
        folder: &OwnedFd,
        child: &OsStr,
        name: &Path,
        stat: &FileStat,
    ) -> Result<()> {
        let Some(entry_kind) = entry::kind(stat) else { return Ok(()) };
        if stat.st_nlink > 1 {
            let identity = (stat.st_dev, stat.st_ino);
            if let Some(first) = self.links.get(&identity) {
                let link = Some(first.as_path());
                let kind = EntryType::Link;
                return Entry { name, stat, kind, link, attributes: &[], size: 0 }
                    .write(&mut self.archive);
            }
            self.links.insert(identity, name.to_owned());
        }
        match entry_kind {
            EntryType::Regular => self.regular(folder, child, name),
            EntryType::Symlink => {
                let target = match readlinkat(folder, child) {
                    Err(Errno::ENOENT | Errno::EINVAL) => return Ok(()),
                    other => other.with_context(|| format!("read the link {}", name.display()))?,
                };
                let link = Some(Path::new(&target));
                Entry { name, stat, kind: entry_kind, link, attributes: &[], size: 0 }
                    .write(&mut self.archive)
            }
            _ => Entry { name, stat, kind: entry_kind, link: None, attributes: &[], size: 0 }
                .write(&mut self.archive),
        }
    }

    /// A plain file. It is opened through a handle that was looked at first, so that a device which
    /// takes its place is never opened.
    fn regular(&mut self, folder: &OwnedFd, child: &OsStr, name: &Path) -> Result<()> {
        let say = || format!("read {}", name.display());
        let Some(handle) = handle(folder, child)? else { return Ok(()) };
        let stat = fstat(&handle).with_context(say)?;
        if kind(&stat) != SFlag::S_IFREG {
            return Ok(());
        }
        let mut file = match File::open(format!("/proc/self/fd/{}", handle.as_raw_fd())) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other.with_context(say)?,
        };
        let attributes = attributes_of(&handle);
        let size = stat.st_size.unsigned_abs();
        Entry {
            name,
            stat: &stat,
            kind: EntryType::Regular,
            link: None,
            attributes: &attributes,
            size,
        }
        .write(&mut self.archive)?;
        self.content(&mut file, size, name)
    }

    /// Exactly `size` bytes and the padding: a file that shrinks meanwhile ends in zeros.
    fn content(&mut self, file: &mut File, size: u64, name: &Path) -> Result<()> {
        self.buffer.resize(BLOCK, 0);
        let mut left = size;
        while left > 0 {
            let room = left.min(BLOCK as u64) as usize;
            let mut got = file
                .read(&mut self.buffer[..room])
                .with_context(|| format!("read {}", name.display()))?;
            if got == 0 {
                self.buffer[..room].fill(0);
                got = room;
            }
            self.archive.get_mut().write_all(&self.buffer[..got]).context("write an archive")?;
            left -= got as u64;
        }
        let padding = (TAR_BLOCK - (size % TAR_BLOCK as u64) as usize) % TAR_BLOCK;
        self.archive.get_mut().write_all(&[0; TAR_BLOCK][..padding]).context("write an archive")
    }
}

/// The names in a folder, sorted.
fn names(folder: &OwnedFd, path: &Path) -> Result<Vec<OsString>> {
    let say = || format!("list {}", path.display());
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut dir = Dir::openat(folder, ".", flags, Mode::empty()).with_context(say)?;
    let mut names = Vec::new();
    for entry in dir.iter() {
        let entry = entry.with_context(say)?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// A handle on an entry; `None` when it is gone.
fn handle(folder: &OwnedFd, child: &OsStr) -> Result<Option<OwnedFd>> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    match openat(folder, child, flags, Mode::empty()) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::ENOENT) => Ok(None),
        Err(e) => Err(judged(e, Path::new(child))),
    }
}

/// The attributes that belong to a file as such: capabilities and the user's own. A filesystem
/// without attributes has none.
fn attributes_of(handle: &OwnedFd) -> Vec<(String, Vec<u8>)> {
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    let Ok(names) = xattr::list_deref(&path) else { return Vec::new() };
    let names = names.filter_map(|n| n.into_string().ok());
    let names = names.filter(|n| n == "security.capability" || n.starts_with("user."));
    names
        .filter_map(|n| xattr::get_deref(&path, &n).ok().flatten().map(|value| (n, value)))
        .collect()
}
