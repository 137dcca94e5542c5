//! Trees and changes as tar streams: `docker export`, `docker commit`.
//!
//! Every path is resolved beneath the root by the kernel, so a container that moves links about
//! meanwhile can make the archive odd, but not have it show the host's files.

use super::unpack::WHITEOUT;
use crate::limits;
use crate::snapshot::{Change, ChangeKind, beneath, tree};
use nix::dir::Dir;
use nix::fcntl::{OFlag, readlinkat};
use nix::sys::stat::{FileStat, fstat, major, minor};
use shared::error::{Context, Error, Result};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// Writes all that is beneath a root. Blocking.
pub fn tree(root: BorrowedFd, out: &mut impl Write) -> Result<()> {
    let mut packer = Packer::new(root, out);
    // Not by recursion: a container nests folders as deep as it likes.
    let mut open = packer.inside(Path::new(""))?;
    while let Some(path) = open.pop() {
        if packer.entry(&path)? == Some(EntryType::Directory) {
            open.extend(packer.inside(&path)?);
        }
    }
    packer.finish()
}

/// Writes the changed paths beneath a root, and whiteouts for those that are gone: a layer. Blocking.
pub fn changes(root: BorrowedFd, changes: &[Change], out: &mut impl Write) -> Result<()> {
    let mut packer = Packer::new(root, out);
    for change in changes {
        let path = change.path.strip_prefix("/").unwrap_or(&change.path);
        match change.kind {
            ChangeKind::Deleted => packer.whiteout(path)?,
            ChangeKind::Added | ChangeKind::Modified => drop(packer.entry(path)?),
        }
    }
    packer.finish()
}

struct Packer<'a, W: Write> {
    root: BorrowedFd<'a>,
    out: Builder<W>,
    links: HashMap<(u64, u64), PathBuf>,
}

impl<'a, W: Write> Packer<'a, W> {
    fn new(root: BorrowedFd<'a>, out: W) -> Self {
        Self { root, out: Builder::new(out), links: HashMap::new() }
    }

    fn finish(mut self) -> Result<()> {
        self.out.finish().context("write an archive")
    }

    /// The paths in a folder, the last first.
    fn inside(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        if folder.components().count() > limits::TREE_DEPTH {
            let limit = limits::TREE_DEPTH;
            let folder = folder.display();
            return Err(Error::invalid(format!("{folder} is more than {limit} folders deep")));
        }
        let names = self.names(folder)?;
        Ok(names.iter().rev().map(|name| folder.join(name)).collect())
    }

    fn names(&self, folder: &Path) -> Result<Vec<OsString>> {
        let sentence = || format!("read {}", folder.display());
        let fd = match beneath::open_folder(self.root, folder) {
            Err(error) if is_gone(&error) => return Ok(Vec::new()),
            other => other?,
        };
        let mut names = Vec::new();
        for entry in Dir::from_fd(fd).with_context(sentence)? {
            let entry = entry.with_context(sentence)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Writes one path; `None` if it is gone meanwhile or cannot be in an archive.
    fn entry(&mut self, path: &Path) -> Result<Option<EntryType>> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW;
        let fd = match beneath::open(self.root, path, flags) {
            Err(error) if is_gone(&error) => return Ok(None),
            other => other?,
        };
        let sentence = || format!("archive {}", path.display());
        let stat = fstat(&fd).with_context(sentence)?;
        let Some(kind) = kind(&stat) else { return Ok(None) };
        let mut header = header(&stat, kind);
        if kind != EntryType::Directory && stat.st_nlink > 1 {
            if let Some(first) = self.links.get(&(stat.st_dev, stat.st_ino)) {
                header.set_entry_type(EntryType::Link);
                header.set_size(0);
                let first = first.clone();
                self.out.append_link(&mut header, path, first).with_context(sentence)?;
                return Ok(Some(EntryType::Link));
            }
            self.links.insert((stat.st_dev, stat.st_ino), path.to_owned());
        }
        self.append(path, &fd, kind, header).with_context(sentence)?;
        Ok(Some(kind))
    }

    fn append(
        &mut self,
        path: &Path,
        fd: &OwnedFd,
        kind: EntryType,
        mut header: Header,
    ) -> Result<()> {
        match kind {
            EntryType::Symlink => {
                let target = readlinkat(fd, "").context("read a link")?;
                self.out.append_link(&mut header, path, target).context("write an archive")
            }
            EntryType::Regular => {
                let file = beneath::open_file(self.root, path)?;
                let metadata = file.metadata().context("look at a file")?;
                if !metadata.is_file() {
                    return Ok(());
                }
                self.extended(&file)?;
                header.set_size(metadata.len());
                let content = Exactly { file, left: metadata.len() };
                self.out.append_data(&mut header, path, content).context("write an archive")
            }
            EntryType::Directory => {
                let folder = File::from(beneath::open_folder(self.root, path)?);
                self.extended(&folder)?;
                let mut name = path.as_os_str().to_owned();
                name.push("/");
                self.out.append_data(&mut header, name, io::empty()).context("write an archive")
            }
            _ => self.out.append_data(&mut header, path, io::empty()).context("write an archive"),
        }
    }

    fn extended(&mut self, file: &File) -> Result<()> {
        let mut records = Vec::new();
        for (name, value) in tree::xattrs(file)? {
            records.push((format!("SCHILY.xattr.{}", name.to_string_lossy()), value));
        }
        if records.is_empty() {
            return Ok(());
        }
        let records = records.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        self.out.append_pax_extensions(records).context("write an archive")
    }

    fn whiteout(&mut self, path: &Path) -> Result<()> {
        let mut name = OsString::from(WHITEOUT);
        name.push(path.file_name().unwrap_or_default());
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_mtime(0);
        header.set_size(0);
        let path = path.with_file_name(name);
        self.out.append_data(&mut header, path, io::empty()).context("write an archive")
    }
}

/// A file's content with the size that its header promised, whatever a running program does to it.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let mut count = self.file.read(&mut buffer[..room])?;
        if count == 0 {
            buffer[..room].fill(0);
            count = room;
        }
        self.left -= count as u64;
        Ok(count)
    }
}

fn is_gone(error: &Error) -> bool {
    use nix::errno::Errno::{ELOOP, ENOENT, ENOTDIR};
    matches!(error.find::<nix::errno::Errno>(), Some(ENOENT | ENOTDIR | ELOOP))
}

/// Sockets are left out, as with Docker.
fn kind(stat: &FileStat) -> Option<EntryType> {
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFREG => Some(EntryType::Regular),
        libc::S_IFDIR => Some(EntryType::Directory),
        libc::S_IFLNK => Some(EntryType::Symlink),
        libc::S_IFCHR => Some(EntryType::Char),
        libc::S_IFBLK => Some(EntryType::Block),
        libc::S_IFIFO => Some(EntryType::Fifo),
        _ => None,
    }
}

fn header(stat: &FileStat, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(stat.st_mode & 0o7777);
    header.set_uid(stat.st_uid.into());
    header.set_gid(stat.st_gid.into());
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or(0));
    header.set_size(0);
    if matches!(kind, EntryType::Char | EntryType::Block) {
        // Both fields are there in a header of this kind, so neither call fails.
        let _ = header.set_device_major(major(stat.st_rdev) as u32);
        let _ = header.set_device_minor(minor(stat.st_rdev) as u32);
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_tree_and_its_changes() {
        let root = std::env::temp_dir().join(format!("coffer-pack-{}", std::process::id()));
        std::fs::create_dir_all(root.join("d")).unwrap();
        std::fs::write(root.join("d/f"), "hello").unwrap();
        std::fs::hard_link(root.join("d/f"), root.join("hard")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join("link")).unwrap();
        let fd = File::open(&root).unwrap();
        let names = |bytes: &[u8]| -> Vec<(String, EntryType)> {
            let mut archive = tar::Archive::new(bytes);
            let entry = |e: io::Result<tar::Entry<&[u8]>>| {
                let e = e.unwrap();
                (e.path().unwrap().to_string_lossy().into_owned(), e.header().entry_type())
            };
            archive.entries().unwrap().map(entry).collect()
        };
        let mut bytes = Vec::new();
        tree(fd.as_fd(), &mut bytes).unwrap();
        assert_eq!(
            names(&bytes),
            [
                ("d/".to_owned(), EntryType::Directory),
                ("d/f".to_owned(), EntryType::Regular),
                ("hard".to_owned(), EntryType::Link),
                ("link".to_owned(), EntryType::Symlink),
            ]
        );
        let list = [
            Change { path: "/d/f".into(), kind: ChangeKind::Modified },
            Change { path: "/d/gone".into(), kind: ChangeKind::Deleted },
            Change { path: "/vanished".into(), kind: ChangeKind::Added },
        ];
        let mut bytes = Vec::new();
        changes(fd.as_fd(), &list, &mut bytes).unwrap();
        let found: Vec<String> = names(&bytes).into_iter().map(|(name, _)| name).collect();
        assert_eq!(found, ["d/f", "d/.wh.gone"]);
        std::fs::remove_dir_all(root).unwrap();
    }
}
