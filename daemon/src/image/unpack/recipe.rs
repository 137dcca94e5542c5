//! How to put a layer's tar stream together again from the files that were unpacked from it, byte for
//! byte, so that a layer is on disk once and still has its digest.
//!
//! The file is a zstd stream of records: `0 length:u32 bytes` for bytes of the stream that are no
//! content, and `1 size:u64 length:u32 path` for the content of a file (little endian). A recipe is
//! written once, never changed; whoever puts a stream together checks its digest.

use super::reader::Tap;
use crate::limits;
use crate::snapshot::beneath;
use serde::{Deserialize, Serialize};
use shared::error::{Context, Error, Result};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

const RAW: u8 = 0;
const CONTENT: u8 = 1;
/// Raw bytes gathered before they are written as one record.
const GATHER: usize = 64 << 10;

/// Something that a later entry of the same layer replaced: its content is needed for the stream alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Displaced {
    /// Contents recorded before the replacement; only those are meant.
    pub before: u64,
    /// Which path was replaced, folders with all below them.
    pub path: PathBuf,
}

/// Writes a recipe while a layer is unpacked.
pub struct Recorder {
    out: zstd::Encoder<'static, File>,
    gathered: Vec<u8>,
    contents: u64,
}

impl Recorder {
    /// Begins a recipe in a new file.
    pub fn create(path: &Path) -> Result<Self> {
        let sentence = || format!("create {}", path.display());
        let file = File::create_new(path).with_context(sentence)?;
        let out = zstd::Encoder::new(file, 1).with_context(sentence)?;
        Ok(Self { out, gathered: Vec::with_capacity(GATHER), contents: 0 })
    }

    /// The next `size` bytes of the stream are the content of `path`.
    pub fn content(&mut self, path: &Path, size: u64) -> Result<()> {
        self.flush()?;
        self.contents += 1;
        let name = path.as_os_str().as_bytes();
        let mut record = vec![CONTENT];
        record.extend_from_slice(&size.to_le_bytes());
        record.extend_from_slice(&(name.len() as u32).to_le_bytes());
        record.extend_from_slice(name);
        self.out.write_all(&record).context("write the recipe")
    }

    /// Contents recorded so far.
    pub fn contents(&self) -> u64 {
        self.contents
    }

    /// Writes what is left.
    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        self.out.finish().context("write the recipe")?;
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let length = (self.gathered.len() as u32).to_le_bytes();
        let result = self
            .out
            .write_all(&[RAW])
            .and_then(|()| self.out.write_all(&length))
            .and_then(|()| self.out.write_all(&self.gathered));
        self.gathered.clear();
        result.context("write the recipe")
    }
}

impl Tap for Recorder {
    fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= GATHER { self.flush() } else { Ok(()) }
    }
}

/// Where the pieces of a layer are.
pub struct Pieces<'a> {
    /// The recipe.
    pub recipe: &'a Path,
    /// The layer's files.
    pub files: BorrowedFd<'a>,
    /// What was displaced: the n-th of `displaced` is the entry `n` here. Not there if nothing was.
    pub attic: Option<BorrowedFd<'a>>,
    /// In the order of displacement.
    pub displaced: &'a [Displaced],
}

impl Pieces<'_> {
    /// Writes the stream.
    pub fn assemble(&self, out: &mut impl Write) -> Result<()> {
        let sentence = || format!("read {}", self.recipe.display());
        let file = File::open(self.recipe).with_context(sentence)?;
        let mut input = BufReader::new(zstd::Decoder::new(file).with_context(sentence)?);
        let mut contents = 0;
        let mut bytes = Vec::new();
        loop {
            let mut tag = [0];
            if input.read(&mut tag).with_context(sentence)? == 0 {
                return Ok(());
            }
            let size = if tag[0] == CONTENT { read_number::<8>(&mut input)? } else { 0 };
            let length = read_number::<4>(&mut input)? as usize;
            if length > GATHER + limits::ARCHIVE_EXTENSION as usize {
                return Err(Error::internal(format!("{}: damaged", self.recipe.display())));
            }
            bytes.resize(length, 0);
            input.read_exact(&mut bytes).with_context(sentence)?;
            if tag[0] == CONTENT {
                let path = PathBuf::from(OsString::from_vec(std::mem::take(&mut bytes)));
                self.copy(contents, &path, size, out)?;
                contents += 1;
            } else {
                out.write_all(&bytes).context("write a layer")?;
            }
        }
    }

    fn copy(&self, number: u64, path: &Path, size: u64, out: &mut impl Write) -> Result<()> {
        let (root, place) = self.place(number, path)?;
        let file = beneath::open_file(root, &place)?;
        let sentence = || format!("copy {} of a layer", path.display());
        let length = file.metadata().with_context(sentence)?.len();
        let copied = std::io::copy(&mut file.take(size), out).with_context(sentence)?;
        if copied != size || length != size {
            let path = path.display();
            return Err(Error::internal(format!(
                "{path} of a layer has {length} bytes, not {size}"
            )));
        }
        Ok(())
    }

    /// Where the content with this number is now.
    fn place(&self, number: u64, path: &Path) -> Result<(BorrowedFd<'_>, PathBuf)> {
        for (index, displaced) in self.displaced.iter().enumerate() {
            if let (true, Ok(rest)) =
                (number < displaced.before, path.strip_prefix(&displaced.path))
            {
                let attic =
                    self.attic.ok_or_else(|| Error::internal("a layer has lost its attic"))?;
                let place = PathBuf::from(index.to_string());
                let is_whole = rest.as_os_str().is_empty();
                return Ok((attic, if is_whole { place } else { place.join(rest) }));
            }
        }
        Ok((self.files.as_fd(), path.to_owned()))
    }
}

fn read_number<const N: usize>(input: &mut impl Read) -> Result<u64> {
    let mut bytes = [0; 8];
    input.read_exact(&mut bytes[..N]).context("read a recipe")?;
    Ok(u64::from_le_bytes(bytes))
}
