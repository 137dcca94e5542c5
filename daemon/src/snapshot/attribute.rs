//! Ownership, permissions, times and extended attributes of what is unpacked or copied.
//!
//! Without privileges (the plain-copy snapshotter of an unprivileged daemon) what only root can set is left
//! out; it stays in the layer's recipe, so a saved image still has it.

use nix::sys::stat::{Mode, UtimensatFlags, fchmod, futimens, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchown, fchownat};
use shared::error::{Context, Result};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use xattr::FileExt;

/// What this process may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// Owners, devices, all extended attributes.
    Root,
    /// Only what the owner of a file may.
    User,
}

impl Privilege {
    /// That of this process.
    pub fn current() -> Self {
        if Uid::effective().is_root() { Self::Root } else { Self::User }
    }
}

/// The attributes of one entry.
#[derive(Clone, Debug)]
pub struct Attributes {
    mode: Mode,
    uid: u32,
    gid: u32,
    mtime: TimeSpec,
    xattrs: Vec<(OsString, Vec<u8>)>,
}

impl Attributes {
    /// Permissions, owner, group and time (seconds and nanoseconds since 1970).
    pub fn new(mode: u32, uid: u32, gid: u32, mtime: (i64, i64)) -> Self {
        Self {
            mode: Mode::from_bits_truncate(mode),
            uid,
            gid,
            mtime: TimeSpec::new(mtime.0, mtime.1),
            xattrs: Vec::new(),
        }
    }

    /// The same with those extended attributes that an image may set; others are left out.
    pub fn with_xattrs(mut self, mut xattrs: Vec<(OsString, Vec<u8>)>) -> Self {
        xattrs.retain(|(name, _)| is_allowed(name));
        self.xattrs = xattrs;
        self
    }

    /// Sets them on an open file or folder. The owner first: a change of it clears set-user-id and
    /// file capabilities.
    pub fn set(&self, file: &File, privilege: Privilege) -> Result<()> {
        if privilege == Privilege::Root && (self.uid, self.gid) != (0, 0) {
            let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
            fchown(file, Some(uid), Some(gid)).context("set the owner")?;
        }
        for (name, value) in &self.xattrs {
            if privilege == Privilege::Root || name.as_encoded_bytes().starts_with(b"user.") {
                set_xattr(file, name, value)?;
            }
        }
        fchmod(file, self.mode).context("set the permissions")?;
        futimens(file, &self.mtime, &self.mtime).context("set the time")
    }

    /// Sets owner and time of what cannot be opened: links, devices, pipes. Not the permissions.
    pub fn set_at(&self, folder: BorrowedFd, name: &OsStr, privilege: Privilege) -> Result<()> {
        if privilege == Privilege::Root && (self.uid, self.gid) != (0, 0) {
            let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
            let flag = nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW;
            fchownat(folder, name, Some(uid), Some(gid), flag).context("set the owner")?;
        }
        let follow = UtimensatFlags::NoFollowSymlink;
        utimensat(folder.as_fd(), name, &self.mtime, &self.mtime, follow).context("set the time")
    }

    /// The permissions.
    pub fn mode(&self) -> Mode {
        self.mode
    }
}

/// Overlayfs takes orders from `trusted.overlay.*`, and `security.selinux` and the like belong to the
/// host: only capabilities, access lists and the user's own attributes come out of an archive.
pub fn is_allowed(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b"user.")
        || name == b"security.capability"
        || name == b"system.posix_acl_access"
        || name == b"system.posix_acl_default"
}

/// A filesystem that has no extended attributes (tmpfs and `user.`) loses them, as with dockerd.
fn set_xattr(file: &File, name: &OsStr, value: &[u8]) -> Result<()> {
    match file.set_xattr(name, value) {
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => {
            tracing::debug!(name = %name.to_string_lossy(), "the filesystem takes no such attribute");
            Ok(())
        }
        other => other.with_context(|| format!("set attribute {}", name.to_string_lossy())),
    }
}
