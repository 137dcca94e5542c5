//! The mounts of the spec, in its order. Every target is resolved inside the root first and then
//! mounted on by descriptor: a hostile symlink cannot lead a mount outside.
#![allow(unsafe_code)] // mount_setattr has no safe wrapper

mod foreign;
mod source;
mod tmpfs;

pub use source::Sources;

use super::cgroup;
use super::flags;
use super::place::{Root, Want, by_number, mode_of, reopen};
use nix::mount::MsFlags;
use oci_spec::runtime::{Linux, Mount, Spec};
use shared::error::{Context, Error, Kind, Result};
use shared::kernel::mount::{self, Options};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// Mounts all of them.
pub fn all(root: &Root, spec: &Spec, linux: &Linux, sources: &Sources) -> Result<()> {
    for (number, entry) in spec.mounts().as_deref().unwrap_or_default().iter().enumerate() {
        let source = entry.source().as_deref().unwrap_or(Path::new(""));
        let copy = sources.get(number);
        one(root, entry, linux, copy).with_context(|| {
            let destination = entry.destination().display().to_string();
            format!(
                "error mounting {:?} to rootfs at {destination:?}",
                source.display().to_string()
            )
        })?;
    }
    Ok(())
}

fn one(root: &Root, entry: &Mount, linux: &Linux, copy: Option<&OwnedFd>) -> Result<()> {
    let options = entry.options().as_deref().unwrap_or_default();
    let options = Options::parse(options.iter().map(String::as_str));
    let kind = entry.typ().as_deref().unwrap_or_default();
    let target = entry.destination();
    if options.idmap || entry.uid_mappings().is_some() || entry.gid_mappings().is_some() {
        return Err(Error::unimplemented("id-mapped mounts are not supported"));
    }
    refuse_inside_proc(target, kind)?;
    if options.bind() || kind == "bind" {
        bind(root, entry, &options, copy)?;
    } else {
        match kind {
            "proc" | "sysfs" => special(root, target, kind, &options)?,
            "tmpfs" => tmpfs::mount(root, entry, &options, linux)?,
            "cgroup" | "cgroup2" => return cgroup::mount(root, target, &options, linux),
            _ => {
                let fd = root.make(target, Want::Folder)?;
                put(entry, &fd, kind, options.flags, &options.data)?;
            }
        }
    }
    after(root, target, &options)
}

/// mount(2) on a resolved target.
fn put(entry: &Mount, fd: &OwnedFd, kind: &str, flags: MsFlags, data: &str) -> Result<()> {
    let source = entry.source().as_deref().unwrap_or(Path::new("none"));
    let data = (!data.is_empty()).then_some(data);
    nix::mount::mount(Some(source), &by_number(fd), Some(kind), flags, data).with_context(|| {
        format!("mount {kind}, flags {:#x}, data {:?}", flags.bits(), data.unwrap_or(""))
    })
}

/// `/proc` and `/sys` are trusted by what follows: no symlink on the way, and a folder at the end.
fn special(root: &Root, target: &Path, kind: &str, options: &Options) -> Result<()> {
    let ordinary =
        || Error::invalid(format!("filesystem {kind:?} must be mounted on ordinary directory"));
    if root.find_plain(target).map_err(|_| ordinary())?.is_none() {
        root.make(target, Want::Folder)?;
    }
    let fd = root.find_plain(target)?.ok_or_else(|| Error::internal("it vanished"))?;
    if mode_of(&fd)? & libc::S_IFMT != libc::S_IFDIR {
        return Err(ordinary());
    }
    mount::mount(kind, &by_number(&fd), kind, options.flags, &options.data)
}

fn bind(root: &Root, entry: &Mount, options: &Options, copy: Option<&OwnedFd>) -> Result<()> {
    let source = entry.source().as_deref().unwrap_or(Path::new(""));
    let foreign = if copy.is_none() { foreign::copy(source)? } else { None };
    let copy = copy.or(foreign.as_ref());
    let folder = match copy {
        Some(copy) => mode_of(copy)? & libc::S_IFMT == libc::S_IFDIR,
        None => std::fs::metadata(source)
            .map_err(|e| Error::invalid(format!("stat {}: {}", source.display(), words(&e))))?
            .is_dir(),
    };
    let fd = root.make(entry.destination(), if folder { Want::Folder } else { Want::File })?;
    match copy {
        Some(copy) => source::attach(copy, &fd)?,
        None => mount::bind(source, &by_number(&fd), options.flags)?,
    }
    drop(fd);
    let set = options.flags & !(MsFlags::MS_BIND | MsFlags::MS_REC | MsFlags::MS_REMOUNT);
    if set.is_empty() && options.cleared.is_empty() {
        return Ok(());
    }
    let fd = reopen(root, entry.destination())?;
    let now = flags::of_open(&fd)?;
    let flags = now & !options.cleared | set;
    if flags == now {
        return Ok(());
    }
    match mount::remount(&by_number(&fd), flags) {
        // Flags that the source's mount has locked cannot be cleared: they stay.
        Err(_) if now | set != flags => mount::remount(&by_number(&fd), now | set),
        other => other,
    }
}

fn words(error: &std::io::Error) -> String {
    let errno = nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO));
    errno.desc().to_lowercase()
}

/// Propagation and recursive attributes.
fn after(root: &Root, target: &Path, options: &Options) -> Result<()> {
    if options.propagation.is_empty() && options.recursive_set == 0 && options.recursive_clear == 0
    {
        return Ok(());
    }
    let fd = reopen(root, target)?;
    for how in &options.propagation {
        mount::propagate(&by_number(&fd), *how)?;
    }
    if options.recursive_set == 0 && options.recursive_clear == 0 {
        return Ok(());
    }
    let attributes = libc::mount_attr {
        attr_set: options.recursive_set,
        attr_clr: options.recursive_clear,
        propagation: 0,
        userns_fd: 0,
    };
    let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
    let (number, size) = (fd.as_raw_fd(), size_of::<libc::mount_attr>());
    // SAFETY: `attributes` is live and of the given size, the path is a literal.
    let set = unsafe {
        libc::syscall(libc::SYS_mount_setattr, number, c"".as_ptr(), flags, &attributes, size)
    };
    if set != 0 {
        return Err(std::io::Error::last_os_error()).context("set recursive attributes");
    }
    Ok(())
}

/// Files of `/proc` that lxcfs and its like may cover; anything else there would undo the masks.
const INSIDE_PROC: [&str; 11] = [
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/slabinfo",
    "/proc/net/dev",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
];

fn refuse_inside_proc(target: &Path, kind: &str) -> Result<()> {
    let clean: std::path::PathBuf = target.components().collect();
    if !clean.starts_with("/proc") || INSIDE_PROC.iter().any(|ok| clean == Path::new(ok)) {
        return Ok(());
    }
    if clean == Path::new("/proc") && matches!(kind, "proc" | "bind" | "none" | "") {
        return Ok(());
    }
    Err(Error::new(
        Kind::Invalid,
        format!("{:?} cannot be mounted because it is inside /proc", clean.display().to_string()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_covers_proc() {
        assert!(refuse_inside_proc(Path::new("/proc"), "proc").is_ok());
        assert!(refuse_inside_proc(Path::new("/proc/"), "bind").is_ok());
        assert!(refuse_inside_proc(Path::new("/proc/cpuinfo"), "bind").is_ok());
        assert!(refuse_inside_proc(Path::new("/process"), "bind").is_ok());
        assert!(refuse_inside_proc(Path::new("/proc/sys"), "bind").is_err());
        assert!(refuse_inside_proc(Path::new("/proc"), "tmpfs").is_err());
    }
}
