//! The way from a blob's bytes to a tar stream: recognised by its first bytes, decompressed, hashed on
//! both sides.

use sha2::{Digest as _, Sha256};
use shared::error::{Context, Error, Result};
use shared::id::Digest;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

/// Bytes read, decompressed and hashed at once.
const CHUNK: usize = 128 << 10;
/// Enough to recognise a tar header.
const SNIFF: usize = 512;

/// How a stream is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// A stream whose first bytes were looked at.
pub type Peeked<R> = Chain<Cursor<Vec<u8>>, R>;

/// Reads the first bytes, and gives them with a stream that has them still.
pub fn peek<R: Read>(mut input: R) -> Result<(Vec<u8>, Peeked<R>)> {
    let mut first = Vec::with_capacity(SNIFF);
    (&mut input).take(SNIFF as u64).read_to_end(&mut first).context("read the archive")?;
    Ok((first.clone(), Cursor::new(first).chain(input)))
}

impl Compression {
    /// Recognises a stream by its first bytes. What cannot be read here is an error that names it.
    pub fn sniff(first: &[u8]) -> Result<Self> {
        match first {
            [0x1f, 0x8b, ..] => Ok(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(Self::Zstd),
            // Skippable frames, which zstd:chunked begins with (RFC 8878, section 3.1.2).
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', ..] => {
                Err(Error::invalid("xz compression is not supported"))
            }
            [b'B', b'Z', b'h', ..] => Err(Error::invalid("bzip2 compression is not supported")),
            _ => Ok(Self::None),
        }
    }

    /// The stream unpacked.
    pub fn decode<'a, R: Read + 'a>(self, input: R) -> Result<Box<dyn Read + 'a>> {
        let input = BufReader::with_capacity(CHUNK, input);
        Ok(match self {
            Self::None => Box::new(input),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Self::Zstd => {
                Box::new(zstd::Decoder::with_buffer(input).context("read a zstd stream")?)
            }
        })
    }
}

/// A buffered stream that hashes and counts whatever passes.
pub struct Hashed<R> {
    input: R,
    hasher: Sha256,
    bytes: u64,
    buffer: Box<[u8]>,
    range: std::ops::Range<usize>,
}

impl<R: Read> Hashed<R> {
    /// Nothing has passed yet.
    pub fn new(input: R) -> Self {
        let buffer = vec![0; CHUNK].into_boxed_slice();
        Self { input, hasher: Sha256::new(), bytes: 0, buffer, range: 0..0 }
    }

    /// Reads what is left, and gives the digest and the number of all bytes.
    pub fn finish(mut self) -> Result<(Digest, u64)> {
        loop {
            let count = self.fill_buf().context("read the archive")?.len();
            if count == 0 {
                break;
            }
            self.consume(count);
        }
        Ok((Digest::from_sha256(&self.hasher.finalize().into()), self.bytes))
    }
}

impl<R: Read> BufRead for Hashed<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.range.is_empty() {
            let count = self.input.read(&mut self.buffer)?;
            self.hasher.update(&self.buffer[..count]);
            self.bytes += count as u64;
            self.range = 0..count;
        }
        Ok(&self.buffer[self.range.clone()])
    }

    fn consume(&mut self, amount: usize) {
        self.range.start += amount;
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.range.is_empty() && out.len() >= CHUNK {
            // Nothing is gained by a copy on the way.
            let count = self.input.read(out)?;
            self.hasher.update(&out[..count]);
            self.bytes += count as u64;
            return Ok(count);
        }
        let bytes = self.fill_buf()?;
        let count = bytes.len().min(out.len());
        out[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn recognises_and_unpacks() {
        let plain = vec![7u8; 300_000];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        let packed = [
            (Compression::None, plain.clone()),
            (Compression::Gzip, gzip.finish().unwrap()),
            (Compression::Zstd, zstd::encode_all(&plain[..], 1).unwrap()),
        ];
        for (kind, bytes) in packed {
            let (first, stream) = peek(&bytes[..]).unwrap();
            assert_eq!(Compression::sniff(&first).unwrap(), kind);
            let hashed = Hashed::new(kind.decode(stream).unwrap());
            let (digest, count) = hashed.finish().unwrap();
            assert_eq!(count, 300_000);
            assert_eq!(digest, Digest::from_sha256(&Sha256::digest(&plain).into()));
        }
        assert!(Compression::sniff(b"BZh9").is_err());
    }
}
