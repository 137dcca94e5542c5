//! The root filesystem: mounted in the container's own mount namespace, made `/`, made read-only.

use super::container::Container;
use super::flags;
use super::place::Root;
use crate::work::Pivot;
use nix::mount::{MntFlags, MsFlags};
use oci_spec::runtime::{LinuxNamespaceType, Process};
use shared::error::{Context, Error, Kind, Result};
use shared::kernel::mount::{self, Options};
use std::path::{Path, PathBuf};

/// Mounts it at its place. `None`: the container shares a mount namespace, nothing may be mounted.
pub fn prepare(container: &Container<'_>) -> Result<Option<Root>> {
    nix::unistd::chdir(container.bundle)
        .with_context(|| format!("enter the bundle {}", container.bundle.display()))?;
    let path = place(container)?;
    if !mounts(container) {
        return Ok(None);
    }
    let wanted = container.linux.rootfs_propagation().as_deref().filter(|p| !p.is_empty());
    let how = match wanted {
        Some(name) => mount::propagation(name)
            .ok_or_else(|| Error::invalid(format!("rootfsPropagation={name} is not supported")))?,
        None => MsFlags::MS_SLAVE | MsFlags::MS_REC,
    };
    mount::propagate(Path::new("/"), how)?;
    if how.contains(MsFlags::MS_SHARED) {
        // pivot_root does not work below a shared mount.
        mount::propagate(&mount_above(&path)?, MsFlags::MS_PRIVATE)?;
    }
    if container.rootfs.is_empty() {
        mount::bind(&path, &path, MsFlags::MS_REC)?;
    }
    for entry in container.rootfs {
        let options = Options::parse(entry.options.iter().map(String::as_str));
        if options.bind() {
            mount::bind(Path::new(&entry.source), &path, options.flags)?;
            let rest = options.flags & !(MsFlags::MS_BIND | MsFlags::MS_REC);
            if !rest.is_empty() {
                mount::remount(&path, rest)?;
            }
            continue;
        }
        // A page of options is all that the kernel reads: what exceeds it would be cut off silently.
        if options.data.len() >= 4096 {
            let length = options.data.len();
            return Err(Error::invalid(format!("{length} bytes of mount options are too many")));
        }
        if entry.kind == "overlay" && Path::new(&entry.source).is_absolute() {
            // Layers may be named relative to the source, so that many fit into that page.
            nix::unistd::chdir(entry.source.as_str())
                .with_context(|| format!("enter {}", entry.source))?;
        }
        mount::mount(&entry.source, &path, &entry.kind, options.flags, &options.data)?;
    }
    nix::unistd::chdir(container.bundle).context("return to the bundle")?;
    Root::open(&path).map(Some)
}

fn place(container: &Container<'_>) -> Result<PathBuf> {
    let root = container.spec.root().as_ref();
    let root = root.ok_or_else(|| Error::invalid("root must not be empty"))?;
    std::fs::canonicalize(root.path())
        .context_kind(Kind::Invalid, format!("invalid rootfs {}", root.path().display()))
}

/// Whether the container has a mount namespace of its own.
fn mounts(container: &Container<'_>) -> bool {
    let fresh = |n: &oci_spec::runtime::LinuxNamespace| {
        n.typ() == LinuxNamespaceType::Mount && n.path().is_none()
    };
    container.linux.namespaces().as_deref().unwrap_or_default().iter().any(fresh)
}

fn mount_above(path: &Path) -> Result<PathBuf> {
    let all = mount::mountinfo(Path::new("/proc/self/mountinfo"))?;
    let above = all.into_iter().filter(|m| path.starts_with(&m.target));
    above
        .max_by_key(|m| m.target.as_os_str().len())
        .map(|m| m.target)
        .ok_or_else(|| Error::internal("the root filesystem is on no mount"))
}

/// From here on `/` is the container's.
pub fn change(root: Root, container: &Container<'_>) -> Result<()> {
    nix::unistd::fchdir(root.folder()).context("enter the root filesystem")?;
    match container.pivot {
        Pivot::Root => {
            nix::unistd::pivot_root(".", ".").context("pivot_root")?;
            // The old root lies over the new one now, at the same place; nothing may be told to it.
            mount::propagate(Path::new("."), MsFlags::MS_SLAVE | MsFlags::MS_REC)?;
            mount::detach(Path::new("."))?;
        }
        Pivot::Move => move_over(&root.path)?,
    }
    nix::unistd::chdir("/").context("enter the new root")
}

/// Where `/` is a ramdisk that pivot_root cannot leave. Full views of `/proc` and `/sys` that stay
/// reachable below are taken away first.
fn move_over(path: &Path) -> Result<()> {
    for mounted in mount::mountinfo(Path::new("/proc/self/mountinfo"))?.iter().rev() {
        let full =
            matches!(mounted.kind.as_str(), "proc" | "sysfs") && mounted.root == Path::new("/");
        if !full || mounted.target.starts_with(path) {
            continue;
        }
        mount::propagate(&mounted.target, MsFlags::MS_SLAVE | MsFlags::MS_REC)?;
        match nix::mount::umount2(&mounted.target, MntFlags::MNT_DETACH) {
            Ok(()) | Err(nix::errno::Errno::EINVAL) => {}
            Err(nix::errno::Errno::EPERM) => {
                mount::mount("tmpfs", &mounted.target, "tmpfs", MsFlags::empty(), "")?;
            }
            Err(error) => {
                return Err(error).context(format!("unmount {}", mounted.target.display()));
            }
        }
    }
    nix::mount::mount(Some(path), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>)
        .context("move the root filesystem over /")?;
    nix::unistd::chroot(".").context("change the root")
}

/// For a container without a mount namespace: only the root changes.
pub fn chroot(container: &Container<'_>) -> Result<()> {
    let path = place(container)?;
    nix::unistd::chroot(&path).context("change the root")?;
    nix::unistd::chdir("/").context("enter the new root")
}

/// Makes `process.cwd` if the image does not have it, as runc does.
pub fn working_directory(process: &Process) -> Result<()> {
    let folder = process.cwd();
    if folder.exists() {
        return Ok(());
    }
    match std::fs::create_dir_all(folder) {
        // Then changing to it says what is wrong.
        Err(e) if matches!(e.raw_os_error(), Some(libc::EROFS | libc::EACCES | libc::ENOTDIR)) => {
            Ok(())
        }
        other => other.with_context(|| format!("make the working directory {}", folder.display())),
    }
}

/// What had to wait until everything was written: read-only mounts, the root's propagation.
pub fn finish(container: &Container<'_>) -> Result<()> {
    if !mounts(container) {
        return Ok(());
    }
    for entry in container.spec.mounts().as_deref().unwrap_or_default() {
        let options = entry.options().as_deref().unwrap_or_default();
        let options = Options::parse(options.iter().map(String::as_str));
        let dev = entry.destination() == Path::new("/dev") && !options.bind();
        if dev && options.flags.contains(MsFlags::MS_RDONLY) {
            mount::remount(Path::new("/dev"), flags::of(Path::new("/dev"))? | MsFlags::MS_RDONLY)?;
        }
    }
    let root = Path::new("/");
    if container.spec.root().as_ref().is_some_and(|r| r.readonly().unwrap_or(false)) {
        mount::remount(root, flags::of(root)? | MsFlags::MS_RDONLY)?;
    }
    let wanted = container.linux.rootfs_propagation().as_deref();
    if let Some(how) = wanted.and_then(mount::propagation) {
        mount::propagate(root, how)?;
    }
    Ok(())
}
