//! The flags that mounts have already: a remount must repeat them.

use super::place::by_number;
use nix::mount::MsFlags;
use nix::sys::statvfs::{FsFlags, statvfs};
use shared::error::{Context, Result};
use std::path::Path;

/// The flags that a mount has, in the words of mount(2).
pub fn of(path: &Path) -> Result<MsFlags> {
    let flags = statvfs(path).with_context(|| format!("look at {}", path.display()))?.flags();
    let pairs = [
        (FsFlags::ST_RDONLY, MsFlags::MS_RDONLY),
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ];
    let set = pairs.iter().filter(|(there, _)| flags.contains(*there));
    Ok(set.fold(MsFlags::empty(), |all, (_, flag)| all | *flag))
}

/// The flags of the mount that a descriptor is on.
pub fn of_open(fd: impl std::os::fd::AsFd) -> Result<MsFlags> {
    of(&by_number(fd))
}
