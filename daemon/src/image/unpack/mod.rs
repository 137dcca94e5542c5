//! A layer's tar stream becomes a folder of files and a recipe to put the stream together again.
//!
//! One thread reads, decompresses, hashes and parses; others write the files. Archives come from
//! strangers: paths are resolved beneath the folder by the kernel, and everything is bounded.

pub mod entry;
mod pax;
mod place;
pub mod reader;
pub mod recipe;
pub mod stream;
#[cfg(test)]
mod tests;
mod writer;

pub use place::{OPAQUE, WHITEOUT, clean};

use crate::limits;
use crate::snapshot::Whiteouts;
use crate::snapshot::attribute::{Attributes, Privilege};
use entry::Entry;
use nix::errno::Errno;
use place::{Place, Tree};
use reader::Reader;
use recipe::{Displaced, Recorder};
use shared::error::{Context, Error, Kind, Result};
use shared::id::Digest;
use std::fs::File;
use std::io::{BufRead, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use stream::{Compression, Hashed, peek};
use tar::EntryType;
use writer::{Body, Writers};

/// Contents up to this size are handed over whole, in bytes.
const WHOLE: u64 = 256 << 10;
/// Room on the disk is looked at after so many bytes.
const ROOM_EVERY: u64 = 64 << 20;

/// The folder of a layer: `fs` for its files, `recipe`, and `attic` if it has displaced anything.
#[derive(Clone, Debug)]
pub struct Target {
    /// Holds the three.
    pub folder: PathBuf,
    /// How deletions are written.
    pub whiteouts: Whiteouts,
}

impl Target {
    /// The layer's files.
    pub fn files(&self) -> PathBuf {
        self.folder.join("fs")
    }

    /// How to put its stream together.
    pub fn recipe(&self) -> PathBuf {
        self.folder.join("recipe")
    }

    /// What a later entry has replaced.
    pub fn attic(&self) -> PathBuf {
        self.folder.join("attic")
    }
}

/// What came out of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// Digest of the tar stream.
    pub diff_id: Digest,
    /// Digest of the bytes as they came, compressed or not.
    pub blob: Digest,
    /// Length of the tar stream in bytes.
    pub tar_bytes: u64,
    /// Content of all files together, in bytes.
    pub content_bytes: u64,
    /// What the recipe needs besides the files.
    pub displaced: Vec<Displaced>,
}

/// Unpacks a stream into an existing, empty `fs`. Blocking. On failure the folder holds rubbish.
pub fn unpack(input: impl Read, target: &Target) -> Result<Unpacked> {
    let (first, input) = peek(input)?;
    let compression = Compression::sniff(&first)?;
    if compression == Compression::None {
        let mut stream = Hashed::new(input);
        let (content_bytes, displaced) = files(&mut stream, target)?;
        let (diff_id, tar_bytes) = stream.finish()?;
        return Ok(Unpacked {
            blob: diff_id.clone(),
            diff_id,
            tar_bytes,
            content_bytes,
            displaced,
        });
    }
    let mut packed = Hashed::new(input);
    let mut stream = Hashed::new(compression.decode(&mut packed)?);
    let (content_bytes, displaced) = files(&mut stream, target)?;
    let (diff_id, tar_bytes) = stream.finish()?;
    let (blob, _) = packed.finish()?;
    Ok(Unpacked { diff_id, blob, tar_bytes, content_bytes, displaced })
}

fn files(stream: &mut impl BufRead, target: &Target) -> Result<(u64, Vec<Displaced>)> {
    let path = target.files();
    let root = File::open(&path).with_context(|| format!("open {}", path.display()))?;
    let attic = target.attic();
    let recorder = Recorder::create(&target.recipe())?;
    std::thread::scope(|scope| {
        let writers = Writers::start(scope, Privilege::current())?;
        let mut unpacking = Unpacking {
            reader: Reader::new(stream),
            tree: Tree::new(root.as_fd(), &attic, target.whiteouts, writers),
            recorder,
            root: &root,
            content_bytes: 0,
            room_at: ROOM_EVERY,
        };
        unpacking.run().map_err(judge)?;
        let Unpacking { tree, recorder, content_bytes, .. } = unpacking;
        recorder.finish()?;
        let (displaced, skipped) = tree.finish().map_err(judge)?;
        if skipped > 0 {
            tracing::warn!(skipped, "devices of a layer were left out: only root can make them");
        }
        Ok((content_bytes, displaced))
    })
}

struct Unpacking<'a, 'scope, R> {
    reader: Reader<R>,
    tree: Tree<'a, 'scope>,
    recorder: Recorder,
    root: &'a File,
    content_bytes: u64,
    room_at: u64,
}

impl<R: BufRead> Unpacking<'_, '_, R> {
    fn run(&mut self) -> Result<()> {
        check_room(self.root)?;
        while let Some(entry) = self.reader.next(&mut self.recorder)? {
            self.content_bytes += entry.size;
            if self.content_bytes > self.room_at {
                check_room(self.root)?;
                self.room_at = self.content_bytes + ROOM_EVERY;
            }
            self.entry(entry)?;
        }
        Ok(())
    }

    fn entry(&mut self, mut entry: Entry) -> Result<()> {
        let path = clean(&entry.path)?;
        let mtime = (entry.mtime, entry.mtime_nanos);
        let attributes = Attributes::new(entry.mode, entry.uid, entry.gid, mtime)
            .with_xattrs(std::mem::take(&mut entry.xattrs));
        let Some(name) = path.file_name() else {
            if entry.kind == EntryType::Directory {
                return self.tree.folder(&path, None, attributes);
            }
            return Err(Error::invalid("the archive's root is no folder"));
        };
        if name.as_encoded_bytes().starts_with(WHITEOUT.as_bytes()) {
            return self.tree.whiteout(path.parent().unwrap_or(Path::new("")), name);
        }
        let contents = self.recorder.contents();
        let place = self.tree.clear(&path, entry.kind, contents)?;
        match entry.kind {
            EntryType::Regular | EntryType::Continuous => {
                self.file(&path, entry.size, place, attributes)
            }
            EntryType::Directory => self.tree.folder(&path, Some(&place), attributes),
            _ => self.tree.special(&entry, &place, &attributes),
        }
    }

    fn file(&mut self, path: &Path, size: u64, place: Place, attributes: Attributes) -> Result<()> {
        if size > 0 {
            self.recorder.content(path, size)?;
        }
        if size <= WHOLE {
            let body = Body::Whole(self.reader.take_all()?);
            return self.tree.file(place, attributes, body);
        }
        let (sender, parts) = self.tree.parts();
        self.tree.file(place, attributes, Body::Parts(parts))?;
        while self.reader.left() > 0 {
            let mut part = self.tree.buffer();
            part.resize(WHOLE as usize, 0);
            let mut filled = 0;
            while filled < part.len() && self.reader.left() > 0 {
                filled += self.reader.take(&mut part[filled..])?;
            }
            part.truncate(filled);
            if sender.send_blocking(part).is_err() {
                return self.tree.settle();
            }
        }
        Ok(())
    }
}

/// What the kernel refuses because of how an entry is called, where it lies or what it points to is the
/// archive's fault, not ours.
fn judge(error: Error) -> Error {
    let number = error.find::<Errno>().copied().or_else(|| {
        let number = error.find::<std::io::Error>().and_then(std::io::Error::raw_os_error);
        number.map(Errno::from_raw)
    });
    match number {
        Some(
            Errno::ENAMETOOLONG
            | Errno::ENOENT
            | Errno::ENOTDIR
            | Errno::EISDIR
            | Errno::EEXIST
            | Errno::ELOOP
            | Errno::EMLINK
            | Errno::EINVAL
            | Errno::EXDEV
            | Errno::E2BIG,
        ) => error.with_kind(Kind::Invalid),
        _ => error,
    }
}

/// A bomb must not fill the host's disk.
fn check_room(folder: &File) -> Result<()> {
    let stat = nix::sys::statvfs::fstatvfs(folder).context("look for room on the disk")?;
    let free = stat.blocks_available() * stat.fragment_size();
    let size = stat.blocks() * stat.fragment_size();
    if free < limits::UNPACK_RESERVE.min(size / 20) {
        let free = free >> 20;
        return Err(Error::internal(format!("no space left on device: {free} MB are free")));
    }
    Ok(())
}
