//! `/dev`: the nodes that every container has (OCI's config-linux.md, "Default Devices"), those of the
//! spec, and the usual symlinks. Left alone where the spec binds a `/dev` of the host.

use super::place::{Root, Want, by_number};
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::mount::MsFlags;
use nix::sys::stat::{Mode, SFlag, makedev, mknodat, umask};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchownat, symlinkat, unlinkat};
use oci_spec::runtime::{Linux, LinuxDevice, LinuxDeviceType, Spec};
use shared::error::{Context, Error, Result};
use shared::kernel::mount::{self, Options};
use std::os::fd::OwnedFd;
use std::path::Path;

const DEFAULT: [(&str, u64, u64); 6] = [
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

const LINKS: [(&str, &str); 4] = [
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
];

/// Makes all of it.
pub fn all(root: &Root, spec: &Spec, linux: &Linux) -> Result<()> {
    let bound = spec.mounts().as_deref().unwrap_or_default().iter().any(|entry| {
        let options = entry.options().as_deref().unwrap_or_default();
        let options = Options::parse(options.iter().map(String::as_str));
        let kind = entry.typ().as_deref().unwrap_or_default();
        entry.destination().components().eq(Path::new("/dev").components())
            && (options.bind() || kind == "bind")
    });
    if bound {
        return Ok(());
    }
    let devices = linux.devices().as_deref().unwrap_or_default();
    let dev = root.make(Path::new("/dev"), Want::Folder)?;
    let before = umask(Mode::empty());
    let result = nodes(root, &dev, devices);
    umask(before);
    result?;
    for (target, name) in LINKS {
        link(&dev, target, name)?;
    }
    if Path::new("/proc/kcore").exists() {
        link(&dev, "/proc/kcore", "core")?;
    }
    match unlinkat(&dev, "ptmx", UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(error) => return Err(error).context("remove /dev/ptmx"),
    }
    link(&dev, "pts/ptmx", "ptmx")
}

fn link(dev: &OwnedFd, target: &str, name: &str) -> Result<()> {
    match symlinkat(target, dev, name) {
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(error) => Err(error).context(format!("link /dev/{name}")),
    }
}

fn nodes(root: &Root, dev: &OwnedFd, devices: &[LinuxDevice]) -> Result<()> {
    for (name, major, minor) in DEFAULT {
        if devices.iter().any(|d| d.path() == &Path::new("/dev").join(name)) {
            continue;
        }
        let mode = Mode::from_bits_truncate(0o666);
        match mknodat(dev, name, SFlag::S_IFCHR, mode, makedev(major, minor)) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(Errno::EPERM) => bind(root, &Path::new("/dev").join(name))?,
            Err(error) => return Err(error).context(format!("make /dev/{name}")),
        }
    }
    devices.iter().try_for_each(|device| one(root, device))
}

fn one(root: &Root, device: &LinuxDevice) -> Result<()> {
    let path = device.path();
    let kind = match device.typ() {
        LinuxDeviceType::B => SFlag::S_IFBLK,
        LinuxDeviceType::C | LinuxDeviceType::U => SFlag::S_IFCHR,
        LinuxDeviceType::P => SFlag::S_IFIFO,
        LinuxDeviceType::A => {
            return Err(Error::invalid(format!(
                "a is not a valid device type for device {}",
                path.display()
            )));
        }
    };
    let number = match device.typ() {
        LinuxDeviceType::P => 0,
        _ => makedev(device.major() as u64, device.minor() as u64),
    };
    let (parent, name) = root.parent(path)?;
    let mode = Mode::from_bits_truncate(device.file_mode().unwrap_or(0o666) & 0o7777);
    match mknodat(&parent, name.as_os_str(), kind, mode, number) {
        Ok(()) => {}
        Err(Errno::EEXIST) => return Ok(()),
        Err(Errno::EPERM) => return bind(root, path),
        Err(error) => return Err(error).context(format!("make {}", path.display())),
    }
    let owner = (device.uid().unwrap_or(0), device.gid().unwrap_or(0));
    if owner != (0, 0) {
        let (uid, gid) = (Some(Uid::from_raw(owner.0)), Some(Gid::from_raw(owner.1)));
        fchownat(&parent, name.as_os_str(), uid, gid, AtFlags::AT_SYMLINK_NOFOLLOW)
            .with_context(|| format!("change the owner of {}", path.display()))?;
    }
    Ok(())
}

/// Where nodes may not be made (user namespaces), the host's is bound.
fn bind(root: &Root, path: &Path) -> Result<()> {
    let target = root.make(path, Want::File)?;
    mount::bind(path, &by_number(&target), MsFlags::empty())
}
