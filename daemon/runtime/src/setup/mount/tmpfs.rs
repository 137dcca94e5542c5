//! A tmpfs takes over the permissions of the folder that it covers unless told otherwise, and with
//! `tmpcopyup` what that folder holds.

use super::super::place::{Root, Want, by_number, mode_of, reopen};
use super::put;
use nix::mount::MsFlags;
use oci_spec::runtime::{Linux, Mount};
use shared::error::{Context, Error, Result};
use shared::kernel::mount::Options;
use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

pub(super) fn mount(root: &Root, entry: &Mount, options: &Options, linux: &Linux) -> Result<()> {
    let target = entry.destination();
    let there = root.find(target)?;
    let mut data = options.data.clone();
    if let (Some(fd), false) = (&there, has_mode(&data)) {
        let mode = format!("mode={:04o}", mode_of(fd)? & 0o7777);
        data = if data.is_empty() { mode } else { format!("{data},{mode}") };
    }
    let label = linux.mount_label().as_deref().filter(|l| !l.is_empty());
    // Without SELinux the kernel knows no contexts, and the label is about nothing.
    if let Some(label) = label.filter(|_| Path::new("/sys/fs/selinux/enforce").exists()) {
        data = format!("{data},context=\"{label}\"");
    }
    let fd = match there {
        Some(fd) => fd,
        None => root.make(target, Want::Folder)?,
    };
    // `/dev` is filled first and made read-only at the end; so is what is copied into.
    let late = target == Path::new("/dev") || options.copy_up;
    let flags = if late { options.flags & !MsFlags::MS_RDONLY } else { options.flags };
    put(entry, &fd, "tmpfs", flags, &data)?;
    if options.copy_up {
        let new = reopen(root, target)?;
        copy(&by_number(&fd), &by_number(&new))?;
        if options.flags.contains(MsFlags::MS_RDONLY) {
            shared::kernel::mount::remount(&by_number(&new), options.flags)?;
        }
    }
    Ok(())
}

fn has_mode(data: &str) -> bool {
    data.split(',').any(|option| option.starts_with("mode="))
}

/// Folders, files and symlinks with their owners and permissions; anything else is an error.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let sentence = |path: &Path| format!("copy {} into the tmpfs", path.display());
    for entry in std::fs::read_dir(from).with_context(|| sentence(from))? {
        let entry = entry.with_context(|| sentence(from))?;
        let (source, target) = (entry.path(), to.join(OsStr::new(&entry.file_name())));
        let found = entry.metadata().with_context(|| sentence(&source))?;
        let kind = found.file_type();
        if kind.is_dir() {
            std::fs::create_dir(&target).with_context(|| sentence(&source))?;
            copy(&source, &target)?;
        } else if kind.is_symlink() {
            let link = std::fs::read_link(&source).with_context(|| sentence(&source))?;
            std::os::unix::fs::symlink(link, &target).with_context(|| sentence(&source))?;
        } else if kind.is_file() {
            std::fs::copy(&source, &target).with_context(|| sentence(&source))?;
        } else {
            return Err(Error::invalid(format!("{} cannot be copied", source.display())));
        }
        std::os::unix::fs::lchown(&target, Some(found.uid()), Some(found.gid()))
            .with_context(|| sentence(&source))?;
        if !kind.is_symlink() {
            let mode = std::fs::Permissions::from_mode(found.mode() & 0o7777);
            std::fs::set_permissions(&target, mode).with_context(|| sentence(&source))?;
        }
    }
    Ok(())
}
