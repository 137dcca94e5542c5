//! The container's view of control groups: its own group as `/sys/fs/cgroup`.

use super::place::reopen;
use super::place::{Root, Want, by_number};
use nix::mount::MsFlags;
use oci_spec::runtime::{Linux, LinuxNamespaceType};
use shared::error::{Context, Error, Kind, Result};
use shared::kernel::cgroup::{Layout, Version};
use shared::kernel::mount::{self, Options};
use std::path::Path;

/// A mount of type `cgroup` or `cgroup2`, whichever the host has.
pub fn mount(root: &Root, target: &Path, options: &Options, linux: &Linux) -> Result<()> {
    let layout = Layout::detect()?;
    match layout.version {
        Version::V2 => second(root, target, options, &layout),
        Version::V1 => first(root, target, options, &layout, linux),
    }
}

fn own(layout: &Layout) -> Result<Vec<(String, std::path::PathBuf)>> {
    let text = std::fs::read_to_string("/proc/self/cgroup").context("read /proc/self/cgroup")?;
    Ok(layout.group_below(&text, "")?.folders())
}

fn second(root: &Root, target: &Path, options: &Options, layout: &Layout) -> Result<()> {
    let fd = root.make(target, Want::Folder)?;
    let flags = options.flags & !MsFlags::MS_REC;
    if mount::mount("cgroup", &by_number(&fd), "cgroup2", flags, &options.data).is_ok() {
        return Ok(());
    }
    // In a user namespace without a cgroup namespace: the own group is bound instead.
    let folder = own(layout)?.into_iter().next().map(|(_, folder)| folder);
    let folder = folder.ok_or_else(|| Error::internal("no control groups are mounted"))?;
    mount::bind(&folder, &by_number(&fd), MsFlags::empty())?;
    let fd = reopen(root, target)?;
    mount::remount(&by_number(&fd), flags)
}

/// A tmpfs with a folder per hierarchy, and symlinks for controllers that are mounted together.
fn first(
    root: &Root,
    target: &Path,
    options: &Options,
    layout: &Layout,
    linux: &Linux,
) -> Result<()> {
    let fd = root.make(target, Want::Folder)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount::mount("tmpfs", &by_number(&fd), "tmpfs", flags, "mode=755")?;
    // In a namespace of its own the container's group is the root of each hierarchy; paths seen from
    // there mean nothing outside, so nothing may be bound by them.
    let namespaces = linux.namespaces().as_deref().unwrap_or_default();
    let own_namespace = namespaces.iter().any(|n| n.typ() == LinuxNamespaceType::Cgroup);
    for (hierarchy, (_, folder)) in layout.hierarchies.iter().zip(own(layout)?) {
        let names = hierarchy.controllers.join(",");
        let shown = names.strip_prefix("name=").unwrap_or(&names);
        let place = target.join(shown);
        let fd = root.make(&place, Want::Folder)?;
        let flags = options.flags & !MsFlags::MS_REC;
        if own_namespace {
            mount::mount("cgroup", &by_number(&fd), "cgroup", flags & !MsFlags::MS_RDONLY, &names)?;
        } else {
            mount::bind(&folder, &by_number(&fd), MsFlags::empty())?;
        }
        let fd = reopen(root, &place)?;
        mount::remount(&by_number(&fd), flags)?;
        if hierarchy.controllers.len() > 1 {
            let (parent, _) = root.parent(&place)?;
            for name in &hierarchy.controllers {
                match nix::unistd::symlinkat(shown, &parent, name.as_str()) {
                    Ok(()) | Err(nix::errno::Errno::EEXIST) => {}
                    Err(error) => return Err(error).context(format!("link the controller {name}")),
                }
            }
        }
    }
    if options.flags.contains(MsFlags::MS_RDONLY) {
        let fd = reopen(root, target)?;
        mount::remount(&by_number(&fd), flags | MsFlags::MS_RDONLY)
            .map_err(|e| e.with_kind(Kind::Internal))?;
    }
    Ok(())
}
