//! A tar into a folder of a container (`docker cp` in).

use super::super::root::{Root, judged};
use super::clear::clear;
use super::dress::{attributes, bad, chmod, mode, set_attributes, time};
use super::place::{is_kernel, missing};
use super::wrapping::plain;
use super::{BLOCK, DEPTH_MAX};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{
    Mode, SFlag, UtimensatFlags, fchmod, fstatat, futimens, mkdirat, mknodat, utimensat,
};
use nix::sys::statvfs::{FsFlags, fstatvfs};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fchownat, linkat, symlinkat, unlinkat};
use shared::error::{Context, Error, Kind, Result};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use tar::{Entry, EntryType, Header};

/// What may take whose place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Anything may replace anything.
    All,
    /// Neither a folder by something else nor something else by a folder (`noOverwriteDirNonDir`).
    SameKind,
}

/// Who the files belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// As the archive says.
    Archive,
    /// The container's user (`copyUIDGID`).
    User {
        /// User id.
        uid: u32,
        /// Group id.
        gid: u32,
    },
}

/// How to unpack.
#[derive(Clone, Copy, Debug)]
pub struct Unpack {
    /// What may take whose place.
    pub replace: Replace,
    /// Who the files belong to.
    pub owner: Owner,
}

/// Unpacks `tar` (plain, gzip or zstd) below `path`, which must be a folder. `who` is the container as
/// asked.
///
/// # Errors
/// `NotFound` for a missing folder, `Invalid` for what is no folder or a bad archive, `Forbidden` for a
/// read-only place.
pub fn unpack(root: &Root, path: &str, who: &str, tar: impl Read, how: Unpack) -> Result<()> {
    if path.is_empty() {
        return Err(Error::invalid("bad parameter: pathcannot be empty"));
    }
    let clean = super::super::super::spec::point::clean(&format!("/{path}")).unwrap_or_default();
    let base = PathBuf::from(clean);
    let folder = match root.raw(&base, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::ENOENT) => return Err(missing(path, who)),
        Err(Errno::ENOTDIR) => return Err(Error::invalid("extraction point is not a directory")),
        Err(e) => return Err(judged(e, &base)),
    };
    if is_kernel(&folder)? {
        return Err(missing(path, who));
    }
    let flags = fstatvfs(&folder).context("look at a filesystem")?.flags();
    if flags.contains(FsFlags::ST_RDONLY) {
        let of_root = fstatvfs(root).context("look at a filesystem")?.flags();
        return Err(Error::forbidden(match of_root.contains(FsFlags::ST_RDONLY) {
            true => "container rootfs is marked read-only",
            false => "mounted volume is marked read-only",
        }));
    }
    let mut unpacker =
        Unpacker { root, base, how, parent: None, times: Vec::new(), buffer: vec![0; BLOCK] };
    let mut archive = tar::Archive::new(plain(tar)?);
    for entry in archive.entries().context_kind(Kind::Invalid, "read an archive")? {
        unpacker.entry(entry.context_kind(Kind::Invalid, "read an archive")?)?;
    }
    unpacker.finish()
}

struct Unpacker<'a> {
    root: &'a Root,
    base: PathBuf,
    how: Unpack,
    /// The folder of the entry before: most entries are neighbours.
    parent: Option<(PathBuf, OwnedFd)>,
    /// Times of folders, set last because filling a folder changes them.
    times: Vec<(PathBuf, TimeSpec)>,
    buffer: Vec<u8>,
}

/// The parts of a name in an archive: relative, without `..`.
fn parts(name: &Path) -> Result<PathBuf> {
    let mut path = PathBuf::new();
    for part in name.components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            Component::ParentDir => {
                if !path.pop() {
                    return Err(Error::invalid(format!(
                        "{:?} is outside of the folder",
                        name.display()
                    )));
                }
            }
        }
    }
    Ok(path)
}

impl Unpacker<'_> {
    fn entry(&mut self, mut entry: Entry<'_, impl Read>) -> Result<()> {
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            return Ok(());
        }
        let name = entry.path().context_kind(Kind::Invalid, "read a name of an archive")?;
        let name = parts(&name)?;
        let Some(last) = name.file_name().map(OsString::from) else { return self.top(&entry) };
        self.parent(name.parent().unwrap_or(Path::new("")))?;
        let header = entry.header().clone();
        let kept = self.make_room(&last, &name, kind)?;
        let Some((_, parent)) = &self.parent else {
            return Err(Error::internal("an archive's folder is not open"));
        };
        match kind {
            EntryType::Directory => {
                if !kept {
                    mkdirat(parent, last.as_os_str(), Mode::from_bits_truncate(0o700))
                        .map_err(|e| judged(e, &name))?;
                }
            }
            EntryType::Link => return self.hard_link(&entry, &name, &last),
            EntryType::Symlink => {
                let target = entry.link_name().context_kind(Kind::Invalid, "read a link")?;
                let target = target.ok_or_else(|| Error::invalid("a link without a target"))?;
                symlinkat(target.as_ref(), parent, last.as_os_str())
                    .map_err(|e| judged(e, &name))?;
            }
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                node(parent, &last, &name, &header)?
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let file = create(parent, &last).map_err(|e| judged(e, &name))?;
                copy(&mut entry, &file, &name, &mut self.buffer)?;
                return self.dress_file(&mut entry, &header, &name, &file);
            }
            _ => return Ok(()),
        }
        self.dress(&mut entry, &header, &name, &last)
    }

    /// The archive's own root gives the folder nothing but must not fail.
    fn top(&self, entry: &Entry<'_, impl Read>) -> Result<()> {
        match entry.header().entry_type() {
            EntryType::Directory => Ok(()),
            _ => Err(Error::invalid("an archive's entry has no name")),
        }
    }

    /// Opens the folder `path` below the base, making what is missing.
    fn parent(&mut self, path: &Path) -> Result<()> {
        if self.parent.as_ref().is_some_and(|(open, _)| open == path) {
            return Ok(());
        }
        let full = self.base.join(path);
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
        let folder = match self.root.raw(&full, flags, Mode::empty()) {
            Err(Errno::ENOENT) => {
                let (Some(name), Some(above)) = (path.file_name(), path.parent()) else {
                    // The container has taken the folder itself away meanwhile.
                    return Err(judged(Errno::ENOENT, &full));
                };
                if path.components().count() > DEPTH_MAX {
                    return Err(Error::invalid(format!(
                        "folders are nested deeper than {DEPTH_MAX}"
                    )));
                }
                let name = name.to_owned();
                self.parent(above)?;
                if let Some((_, above)) = &self.parent {
                    match mkdirat(above, name.as_os_str(), Mode::from_bits_truncate(0o755)) {
                        Ok(()) | Err(Errno::EEXIST) => {}
                        Err(e) => return Err(judged(e, &full)),
                    }
                }
                self.root.open_at(&full, flags, Mode::empty())?
            }
            other => other.map_err(|e| judged(e, &full))?,
        };
        if is_kernel(&folder)? {
            return Err(Error::forbidden(format!("{} is the kernel's", full.display())));
        }
        self.parent = Some((path.to_owned(), folder));
        Ok(())
    }

    /// Takes away what is in the way; true when a folder may stay.
    fn make_room(&mut self, last: &OsStr, name: &Path, kind: EntryType) -> Result<bool> {
        let Some((_, parent)) = &self.parent else { return Ok(false) };
        let there = match fstatat(parent, last, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::ENOENT) => return Ok(false),
            Err(e) => return Err(judged(e, name)),
        };
        let was_folder = super::place::kind(&there) == SFlag::S_IFDIR;
        let is_folder = kind == EntryType::Directory;
        if was_folder && is_folder {
            return Ok(true);
        }
        if self.how.replace == Replace::SameKind && was_folder != is_folder {
            let path = self.base.join(name);
            return Err(Error::invalid(match was_folder {
                true => format!("cannot overwrite directory {path:?} with non-directory {path:?}"),
                false => format!("cannot overwrite non-directory {path:?} with directory {path:?}"),
            }));
        }
        if !was_folder {
            // A file that something is mounted on is written in place.
            return match unlinkat(parent, last, UnlinkatFlags::NoRemoveDir) {
                Ok(()) | Err(Errno::ENOENT) => Ok(false),
                Err(Errno::EBUSY) if kind == EntryType::Regular => Ok(false),
                Err(e) => Err(judged(e, name)),
            };
        }
        clear(parent, last)?;
        self.parent = None;
        self.parent(name.parent().unwrap_or(Path::new("")))?;
        Ok(false)
    }

    fn hard_link(&mut self, entry: &Entry<'_, impl Read>, name: &Path, last: &OsStr) -> Result<()> {
        let target = entry.link_name().context_kind(Kind::Invalid, "read a link")?;
        let target = parts(&target.ok_or_else(|| Error::invalid("a link without a target"))?)?;
        let above = self.base.join(target.parent().unwrap_or(Path::new("")));
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
        let from = self.root.open_at(&above, flags, Mode::empty())?;
        let Some((_, parent)) = &self.parent else { return Ok(()) };
        let target = target.file_name().unwrap_or_default();
        linkat(&from, target, parent, last, AtFlags::empty()).map_err(|e| judged(e, name))
    }

    /// Owner, mode, attributes, time. The mode comes after the owner, who takes set-id bits away.
    fn dress(
        &mut self,
        entry: &mut Entry<'_, impl Read>,
        header: &Header,
        name: &Path,
        last: &OsStr,
    ) -> Result<()> {
        let Some((_, parent)) = &self.parent else { return Ok(()) };
        let (uid, gid) = self.owner(header, name)?;
        let keep = AtFlags::AT_SYMLINK_NOFOLLOW;
        fchownat(parent, last, Some(uid), Some(gid), keep).map_err(|e| judged(e, name))?;
        let kind = header.entry_type();
        if kind != EntryType::Symlink {
            // A link that was put there meanwhile is not followed out: `last` is one name in `parent`,
            // and what it leads to would be inside the root for the container, not for us.
            chmod(parent, last, mode(header, name)?, name)?;
        }
        let time = time(header, name)?;
        if kind != EntryType::Directory {
            return utimensat(parent, last, &time, &time, UtimensatFlags::NoFollowSymlink)
                .map_err(|e| judged(e, name));
        }
        self.times.push((name.to_owned(), time));
        let wanted = attributes(entry)?;
        if !wanted.is_empty() {
            let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
            let folder = openat(parent, last, flags, Mode::empty()).map_err(|e| judged(e, name))?;
            set_attributes(&File::from(folder), &wanted);
        }
        Ok(())
    }

    /// The same on the open file, whatever its name leads to by now.
    fn dress_file(
        &self,
        entry: &mut Entry<'_, impl Read>,
        header: &Header,
        name: &Path,
        file: &File,
    ) -> Result<()> {
        let (uid, gid) = self.owner(header, name)?;
        fchown(file, Some(uid), Some(gid)).map_err(|e| judged(e, name))?;
        fchmod(file, mode(header, name)?).map_err(|e| judged(e, name))?;
        let time = time(header, name)?;
        futimens(file, &time, &time).map_err(|e| judged(e, name))?;
        set_attributes(file, &attributes(entry)?);
        Ok(())
    }

    fn owner(&self, header: &Header, name: &Path) -> Result<(Uid, Gid)> {
        let (uid, gid) = match self.how.owner {
            Owner::User { uid, gid } => (uid, gid),
            Owner::Archive => {
                let uid = header.uid().with_context(|| bad("owner", name))?;
                let gid = header.gid().with_context(|| bad("group", name))?;
                (uid as u32, gid as u32)
            }
        };
        Ok((Uid::from_raw(uid), Gid::from_raw(gid)))
    }

    fn finish(mut self) -> Result<()> {
        for (name, time) in std::mem::take(&mut self.times).into_iter().rev() {
            self.parent(name.parent().unwrap_or(Path::new("")))?;
            let (Some((_, parent)), Some(last)) = (&self.parent, name.file_name()) else {
                continue;
            };
            match utimensat(parent, last, &time, &time, UtimensatFlags::NoFollowSymlink) {
                // Gone again already: then it needs no time.
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(e) => return Err(judged(e, &name)),
            }
        }
        Ok(())
    }
}

fn create(parent: impl AsFd, last: &OsStr) -> nix::Result<File> {
    let flags =
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    let mode = Mode::from_bits_truncate(0o600);
    match openat(parent.as_fd(), last, flags | OFlag::O_EXCL, mode) {
        // Only a file that something is mounted on is still there.
        Err(Errno::EEXIST) => {
            openat(parent.as_fd(), last, flags | OFlag::O_TRUNC, mode).map(File::from)
        }
        other => other.map(File::from),
    }
}

fn copy(from: &mut impl Read, mut to: &File, name: &Path, buffer: &mut [u8]) -> Result<()> {
    loop {
        let got = from.read(buffer).context_kind(Kind::Invalid, "read an archive")?;
        if got == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..got]).with_context(|| format!("write {}", name.display()))?;
    }
}

fn node(parent: &OwnedFd, last: &OsStr, name: &Path, header: &Header) -> Result<()> {
    let kind = match header.entry_type() {
        EntryType::Char => SFlag::S_IFCHR,
        EntryType::Block => SFlag::S_IFBLK,
        _ => SFlag::S_IFIFO,
    };
    let number = |part: std::io::Result<Option<u32>>| part.ok().flatten().unwrap_or_default();
    let device = libc::makedev(number(header.device_major()), number(header.device_minor()));
    mknodat(parent, last, kind, Mode::from_bits_truncate(0o600), device)
        .map_err(|e| judged(e, name))
}
