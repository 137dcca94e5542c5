//! What an entry's header says of a file besides its content: mode, time, extended attributes.
//! Reads headers and sets what they say; names are only used as one name in an open folder.

use super::super::root::judged;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use nix::sys::time::TimeSpec;
use shared::error::{Context, Kind, Result};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;
use tar::{Entry, Header};
use xattr::FileExt;

/// The sentence about a field that cannot be read.
pub fn bad(what: &str, name: &Path) -> String {
    format!("read the {what} of {}", name.display())
}

/// The mode of an entry.
pub fn mode(header: &Header, name: &Path) -> Result<Mode> {
    let mode = header.mode().with_context(|| bad("mode", name))?;
    Ok(Mode::from_bits_truncate(mode & 0o7777))
}

/// The time of an entry's last change.
pub fn time(header: &Header, name: &Path) -> Result<TimeSpec> {
    let seconds = header.mtime().with_context(|| bad("time", name))?;
    Ok(TimeSpec::new(i64::try_from(seconds).unwrap_or_default(), 0))
}

/// Sets a mode through a handle, so that a link is never followed.
pub fn chmod(parent: &OwnedFd, last: &OsStr, mode: Mode, name: &Path) -> Result<()> {
    use std::os::fd::AsRawFd;
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let handle = openat(parent, last, flags, Mode::empty()).map_err(|e| judged(e, name))?;
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    match fchmodat(nix::fcntl::AT_FDCWD, path.as_str(), mode, FchmodatFlags::FollowSymlink) {
        // A link took its place: links have no mode.
        Ok(()) | Err(Errno::EOPNOTSUPP) => Ok(()),
        Err(e) => Err(judged(e, name)),
    }
}

/// Extended attributes that the archive carries as PAX records.
pub fn attributes(entry: &mut Entry<'_, impl Read>) -> Result<Vec<(String, Vec<u8>)>> {
    let Some(records) = entry.pax_extensions().context_kind(Kind::Invalid, "read an archive")?
    else {
        return Ok(Vec::new());
    };
    let mut wanted = Vec::new();
    for record in records {
        let record = record.context_kind(Kind::Invalid, "read an archive")?;
        let name = record.key().ok().and_then(|k| k.strip_prefix("SCHILY.xattr."));
        wanted.extend(name.map(|n| (n.to_owned(), record.value_bytes().to_vec())));
    }
    Ok(wanted)
}

/// Sets them on an open file.
pub fn set_attributes(file: &File, wanted: &[(String, Vec<u8>)]) {
    for (name, value) in wanted {
        // A filesystem without attributes still takes the file, as Docker does.
        if let Err(error) = file.set_xattr(name, value) {
            tracing::debug!(%name, %error, "an attribute was not kept");
        }
    }
}
