//! A new volume gets what the image has at its mount point (Docker's copy-up): content, owner, mode.
//!
//! Reads through a detached mount of the container's tree, so that nothing is mounted anywhere, and
//! writes only below the volume's folder. Blocking.

use super::io::archive::{Owner, Replace, Unpack, pack, unpack};
use super::io::root::Root;
use crate::image::Images;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, SFlag, fchmod, fstat};
use nix::unistd::{Gid, Uid, fchown};
use shared::error::{Context, Error, Kind, Result};
use shared::id::ContainerId;
use std::path::Path;

/// Fills `volume` from `target` in the container's tree; a volume that holds anything stays as it is,
/// and so does one whose target is not a folder in the image.
pub fn copy_up(images: &Images, id: &ContainerId, target: &str, volume: &Path) -> Result<()> {
    let mut entries =
        std::fs::read_dir(volume).with_context(|| format!("list {}", volume.display()))?;
    if entries.next().is_some() {
        return Ok(());
    }
    let root = Root::new(images.open_root(id)?);
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let stat = match root.open_at(Path::new(target), flags, Mode::empty()) {
        Ok(source) => fstat(&source).with_context(|| format!("look at {target}"))?,
        Err(error) if error.kind() == Kind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) != SFlag::S_IFDIR {
        return Ok(());
    }
    copy(&root, &format!("{}/.", target.trim_end_matches('/')), id.short(), volume)?;
    let what = || format!("give {} its owner and mode", volume.display());
    let folder = std::fs::File::open(volume).with_context(what)?;
    fchown(&folder, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))
        .with_context(what)?;
    fchmod(&folder, Mode::from_bits_truncate(stat.st_mode)).with_context(what)
}

/// One thread packs, this one unpacks; a pipe between them.
fn copy(root: &Root, path: &str, who: &str, volume: &Path) -> Result<()> {
    let (reader, mut writer) = std::io::pipe().context("make a pipe")?;
    std::thread::scope(|scope| {
        let packer = scope.spawn(move || pack(root, path, who, &mut writer));
        let how = Unpack { replace: Replace::All, owner: Owner::Archive };
        let unpacked = unpack(&Root::open(volume)?, "/", who, reader, how);
        let packed = packer.join().map_err(|_| Error::internal("packing a volume panicked"))?;
        unpacked.and(packed)
    })
}
