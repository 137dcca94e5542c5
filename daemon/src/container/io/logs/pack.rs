//! Compressed log files: gzip, with the original's identity and length in the header's comment, so that
//! a reader in the middle of the original finds its place again. Blocking. Never renames a log file.

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};
use shared::error::{Context, Error, Result};
use shared::rotation::{self, Identity};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes between two looks whether the work is still wanted.
const BLOCK: usize = 64 << 10;

/// What stands in the header's comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The file that was compressed.
    pub original: Identity,
    /// Its length.
    pub bytes: u64,
}

/// A compressed copy under a name of its own.
#[derive(Debug)]
pub struct Packed {
    /// Where it is.
    pub temporary: PathBuf,
    /// Of what.
    pub origin: Origin,
    /// The original, held so that no other file gets its inode before the copy is in its place.
    _held: File,
}

/// Compresses a rotated file to `temporary`; its time is the original's, since readers go by it, and it
/// is on disk before it is told of. `None` when `unwanted` said so in the middle.
pub fn pack(
    rotated: &Path,
    temporary: PathBuf,
    unwanted: &dyn Fn() -> bool,
) -> Result<Option<Packed>> {
    let packed = write(rotated, &temporary, unwanted);
    if !matches!(packed, Ok(Some(_)))
        && let Err(error) = std::fs::remove_file(&temporary)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, copy = %temporary.display(), "half a copy of a log stays");
    }
    Ok(packed?.map(|(origin, held)| Packed { temporary, origin, _held: held }))
}

fn write(
    rotated: &Path,
    temporary: &Path,
    unwanted: &dyn Fn() -> bool,
) -> Result<Option<(Origin, File)>> {
    let sentence = || format!("compress {}", rotated.display());
    let mut from = File::open(rotated).with_context(sentence)?;
    let meta = from.metadata().with_context(sentence)?;
    let origin = Origin { original: rotation::identity(&meta), bytes: meta.len() };
    let comment = serde_json::to_vec(&origin).with_context(sentence)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o640);
    let to = options.open(temporary).with_context(sentence)?;
    let mut encoder = GzBuilder::new().comment(comment).write(to, Compression::default());
    let mut block = vec![0; BLOCK];
    loop {
        if unwanted() {
            return Ok(None);
        }
        match from.read(&mut block).with_context(sentence)? {
            0 => break,
            count => encoder.write_all(&block[..count]).with_context(sentence)?,
        }
    }
    let to = encoder.finish().with_context(sentence)?;
    to.set_modified(meta.modified().with_context(sentence)?).with_context(sentence)?;
    to.sync_all().with_context(sentence)?;
    Ok(Some((origin, from)))
}

/// Reads a file from its beginning without moving anything: others read the same open file.
struct From<'a> {
    file: &'a File,
    at: u64,
}

impl Read for From<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// What a compressed file was, and its length then. One that somebody else has compressed tells the
/// length alone.
pub fn origin(file: &File) -> Result<(Option<Identity>, u64)> {
    let decoder = GzDecoder::new(From { file, at: 0 });
    let comment = decoder.header().and_then(|header| header.comment());
    if let Some(Ok(origin)) = comment.map(serde_json::from_slice::<Origin>) {
        return Ok((Some(origin.original), origin.bytes));
    }
    let length = file.metadata().context("look at a compressed log")?.len();
    let mut last = [0; 4];
    file.read_exact_at(&mut last, length.saturating_sub(4)).context("read a compressed log")?;
    Ok((None, u64::from(u32::from_le_bytes(last))))
}

/// The original's bytes, in a file without a name in `folder`: gone when nobody has it open.
pub fn unpack(file: &File, folder: &Path, bytes: u64) -> Result<File> {
    let sentence = || format!("uncompress a log in {}", folder.display());
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(nix::libc::O_TMPFILE);
    let mut to = options.open(folder).with_context(sentence)?;
    // One byte more than there can be: a bomb is not let out.
    let mut content = GzDecoder::new(From { file, at: 0 }).take(bytes + 1);
    let got = io::copy(&mut content, &mut to).with_context(sentence)?;
    match got == bytes {
        true => Ok(to),
        false => {
            Err(Error::internal(format!("a compressed log in {} is damaged", folder.display())))
        }
    }
}
