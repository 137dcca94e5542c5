//! A path as the user gave it, found inside the container.

use super::super::root::{Root, judged};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::sys::statfs::{FsType, fstatfs};
use serde::{Deserialize, Serialize};
use shared::error::{Context, Error, Kind, Result};
use std::ffi::OsString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What `X-Docker-Container-Path-Stat` carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathStat {
    /// Last part of the path as asked.
    pub name: String,
    /// Bytes.
    pub size: i64,
    /// Go's `os.FileMode`.
    pub mode: u32,
    /// RFC 3339 with nanoseconds, UTC.
    pub mtime: String,
    /// Where a symbolic link leads inside the container; else empty.
    #[serde(rename = "linkTarget")]
    pub link_target: String,
}

/// An entry of a folder that is held open.
#[derive(Debug)]
pub struct Place {
    /// The folder.
    pub parent: OwnedFd,
    /// The entry's name; empty for the folder itself.
    pub name: OsString,
    /// Absolute and clean.
    pub path: PathBuf,
    /// What Docker calls it: the last part as asked, `.` when the path ends so.
    pub base: OsString,
    /// What it is.
    pub stat: FileStat,
}

/// The container has no such file; `who` is its name or id as asked.
pub fn missing(path: &str, who: &str) -> Error {
    Error::not_found(format!("Could not find the file {path} in container {who}"))
}

/// Finds `path`. A link at its end is followed only when the path ends with a slash or `/.`.
pub fn find(root: &Root, path: &str, who: &str) -> Result<Place> {
    let absent = |e: Error| if e.kind() == Kind::NotFound { missing(path, who) } else { e };
    let clean = super::super::super::spec::point::clean(&format!("/{path}")).unwrap_or_default();
    let clean = PathBuf::from(clean);
    let as_folder = path.ends_with('/') || path.ends_with("/.") || path == ".";
    let base = match path {
        _ if path.ends_with("/.") || path == "." => ".".into(),
        _ => clean.file_name().map_or_else(|| "/".into(), OsString::from),
    };
    let folder = OFlag::O_PATH | OFlag::O_DIRECTORY;
    if as_folder || clean == Path::new("/") {
        let parent = match root.raw(&clean, folder, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::ENOTDIR)
                if as_folder && root.raw(&clean, OFlag::O_PATH, Mode::empty()).is_ok() =>
            {
                return Err(Error::invalid(format!("{path}: not a directory")));
            }
            Err(e) => return Err(absent(judged(e, &clean))),
        };
        guard(&parent).map_err(absent)?;
        let stat = fstat(&parent).with_context(|| format!("look at {path}"))?;
        return Ok(Place { parent, name: OsString::new(), path: clean, base, stat });
    }
    let above = clean.parent().unwrap_or(Path::new("/"));
    let parent = root.open_at(above, folder, Mode::empty()).map_err(absent)?;
    guard(&parent).map_err(absent)?;
    let name = clean.file_name().map(OsString::from).unwrap_or_default();
    let stat = fstatat(&parent, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW)
        .map_err(|e| absent(judged(e, &clean)))?;
    let place = Place { parent, name, path: clean, base, stat };
    if kind(&place.stat) == SFlag::S_IFDIR {
        guard(&place.open()?).map_err(absent)?;
    }
    Ok(place)
}

impl Place {
    /// A handle on it, links not followed.
    pub fn open(&self) -> Result<OwnedFd> {
        let name = if self.name.is_empty() { ".".as_ref() } else { self.name.as_os_str() };
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(&self.parent, name, flags, Mode::empty()).map_err(|e| judged(e, &self.path))
    }
}

/// The type bits of a mode.
pub fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

/// Filesystems that the kernel makes up (linux/magic.h): what is in them is the host's, not the
/// container's. Docker does not show them either.
const KERNEL: [i64; 13] = [
    0x9fa0,
    0x6265_6572,
    0x0027_e0eb,
    0x6367_7270,
    0x1cd1,
    0x1980_0202,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0xcafe_4a11,
    0xde5e_81e4,
    0x6165_676c,
    0x6e73_6673,
];

/// Whether the folder is in one of them.
pub fn is_kernel(folder: impl AsFd) -> Result<bool> {
    let kind = fstatfs(folder.as_fd()).context("look at a filesystem")?.filesystem_type();
    Ok(KERNEL.iter().any(|magic| FsType(*magic as _) == kind))
}

fn guard(folder: &OwnedFd) -> Result<()> {
    match is_kernel(folder)? {
        true => Err(Error::not_found("a kernel filesystem is not part of the container's files")),
        false => Ok(()),
    }
}

/// Go's `os.FileMode` of a file: the permission bits, and its own bits for type and special ones.
fn go_mode(stat: &FileStat) -> u32 {
    let bits = [(libc::S_ISUID, 1 << 23), (libc::S_ISGID, 1 << 22), (libc::S_ISVTX, 1 << 20)];
    let special = bits.iter().filter(|(bit, _)| stat.st_mode & bit != 0).map(|(_, go)| go);
    let kind = match kind(stat) {
        SFlag::S_IFDIR => 1 << 31,
        SFlag::S_IFLNK => 1 << 27,
        SFlag::S_IFBLK => 1 << 26,
        SFlag::S_IFCHR => 1 << 26 | 1 << 21,
        SFlag::S_IFIFO => 1 << 25,
        SFlag::S_IFSOCK => 1 << 24,
        _ => 0,
    };
    special.fold((stat.st_mode & 0o777) | kind, |mode, bit| mode | bit)
}

/// What `HEAD /containers/{id}/archive` answers with.
///
/// # Errors
/// `NotFound` "Could not find the file ...".
pub fn stat(root: &Root, path: &str, who: &str) -> Result<PathStat> {
    if path.is_empty() {
        return Err(Error::invalid("bad parameter: pathcannot be empty"));
    }
    let place = find(root, path, who)?;
    Ok(describe(root, &place))
}

/// The same for a place that was found.
pub fn describe(root: &Root, place: &Place) -> PathStat {
    let is_link = kind(&place.stat) == SFlag::S_IFLNK;
    let nanos =
        i128::from(place.stat.st_mtime) * 1_000_000_000 + i128::from(place.stat.st_mtime_nsec);
    let time = time::OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let mtime = time.format(&time::format_description::well_known::Rfc3339);
    PathStat {
        name: place.base.to_string_lossy().into_owned(),
        size: place.stat.st_size,
        mode: go_mode(&place.stat),
        mtime: mtime.unwrap_or_default(),
        link_target: if is_link { target(root, place) } else { String::new() },
    }
}

/// Where a link leads, in the container's own paths; a dangling one as far as its text says.
fn target(root: &Root, place: &Place) -> String {
    if let Ok(end) = root.raw(&place.path, OFlag::O_PATH, Mode::empty())
        && let Ok(path) = std::fs::read_link(format!("/proc/self/fd/{}", end.as_raw_fd()))
    {
        let base = std::fs::read_link(format!("/proc/self/fd/{}", root.as_fd().as_raw_fd()));
        let base = base.unwrap_or_else(|_| "/".into());
        let inside = path.strip_prefix(&base).unwrap_or(&path);
        return Path::new("/").join(inside).to_string_lossy().into_owned();
    }
    let text = readlinkat(&place.parent, place.name.as_os_str()).unwrap_or_default();
    let joined = place.path.parent().unwrap_or(Path::new("/")).join(Path::new(&text));
    let joined = String::from_utf8_lossy(joined.as_os_str().as_bytes()).into_owned();
    super::super::super::spec::point::clean(&joined).unwrap_or(joined)
}
