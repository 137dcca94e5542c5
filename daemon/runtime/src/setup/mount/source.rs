//! Sources of bind mounts that a user namespace could not reach by path: copied as detached mounts by
//! the privileged outer half, attached by the inner one (open_tree(2), move_mount(2)).
#![allow(unsafe_code)] // neither has a safe wrapper

use oci_spec::runtime::Spec;
use shared::error::{Context, Error, Result};
use shared::kernel::mount::Options;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const CLONE: u32 = 1;
const RECURSIVE: u32 = 0x8000;
const FROM_EMPTY_PATH: u32 = 0x04;
const TO_EMPTY_PATH: u32 = 0x40;

/// Detached copies, by the mount's place in the spec.
#[derive(Default)]
pub struct Sources(BTreeMap<usize, OwnedFd>);

impl Sources {
    /// Copies every source of a bind mount; relative ones are in the bundle.
    pub fn copy(spec: &Spec, bundle: &Path) -> Result<Self> {
        let mut all = BTreeMap::new();
        for (number, entry) in spec.mounts().as_deref().unwrap_or_default().iter().enumerate() {
            let options = entry.options().as_deref().unwrap_or_default();
            let options = Options::parse(options.iter().map(String::as_str));
            if !options.bind() && entry.typ().as_deref() != Some("bind") {
                continue;
            }
            let source = bundle.join(entry.source().as_deref().unwrap_or(Path::new("")));
            let recursive = options.flags.contains(nix::mount::MsFlags::MS_REC);
            all.insert(number, open_tree(&source, recursive)?);
        }
        Ok(Self(all))
    }

    /// The copy for a mount, if there is one.
    pub fn get(&self, number: usize) -> Option<&OwnedFd> {
        self.0.get(&number)
    }
}

/// A detached copy of what is mounted at `path`.
pub(super) fn open_tree(path: &Path, recursive: bool) -> Result<OwnedFd> {
    let text = CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Error::invalid("a path contains a zero byte"))?;
    let flags = CLONE | libc::O_CLOEXEC as u32 | if recursive { RECURSIVE } else { 0 };
    // SAFETY: the path outlives the call.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, text.as_ptr(), flags) };
    if fd < 0 {
        let error = std::io::Error::last_os_error();
        return Err(error).context(format!("copy the mount source {}", path.display()));
    }
    // SAFETY: the kernel just made the descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Attaches a copy to what is open at the target.
pub fn attach(copy: &OwnedFd, target: &OwnedFd) -> Result<()> {
    let (from, to, none) = (copy.as_raw_fd(), target.as_raw_fd(), c"".as_ptr());
    let flags = FROM_EMPTY_PATH | TO_EMPTY_PATH;
    // SAFETY: the paths are literals.
    if unsafe { libc::syscall(libc::SYS_move_mount, from, none, to, none, flags) } < 0 {
        return Err(std::io::Error::last_os_error()).context("attach a copied mount");
    }
    Ok(())
}
