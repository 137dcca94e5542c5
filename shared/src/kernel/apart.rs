//! Folders that have nothing to do with one another, said to the filesystem.
//!
//! ext4 puts a new folder near its parent, and a new file into the block group of its folder. An inode
//! that was freed a moment ago is not used again for up to five minutes, and every new file walks past
//! all of those in its group: where thousands of files have just been deleted, making thousands of others
//! takes ten times as long. Below a folder with `FS_TOPDIR_FL` (chattr(1), `T`) every new folder goes to
//! an emptier group of its own instead, chosen by its name. Other filesystems know no such flag.

#![allow(unsafe_code)] // nix has no wrapper for FS_IOC_SETFLAGS

use crate::error::{Context, Result};
use nix::errno::Errno;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

/// `FS_TOPDIR_FL` of linux/fs.h.
const TOP: libc::c_int = 0x0002_0000;

/// Puts folders made in `folder` from now on apart from it and from one another, where the filesystem
/// can; elsewhere this does nothing.
pub fn children(folder: &Path) -> Result<()> {
    let sentence = || format!("set attributes of {}", folder.display());
    let file = File::open(folder).with_context(sentence)?;
    let mut flags: libc::c_int = 0;
    // SAFETY: the kernel writes an int, despite the number's name, to a live one.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::FS_IOC_GETFLAGS, &mut flags) };
    if without_flags(Errno::result(result)).with_context(sentence)? {
        return Ok(());
    }
    flags |= TOP;
    // SAFETY: the kernel reads an int from a live one.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::FS_IOC_SETFLAGS, &flags) };
    without_flags(Errno::result(result)).with_context(sentence)?;
    Ok(())
}

/// True if the filesystem has no such attributes, or does not let us set them.
fn without_flags(result: nix::Result<libc::c_int>) -> nix::Result<bool> {
    match result {
        Ok(_) => Ok(false),
        Err(Errno::ENOTTY | Errno::EOPNOTSUPP | Errno::EINVAL | Errno::EPERM | Errno::ENOSYS) => {
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_the_flag_or_leaves_the_folder_as_it_is() {
        let root = std::env::temp_dir().join(format!("coffer-apart-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        children(&root).unwrap();
        children(&root).unwrap();
        let file = File::open(&root).unwrap();
        let mut flags: libc::c_int = 0;
        // SAFETY: the kernel writes an int to a live one.
        let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::FS_IOC_GETFLAGS, &mut flags) };
        let kind = nix::sys::statfs::fstatfs(&file).unwrap().filesystem_type();
        if result == 0 && kind == nix::sys::statfs::EXT4_SUPER_MAGIC {
            assert_eq!(flags & TOP, TOP);
        } else {
            eprintln!("skipped: the temporary folder is not on ext4");
        }
        std::fs::remove_dir_all(&root).unwrap();
        assert!(children(&root).is_err());
    }
}
