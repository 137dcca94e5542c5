//! Programs that no container can overwrite. A program that becomes a container's first process, or
//! that is executed once more from inside (`#!/proc/self/exe`), can be reached there as
//! `/proc/<pid>/exe`; root inside could then write to the host's file (CVE-2019-5736). Executed by way
//! of a detached read-only mount of that file, every such write fails with `EROFS`; nothing is copied,
//! so that pages stay shared.
#![allow(unsafe_code)] // open_tree(2), mount_setattr(2), fexecve(3) have no safe wrapper

use crate::error::{Context, Result};
use nix::sys::statvfs::{FsFlags, statvfs};
use std::ffi::{CString, OsString};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

const CLONE: u32 = 1;

/// A handle on a program through a read-only mount of its own: execute `/proc/self/fd/<number>`. It
/// lives as long as the handle and the processes that run it.
pub fn open(program: &Path) -> Result<OwnedFd> {
    let text = CString::new(program.as_os_str().as_bytes()).context("name a program")?;
    let flags = CLONE | libc::O_CLOEXEC as u32;
    // SAFETY: the path outlives the call.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, text.as_ptr(), flags) };
    if fd < 0 {
        let error = std::io::Error::last_os_error();
        return Err(error).context(format!("copy the mount of {}", program.display()));
    }
    // SAFETY: the kernel just made the descriptor for us.
    let fd = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    let read_only = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    let (number, size) = (fd.as_raw_fd(), size_of::<libc::mount_attr>());
    let (empty, at) = (c"".as_ptr(), libc::AT_EMPTY_PATH);
    // SAFETY: `read_only` is live and of the given size, the path is a literal.
    let set =
        unsafe { libc::syscall(libc::SYS_mount_setattr, number, empty, at, &read_only, size) };
    if set != 0 {
        return Err(std::io::Error::last_os_error()).context("make a program's mount read-only");
    }
    Ok(fd)
}

/// Whether this process runs from a read-only mount.
pub fn is_sealed() -> bool {
    statvfs("/proc/self/exe").is_ok_and(|found| found.flags().contains(FsFlags::ST_RDONLY))
}

/// Executes this program once more, sealed, with the same arguments and environment. Returns at once
/// if it is sealed already; else only with an error.
pub fn reexecute() -> Result<()> {
    if is_sealed() {
        return Ok(());
    }
    let program = open(Path::new("/proc/self/exe"))?;
    let text = |bytes: Vec<u8>| CString::new(bytes).context("pass an argument on");
    let arguments: Vec<CString> =
        std::env::args_os().map(|a| text(a.into_vec())).collect::<Result<_>>()?;
    let variable = |(name, value): (OsString, OsString)| {
        text([name.as_bytes(), b"=", value.as_bytes()].concat())
    };
    let environment: Vec<CString> = std::env::vars_os().map(variable).collect::<Result<_>>()?;
    let path = text(format!("/proc/self/fd/{}", program.as_raw_fd()).into_bytes())?;
    let failed = nix::unistd::execve(&path, &arguments, &environment);
    failed.map(|_| ()).context("execute the sealed program")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_sealed_program_runs_and_cannot_be_written() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: mounts need root");
            return;
        }
        let folder = std::env::temp_dir().join(format!("coffer-sealed-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let copy = folder.join("true");
        std::fs::copy("/bin/true", &copy).unwrap();
        let sealed = open(&copy).unwrap();
        let path = format!("/proc/self/fd/{}", sealed.as_raw_fd());
        let ran = Command::new(&path).status().unwrap().success();
        let written = std::fs::File::options().write(true).open(&path);
        let open_still = std::fs::File::options().write(true).open(&copy).is_ok();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(ran && open_still);
        assert_eq!(written.unwrap_err().raw_os_error(), Some(libc::EROFS));
    }
}
