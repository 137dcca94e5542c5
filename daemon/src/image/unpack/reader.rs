//! Reads a tar stream entry by entry: headers decoded, extensions (GNU long names, PAX) applied and
//! bounded, and every byte that is not a file's content handed to a [`Tap`], so that the very same
//! stream can be put together again later.
//!
//! Never touches the filesystem, and never holds more than one extension in memory.

use super::entry::Entry;
use super::pax;
use crate::limits;
use shared::error::{Context, Error, Result};
use std::ffi::OsString;
use std::io::{self, BufRead};
use std::os::unix::ffi::OsStringExt;
use tar::{EntryType, Header};

/// Bytes of a tar block (POSIX.1-2017, pax, "ustar Interchange Format").
pub const BLOCK: usize = 512;

/// Sees every byte of the stream but the content that somebody took.
pub trait Tap {
    /// The next bytes of the stream.
    fn raw(&mut self, bytes: &[u8]) -> Result<()>;
}

/// For streams that need not be put together again.
pub struct NoTap;

impl Tap for NoTap {
    fn raw(&mut self, _bytes: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// A tar stream.
pub struct Reader<R> {
    input: R,
    /// Content of the current entry that nobody took yet.
    left: u64,
    /// Zeros after the content.
    padding: u64,
    entries: u64,
}

impl<R: BufRead> Reader<R> {
    /// Begins at the stream's first header.
    pub fn new(input: R) -> Self {
        Self { input, left: 0, padding: 0, entries: 0 }
    }

    /// The stream below.
    pub fn into_inner(self) -> R {
        self.input
    }

    /// Entries so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Content of the current entry that is still to come, in bytes.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// The next entry; the rest of the current one goes to the tap. At the end everything up to the
    /// end of the stream is read and tapped, too.
    pub fn next(&mut self, tap: &mut impl Tap) -> Result<Option<Entry>> {
        let mut extensions = pax::Extensions::default();
        loop {
            self.skip(tap)?;
            let Some(block) = self.block(tap)? else { return Ok(None) };
            let header = Header::from_byte_slice(&block);
            check_sum(header)?;
            let kind = header.entry_type();
            self.left = pax::size(header)?;
            match kind {
                EntryType::GNULongName => extensions.path = Some(self.long_name(tap)?),
                EntryType::GNULongLink => extensions.link = Some(self.long_name(tap)?),
                EntryType::XHeader => extensions.apply(&self.extension(tap)?)?,
                EntryType::XGlobalHeader => drop(self.extension(tap)?),
                _ => return self.entry(header, extensions).map(Some),
            }
        }
    }

    fn entry(&mut self, header: &Header, extensions: pax::Extensions) -> Result<Entry> {
        self.entries += 1;
        if self.entries > limits::ARCHIVE_ENTRIES {
            let limit = limits::ARCHIVE_ENTRIES;
            return Err(Error::invalid(format!("the archive has more than {limit} entries")));
        }
        let entry = extensions.onto(header)?;
        self.left = entry.size;
        self.padding = padding(entry.size);
        Ok(entry)
    }

    /// Takes content of the current entry, up to `buffer`'s length; 0 at its end. The tap does not see it.
    pub fn take(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(0);
        }
        let count = self.input.read(&mut buffer[..room]).context("read the archive")?;
        if count == 0 {
            return Err(short());
        }
        self.left -= count as u64;
        Ok(count)
    }

    /// Takes all content of the current entry, which the caller has found small enough.
    pub fn take_all(&mut self) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.left as usize];
        self.input.read_exact(&mut bytes).map_err(read_error)?;
        self.left = 0;
        Ok(bytes)
    }

    fn long_name(&mut self, tap: &mut impl Tap) -> Result<OsString> {
        let mut bytes = self.extension(tap)?;
        bytes.truncate(bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len()));
        Ok(OsString::from_vec(bytes))
    }

    fn extension(&mut self, tap: &mut impl Tap) -> Result<Vec<u8>> {
        if self.left > limits::ARCHIVE_EXTENSION {
            let limit = limits::ARCHIVE_EXTENSION;
            return Err(Error::invalid(format!("a tar extension is larger than {limit} bytes")));
        }
        self.padding = padding(self.left);
        let bytes = self.take_all()?;
        tap.raw(&bytes)?;
        Ok(bytes)
    }

    /// Passes over the rest of the current entry.
    fn skip(&mut self, tap: &mut impl Tap) -> Result<()> {
        let mut rest = self.left + self.padding;
        (self.left, self.padding) = (0, 0);
        while rest > 0 {
            let bytes = self.input.fill_buf().map_err(read_error)?;
            if bytes.is_empty() {
                return Err(short());
            }
            let count = bytes.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
            tap.raw(&bytes[..count])?;
            self.input.consume(count);
            rest -= count as u64;
        }
        Ok(())
    }

    /// The next header; `None` after the zeros, or the plain end, of the archive.
    fn block(&mut self, tap: &mut impl Tap) -> Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        if self.input.fill_buf().map_err(read_error)?.is_empty() {
            return Ok(None);
        }
        self.input.read_exact(&mut block).map_err(read_error)?;
        tap.raw(&block)?;
        if block.iter().any(|b| *b != 0) {
            return Ok(Some(block));
        }
        loop {
            let bytes = self.input.fill_buf().map_err(read_error)?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let count = bytes.len();
            tap.raw(bytes)?;
            self.input.consume(count);
        }
    }
}

/// Content of the current entry as a reader of its own, not tapped.
pub struct Content<'a, R>(pub &'a mut Reader<R>);

impl<R: BufRead> io::Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.take(buffer).map_err(io::Error::other)
    }
}

fn padding(size: u64) -> u64 {
    let block = BLOCK as u64;
    (block - size % block) % block
}

fn short() -> Error {
    Error::invalid("the archive ends early")
}

fn read_error(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => short(),
        // Decoders answer these to damaged input.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            Error::invalid(format!("read the archive: {error}"))
        }
        _ => Err::<(), _>(error).context("read the archive").unwrap_err(),
    }
}

/// The sum of the header's bytes, with blanks in place of the sum itself.
fn check_sum(header: &Header) -> Result<()> {
    let bytes = header.as_bytes();
    let sum = |part: &[u8]| part.iter().map(|b| u32::from(*b)).sum::<u32>();
    let expected = sum(&bytes[..148]) + 8 * u32::from(b' ') + sum(&bytes[156..]);
    match pax::field(&header.as_old().cksum) {
        Ok(written) if written == u64::from(expected) => Ok(()),
        _ => Err(Error::invalid("invalid tar header")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::error::Kind;

    struct Keep(Vec<u8>);
    impl Tap for Keep {
        fn raw(&mut self, bytes: &[u8]) -> Result<()> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
    }

    fn archive() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_size(5);
        header.set_mode(0o4755);
        header.set_uid(7);
        let long = "d/".repeat(90) + "file";
        builder.append_data(&mut header, &long, &b"hello"[..]).unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn long_names_and_every_byte_but_the_content() {
        let bytes = archive();
        let mut tap = Keep(Vec::new());
        let mut reader = Reader::new(&bytes[..]);
        let entry = reader.next(&mut tap).unwrap().unwrap();
        assert_eq!(entry.path.len(), 184);
        assert_eq!((entry.mode, entry.uid, entry.size), (0o4755, 7, 5));
        assert_eq!(reader.take_all().unwrap(), b"hello");
        assert!(reader.next(&mut tap).unwrap().is_none());
        assert_eq!(tap.0.len() + 5, bytes.len());
    }

    #[test]
    fn damaged_and_cut_archives_are_refused() {
        let mut bytes = archive();
        for end in [100, 600, 1030, 1600] {
            let mut reader = Reader::new(&bytes[..end]);
            let error = loop {
                match reader.next(&mut NoTap) {
                    Ok(entry) => assert!(entry.is_some(), "{end}: a cut archive was accepted"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), Kind::Invalid, "{end}: {error}");
        }
        bytes[3] ^= 1;
        let error = Reader::new(&bytes[..]).next(&mut NoTap).unwrap_err();
        assert_eq!(error.to_string(), "invalid tar header");
    }

    #[test]
    fn an_extension_is_bounded() {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::XHeader);
        header.set_size(limits::ARCHIVE_EXTENSION + 1);
        header.set_cksum();
        let error = Reader::new(&header.as_bytes()[..]).next(&mut NoTap).unwrap_err();
        assert!(error.to_string().contains("extension is larger"), "{error}");
    }
}
