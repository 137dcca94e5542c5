//! Paths that the container may not see, or only read. Runs inside the container's root, so a
//! symlink cannot lead outside; a path that is not there needs no mask.

use nix::mount::MsFlags;
use oci_spec::runtime::Linux;
use shared::error::{Context, Error, Result};
use shared::kernel::mount;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Read-only paths, then masked ones.
pub fn all(linux: &Linux) -> Result<()> {
    for path in linux.readonly_paths().as_deref().unwrap_or_default() {
        read_only(Path::new(path))?;
    }
    let mut empty = None;
    for path in linux.masked_paths().as_deref().unwrap_or_default() {
        hide(Path::new(path), &mut empty)?;
    }
    Ok(())
}

fn read_only(path: &Path) -> Result<()> {
    match nix::mount::mount(
        Some(path),
        path,
        None::<&str>,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        None::<&str>,
    ) {
        Ok(()) => {}
        Err(nix::errno::Errno::ENOENT | nix::errno::Errno::ENOTDIR) => return Ok(()),
        Err(error) => return Err(error).context(format!("bind {} to itself", path.display())),
    }
    // Flags that the mount has already must be said again: a user namespace may not drop them.
    mount::remount(path, super::flags::of(path)? | MsFlags::MS_RDONLY)
}

/// A file is covered by `/dev/null`, a folder by one empty read-only tmpfs that all folders share.
fn hide(path: &Path, empty: &mut Option<std::path::PathBuf>) -> Result<()> {
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(e) if matches!(e.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) => return Ok(()),
        Err(e) => return Err(e).context(format!("look at {}", path.display())),
    };
    if !found.is_dir() {
        let null = std::fs::metadata("/dev/null").context("look at /dev/null")?;
        // An image that brings its own "null" must not be bound over what is to be hidden.
        if !null.file_type().is_char_device() || null.rdev() != libc::makedev(1, 3) {
            return Err(Error::invalid("/dev/null is not the null device: paths cannot be masked"));
        }
        return mount::bind(Path::new("/dev/null"), path, MsFlags::empty());
    }
    match empty {
        Some(first) => mount::bind(first, path, MsFlags::empty()),
        None => {
            mount::mount("tmpfs", path, "tmpfs", MsFlags::MS_RDONLY, "nr_blocks=1,nr_inodes=1")?;
            *empty = Some(path.to_owned());
            Ok(())
        }
    }
}
