//! An entry of a tar stream, as the rest of the engine sees it.

use std::ffi::OsString;
use tar::EntryType;

/// One entry, its extensions applied.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name as written, not checked.
    pub path: OsString,
    /// Where a hard or symbolic link points, as written.
    pub link: OsString,
    /// What it is.
    pub kind: EntryType,
    /// Bytes of content that follow.
    pub size: u64,
    /// Permissions with set-user-id, set-group-id and sticky bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Time of modification: seconds since 1970.
    pub mtime: i64,
    /// Time of modification: nanoseconds.
    pub mtime_nanos: i64,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Extended attributes.
    pub xattrs: Vec<(OsString, Vec<u8>)>,
}
