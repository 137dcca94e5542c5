//! What tar's extension headers say about the entry that follows them (POSIX.1-2017, pax, "pax Extended
//! Header"; extended attributes as `SCHILY.xattr.<name>`), and the plain header's own fields.

use super::entry::Entry;
use crate::limits;
use shared::error::{Error, Result};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use tar::{EntryType, Header};

const XATTR: &[u8] = b"SCHILY.xattr.";

/// Fields that replace those of the header.
#[derive(Debug, Default)]
pub struct Extensions {
    /// Name.
    pub path: Option<OsString>,
    /// Target of a link.
    pub link: Option<OsString>,
    size: Option<u64>,
    uid: Option<u32>,
    gid: Option<u32>,
    mtime: Option<(i64, i64)>,
    xattrs: Vec<(OsString, Vec<u8>)>,
}

impl Extensions {
    /// Reads records of the form `<length> <key>=<value>\n`.
    pub fn apply(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let (key, value, rest) =
                record(bytes).ok_or_else(|| Error::invalid("invalid pax header"))?;
            self.set(key, value)?;
            bytes = rest;
        }
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        match key {
            b"path" => self.path = Some(OsString::from_vec(value.to_vec())),
            b"linkpath" => self.link = Some(OsString::from_vec(value.to_vec())),
            b"size" => self.size = Some(number(value)?),
            b"uid" => self.uid = Some(number(value)?),
            b"gid" => self.gid = Some(number(value)?),
            b"mtime" => self.mtime = Some(time(value)?),
            _ if key.starts_with(b"GNU.sparse.") => return Err(sparse()),
            _ if key.starts_with(XATTR) => {
                let name = OsString::from_vec(key[XATTR.len()..].to_vec());
                self.xattrs.push((name, value.to_vec()));
            }
            _ => {}
        }
        Ok(())
    }

    /// The entry that `header` and these describe together.
    pub fn onto(self, header: &Header) -> Result<Entry> {
        let path = self.path.unwrap_or_else(|| name(header));
        let old = header.as_old();
        let link =
            self.link.unwrap_or_else(|| OsString::from_vec(until_zero(&old.linkname).to_vec()));
        let mut kind = header.entry_type();
        if kind.is_gnu_sparse() {
            return Err(sparse());
        }
        let is_old_folder = kind == EntryType::Regular && path.as_encoded_bytes().ends_with(b"/");
        if is_old_folder {
            kind = EntryType::Directory;
        }
        let written = size(header)?;
        let (mtime, mtime_nanos) = match self.mtime {
            Some(time) => time,
            None => (field(&old.mtime)? as i64, 0),
        };
        Ok(Entry {
            // Links and folders have no content, whatever their header says (as GNU tar reads it).
            size: if has_content(kind) { bounded(self.size.unwrap_or(written))? } else { 0 },
            mode: field(&old.mode)? as u32 & 0o7777,
            uid: owner(self.uid, &old.uid)?,
            gid: owner(self.gid, &old.gid)?,
            device: device(header, kind)?,
            xattrs: self.xattrs,
            path,
            link,
            kind,
            mtime,
            mtime_nanos,
        })
    }
}

/// A number of a header: octal digits among blanks and zeros, nothing for 0, or base 256 behind a set
/// first bit (GNU tar manual, "Basic Tar Format").
pub fn field(bytes: &[u8]) -> Result<u64> {
    let invalid = || Error::invalid("invalid tar header");
    if let Some(first) = bytes.first().filter(|b| *b & 0x80 != 0) {
        let sign = if first & 0x40 == 0 { 0 } else { -0x80 };
        let first = i128::from(first & 0x7f) + sign;
        let number = bytes[1..].iter().fold(first, |n, b| n << 8 | i128::from(*b));
        return i64::try_from(number).map(|n| n as u64).map_err(|_| invalid());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| invalid())?;
    let text = text.trim_matches(|c| c == ' ' || c == '\0');
    if text.is_empty() { Ok(0) } else { u64::from_str_radix(text, 8).map_err(|_| invalid()) }
}

/// The size that a header gives to what follows it.
pub fn size(header: &Header) -> Result<u64> {
    bounded(field(&header.as_old().size)?)
}

/// No file is larger, and sums of what is read cannot overflow.
fn bounded(size: u64) -> Result<u64> {
    if size <= limits::ARCHIVE_FILE { Ok(size) } else { Err(Error::invalid("invalid tar header")) }
}

fn narrow(number: u64) -> Result<u32> {
    u32::try_from(number).map_err(|_| Error::invalid("invalid tar header"))
}

/// All ones would mean "leave it as it is" to chown(2).
fn owner(extended: Option<u32>, field: &[u8]) -> Result<u32> {
    match extended.map_or_else(|| self::field(field).and_then(narrow), Ok)? {
        u32::MAX => Err(Error::invalid("invalid owner in a tar header")),
        id => Ok(id),
    }
}

fn has_content(kind: EntryType) -> bool {
    matches!(kind, EntryType::Regular | EntryType::Continuous) || !is_known(kind)
}

fn is_known(kind: EntryType) -> bool {
    use EntryType::{Block, Char, Directory, Fifo, Link, Symlink};
    matches!(kind, Link | Symlink | Char | Block | Directory | Fifo)
}

fn device(header: &Header, kind: EntryType) -> Result<(u32, u32)> {
    if !matches!(kind, EntryType::Char | EntryType::Block) {
        return Ok((0, 0));
    }
    let bytes = header.as_bytes();
    Ok((narrow(field(&bytes[329..337])?)?, narrow(field(&bytes[337..345])?)?))
}

fn name(header: &Header) -> OsString {
    let name = until_zero(&header.as_old().name);
    let prefix = header.as_ustar().map_or(&b""[..], |ustar| until_zero(&ustar.prefix));
    let mut bytes = prefix.to_vec();
    if !bytes.is_empty() {
        bytes.push(b'/');
    }
    bytes.extend_from_slice(name);
    OsString::from_vec(bytes)
}

fn until_zero(field: &[u8]) -> &[u8] {
    &field[..field.iter().position(|b| *b == 0).unwrap_or(field.len())]
}

fn sparse() -> Error {
    Error::invalid(
        "the archive has a sparse file, which is not supported: write it without --sparse",
    )
}

/// Key, value and what follows the first record.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = bytes.iter().position(|b| *b == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
    if length <= blank + 1 || length > bytes.len() || bytes[length - 1] != b'\n' {
        return None;
    }
    let pair = &bytes[blank + 1..length - 1];
    let equals = pair.iter().position(|b| *b == b'=')?;
    Some((&pair[..equals], &pair[equals + 1..], &bytes[length..]))
}

fn number<T: std::str::FromStr>(value: &[u8]) -> Result<T> {
    let text = std::str::from_utf8(value).ok();
    text.and_then(|t| t.parse().ok()).ok_or_else(|| Error::invalid("invalid pax header"))
}

/// Seconds with a fraction: `1700000000.25`, or before 1970 with a minus.
fn time(value: &[u8]) -> Result<(i64, i64)> {
    let text = std::str::from_utf8(value).map_err(|_| Error::invalid("invalid pax header"))?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = number(whole.as_bytes())?;
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let nanos: i64 = number(digits.as_bytes())?;
    if whole.starts_with('-') && nanos > 0 {
        let before = seconds.checked_sub(1).ok_or_else(|| Error::invalid("invalid pax header"))?;
        return Ok((before, 1_000_000_000 - nanos));
    }
    Ok((seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_replace_the_headers_fields() {
        let mut extensions = Extensions::default();
        let text = b"16 path=long/er\n22 mtime=1700000000.5\n27 SCHILY.xattr.user.a=x\ny\n";
        extensions.apply(text).unwrap();
        let mut header = Header::new_ustar();
        header.set_size(0);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        let entry = extensions.onto(&header).unwrap();
        assert_eq!(entry.path, "long/er");
        assert_eq!((entry.mtime, entry.mtime_nanos), (1_700_000_000, 500_000_000));
        assert_eq!(entry.xattrs, [(OsString::from("user.a"), b"x\ny".to_vec())]);
    }

    #[test]
    fn numbers_in_octal_and_base_256() {
        assert_eq!(field(b"0000644\0").unwrap(), 0o644);
        assert_eq!(field(b"  17 \0\0\0").unwrap(), 0o17);
        assert_eq!(field(&[0; 8]).unwrap(), 0);
        assert_eq!(field(&[0x80, 0, 0, 0, 0, 0, 1, 2]).unwrap(), 258);
        let mut big = [0; 12];
        (big[0], big[4], big[11]) = (0x80, 2, 1);
        assert_eq!(field(&big).unwrap(), (2 << 56) + 1);
        assert_eq!(field(&[0xff; 12]).unwrap() as i64, -1);
        assert!(field(b"9").is_err());
        big[1] = 1;
        assert!(field(&big).is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [&b"5 a=b"[..], b"99 a=b\n", b"x a=b\n", b"4 a\n", b"0 \n", b"12 size=many\n"] {
            assert!(Extensions::default().apply(text).is_err(), "{text:?}");
        }
        assert_eq!(time(b"-1.25").unwrap(), (-2, 750_000_000));
        assert!(time(b"-9223372036854775808.5").is_err());
    }
}
