//! Mounts that are attached nowhere: the root filesystem of a stopped container as a file descriptor.
//!
//! The mounts are made by a thread of their own in a mount namespace of its own, which ends with the
//! thread; what stays is a detached copy that lives as long as the descriptor. Nothing of it is ever
//! seen in the caller's namespace, and nothing is left when the caller is killed.

#![allow(unsafe_code)] // open_tree(2) has no wrapper in nix

use crate::error::{Context, Error, Result};
use crate::shim::Mount;
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat, openat2};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, mkdirat};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// `open_tree(2)`: a copy of the mount instead of a handle on the attached one.
const OPEN_TREE_CLONE: libc::c_uint = 1;
/// `open_tree(2)`: with everything mounted below.
const AT_RECURSIVE: libc::c_uint = 0x8000;
/// mount(2) silently drops what exceeds one page of options; 4 KiB is the smallest page.
const PAGE: usize = 4096;

/// Makes the mounts, each on top of the one before, and gives their root. `scratch` is an existing folder that serves as
/// mount point inside the thread's namespace; it is not touched outside.
pub fn detached(mounts: &[Mount], scratch: &Path) -> Result<OwnedFd> {
    detached_with(mounts, &[], scratch)
}

/// A file or folder of the host that is to appear inside a detached tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graft {
    /// On the host.
    pub source: PathBuf,
    /// From the tree's root; resolved inside it, links and all.
    pub target: PathBuf,
    /// It cannot be written to.
    pub read_only: bool,
}

/// The same with `grafts` in their places. A target that does not exist is made, as a start would.
pub fn detached_with(mounts: &[Mount], grafts: &[Graft], scratch: &Path) -> Result<OwnedFd> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("detached-mount".to_owned());
        let worker = thread
            .spawn_scoped(scope, || in_own_namespace(mounts, grafts, scratch))
            .context("start a thread for a detached mount")?;
        worker.join().unwrap_or_else(|_| Err(Error::internal("the mounting thread panicked")))
    })
}

fn in_own_namespace(mounts: &[Mount], grafts: &[Graft], scratch: &Path) -> Result<OwnedFd> {
    unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS)
        .context("unshare the mount namespace")?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
        .context("make the thread's mounts private")?;
    for item in mounts {
        attach(item, scratch)?;
    }
    for graft in grafts {
        bind(graft, scratch)?;
    }
    open_tree(scratch)
}

/// Binds one graft. Its target is the container's, so the kernel resolves it inside the tree.
fn bind(graft: &Graft, root: &Path) -> Result<()> {
    let say = || format!("bind {} at {}", graft.source.display(), graft.target.display());
    let folder = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let root = open(root, folder, Mode::empty()).with_context(say)?;
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let found = match openat2(&root, &graft.target, how) {
        Err(Errno::ENOENT) => {
            make_place(&root, graft, how).with_context(say)?;
            openat2(&root, &graft.target, how)
        }
        other => other,
    };
    let place = match found {
        // A file or a dangling link is in the way: a start would fail, reading need not.
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
        other => other.with_context(say)?,
    };
    let place = format!("/proc/self/fd/{}", place.as_raw_fd());
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(&graft.source), place.as_str(), None::<&str>, flags, None::<&str>)
        .with_context(say)?;
    if graft.read_only {
        // The handle names what is below the mount: the path leads to its top.
        let top = openat2(&root, &graft.target, how).with_context(say)?;
        let top = format!("/proc/self/fd/{}", top.as_raw_fd());
        let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, top.as_str(), None::<&str>, flags, None::<&str>).with_context(say)?;
    }
    Ok(())
}

/// Makes a graft's mount point with all folders above it. What is in the way stays.
fn make_place(root: &OwnedFd, graft: &Graft, how: OpenHow) -> nix::Result<()> {
    let names: Vec<_> =
        graft.target.components().filter(|c| matches!(c, Component::Normal(_))).collect();
    let folder = Mode::from_bits_truncate(0o755);
    for (count, name) in names.iter().enumerate() {
        let above: PathBuf = std::iter::once(&Component::CurDir).chain(&names[..count]).collect();
        if openat2(root, &above.join(name), how).is_ok() {
            continue;
        }
        let above = match openat2(root, &above, how) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
            other => other?,
        };
        let made = if count + 1 < names.len() || graft.source.is_dir() {
            mkdirat(&above, name.as_os_str(), folder)
        } else {
            let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
            openat(&above, name.as_os_str(), flags, Mode::from_bits_truncate(0o644)).map(drop)
        };
        match made {
            Err(Errno::EEXIST | Errno::ENOTDIR) => return Ok(()),
            other => other?,
        }
    }
    Ok(())
}

/// Mounts one in the calling thread's namespace. Relative paths among the options hold from
/// [`Mount::source`], as they do for every reader of such a mount.
fn attach(item: &Mount, target: &Path) -> Result<()> {
    let (flags, data) = split_options(&item.options);
    if item.kind == "overlay" && Path::new(&item.source).is_absolute() {
        std::env::set_current_dir(&item.source)
            .with_context(|| format!("enter {}", item.source))?;
    }
    if data.len() >= PAGE {
        let message = format!("the options of a mount of {} exceed {PAGE} bytes", item.kind);
        return Err(Error::invalid(message));
    }
    let kind = (item.kind != "bind").then_some(item.kind.as_str());
    mount(Some(item.source.as_str()), target, kind, flags, Some(data.as_str()))
        .with_context(|| format!("mount {} at {}", item.kind, target.display()))?;
    if flags.contains(MsFlags::MS_BIND) && flags.contains(MsFlags::MS_RDONLY) {
        let again = flags | MsFlags::MS_REMOUNT;
        mount(None::<&str>, target, None::<&str>, again, None::<&str>)
            .with_context(|| format!("make {} read-only", target.display()))?;
    }
    Ok(())
}

/// Flags of mount(2), and what is left for the filesystem.
fn split_options(options: &[String]) -> (MsFlags, String) {
    let mut flags = MsFlags::empty();
    let mut data = Vec::new();
    for option in options {
        match option.as_str() {
            "ro" => flags |= MsFlags::MS_RDONLY,
            "rw" => {}
            "bind" => flags |= MsFlags::MS_BIND,
            "rbind" => flags |= MsFlags::MS_BIND | MsFlags::MS_REC,
            "nosuid" => flags |= MsFlags::MS_NOSUID,
            "nodev" => flags |= MsFlags::MS_NODEV,
            "noexec" => flags |= MsFlags::MS_NOEXEC,
            "noatime" => flags |= MsFlags::MS_NOATIME,
            other => data.push(other),
        }
    }
    (flags, data.join(","))
}

/// A detached copy of the tree mounted at `path`.
fn open_tree(path: &Path) -> Result<OwnedFd> {
    use std::os::unix::ffi::OsStrExt;
    let text = std::ffi::CString::new(path.as_os_str().as_bytes())
        .context_kind(crate::error::Kind::Invalid, "a path with a zero byte")?;
    let flags = OPEN_TREE_CLONE | AT_RECURSIVE | libc::O_CLOEXEC as libc::c_uint;
    // SAFETY: `text` is a C string that outlives the call; the rest are integers.
    let result =
        unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, text.as_ptr(), flags) };
    let fd = Errno::result(result).with_context(|| format!("open the mount {}", path.display()))?;
    // SAFETY: the kernel just gave this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detached_mount_is_seen_by_its_descriptor_only() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: mounting needs root");
            return;
        }
        let scratch = std::env::temp_dir().join(format!("coffer-detached-{}", std::process::id()));
        std::fs::create_dir_all(&scratch).unwrap();
        let item = Mount {
            kind: "tmpfs".into(),
            source: "tmpfs".into(),
            options: vec!["size=64k".into(), "nodev".into()],
        };
        let root = detached(&[item], &scratch).unwrap();
        let inside = format!("/proc/self/fd/{}/file", root.as_raw_fd());
        std::fs::write(&inside, "x").unwrap();
        assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(scratch.to_str().unwrap()));
        drop(root);
        std::fs::remove_dir(&scratch).unwrap();
    }

    #[test]
    fn grafts_are_in_their_places() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: mounting needs root");
            return;
        }
        let base = std::env::temp_dir().join(format!("coffer-graft-{}", std::process::id()));
        for folder in ["tree/data", "volume", "scratch"] {
            std::fs::create_dir_all(base.join(folder)).unwrap();
        }
        std::fs::write(base.join("volume/file"), "x").unwrap();
        std::os::unix::fs::symlink("/data", base.join("tree/link")).unwrap();
        let tree = base.join("tree").to_str().unwrap().to_owned();
        let item = Mount { kind: "bind".into(), source: tree, options: vec!["bind".into()] };
        let graft = |target: &str| Graft {
            source: base.join("volume"),
            target: target.into(),
            read_only: true,
        };
        let grafts = [graft("/link"), graft("/new/place")];
        let root = detached_with(&[item], &grafts, &base.join("scratch")).unwrap();
        let inside = format!("/proc/self/fd/{}/data/file", root.as_raw_fd());
        assert_eq!(std::fs::read_to_string(&inside).unwrap(), "x");
        assert!(std::fs::write(&inside, "y").is_err(), "it is read-only");
        let made = format!("/proc/self/fd/{}/new/place/file", root.as_raw_fd());
        assert_eq!(std::fs::read_to_string(made).unwrap(), "x");
        drop(root);
        std::fs::remove_dir_all(&base).unwrap();
    }
}
