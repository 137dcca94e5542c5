//! The overlayfs snapshotter: a container's tree is its own folder over those of its layers.
//!
//! Folder names are short decimal numbers, since mount(2) takes one page of options; with many layers the
//! paths are given relative to the source (see [`shared::shim::Mount`]).

use super::change::{self, Change};
use super::lower::Lower;
use super::{Access, Given, Snapshotter, Usage, Whiteouts, given, make_folder};
use crate::limits;
use shared::error::{Context, Error, Result};
use shared::id;
use shared::kernel::detached::detached;
use shared::shim::Mount;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What the options of one mount may take together: a page of 4 KiB less its end.
const OPTIONS_MAX: usize = 4095;

/// Overlays below one folder.
pub struct Overlay {
    root: PathBuf,
    /// Features that are switched off where the kernel knows them: layers are shared between machines
    /// and kernels, and `diff` reads them as plain files.
    features: Vec<String>,
}

impl Overlay {
    /// Its name.
    pub const NAME: &'static str = "overlayfs";

    /// Makes the folder, and proves with a real mount that overlays work on its filesystem.
    pub fn open(root: PathBuf) -> Result<Self> {
        fs::create_dir_all(&root).with_context(|| format!("create {}", root.display()))?;
        let known = Path::new("/sys/module/overlay/parameters");
        let features = ["index", "redirect_dir", "metacopy"]
            .iter()
            .filter(|name| known.join(name).exists())
            .map(|name| format!("{name}=off"))
            .collect();
        let overlay = Self { root, features };
        overlay.check()?;
        Ok(overlay)
    }

    /// Mounts two layers where nobody sees it: whiteouts must hide, writes must go up.
    fn check(&self) -> Result<()> {
        let base = self.root.join(format!("check-{}", id::hex(&id::random::<6>())));
        let result = self.check_in(&base).with_context(|| {
            format!("overlayfs does not work on the filesystem of {}", self.root.display())
        });
        fs::remove_dir_all(&base).with_context(|| format!("remove {}", base.display()))?;
        result.map_err(|error| error.with_kind(shared::error::Kind::Unavailable))
    }

    fn check_in(&self, base: &Path) -> Result<()> {
        for name in ["low", "high", "up", "work", "mount"] {
            let folder = base.join(name);
            fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        }
        fs::write(base.join("low/gone"), "").context("write a file")?;
        let (kind, mode) = (nix::sys::stat::SFlag::S_IFCHR, nix::sys::stat::Mode::empty());
        nix::sys::stat::mknod(&base.join("high/gone"), kind, mode, 0).context("make a whiteout")?;
        xattr::set(base.join("high"), "trusted.overlay.test", b"y")
            .context("set an extended attribute")?;
        let mut options = vec!["lowerdir=high:low".to_owned()];
        options.extend(["upperdir=up".to_owned(), "workdir=work".to_owned()]);
        options.extend(self.features.iter().cloned());
        let source = base.to_string_lossy().into_owned();
        let mount = Mount { kind: "overlay".to_owned(), source, options };
        let merged = detached(&[mount], &base.join("mount"))?;
        let path =
            PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&merged)));
        if path.join("gone").exists() {
            return Err(Error::unavailable("whiteouts do not hide"));
        }
        fs::write(path.join("new"), "").context("write to an overlay")?;
        if !base.join("up/new").exists() {
            return Err(Error::unavailable("writes do not reach the upper folder"));
        }
        Ok(())
    }

    fn lower(&self, lower: &[u64]) -> Lower {
        let roots = lower.iter().rev().map(|number| self.files(*number)).collect();
        Lower::new(roots, Whiteouts::Overlay)
    }

    fn options(&self, base: &str, number: u64, lower: &[u64], access: Access) -> Vec<String> {
        let folder = |number: u64| format!("{base}{number}/fs");
        let mut layers: Vec<String> = lower.iter().rev().map(|n| folder(*n)).collect();
        let mut options = Vec::new();
        if access == Access::ReadOnly {
            // Without an upper folder the kernel wants two layers at least; the tree's own is empty.
            layers.insert(0, folder(number));
        }
        options.push(format!("lowerdir={}", layers.join(":")));
        if access == Access::ReadWrite {
            options.push(format!("upperdir={}", folder(number)));
            options.push(format!("workdir={base}{number}/work"));
        }
        options.extend(self.features.iter().cloned());
        options
    }
}

impl Snapshotter for Overlay {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn whiteouts(&self) -> Whiteouts {
        Whiteouts::Overlay
    }

    fn prepare(&self, number: u64, lower: &[u64], access: Access) -> Result<()> {
        make_folder(&self.folder(number), 0o700)?;
        make_folder(&self.files(number), 0o755)?;
        if access == Access::ReadWrite {
            make_folder(&self.folder(number).join("work"), 0o700)?;
        }
        // The root of the tree is that of the upper folder: it must look like the highest layer's.
        if let Some(highest) = lower.last() {
            copy_owner(&self.files(*highest), &self.files(number))?;
        }
        Ok(())
    }

    fn give(&self, number: u64, lower: &[u64], given: &[Given]) -> Result<()> {
        given::put(given, &self.files(number), &self.lower(lower))
    }

    fn mounts(&self, number: u64, lower: &[u64], access: Access) -> Result<Vec<Mount>> {
        if lower.is_empty() {
            let mode = if access == Access::ReadOnly { "ro" } else { "rw" };
            let source = self.files(number).to_string_lossy().into_owned();
            let options = vec!["rbind".to_owned(), mode.to_owned()];
            return Ok(vec![Mount { kind: "bind".to_owned(), source, options }]);
        }
        let root = self.root.to_string_lossy().into_owned();
        let length = |options: &[String]| options.iter().map(|o| o.len() + 1).sum::<usize>();
        let absolute = self.options(&format!("{root}/"), number, lower, access);
        // Colons and commas would have to be escaped; relative paths have none.
        let is_plain = !root.contains([':', ',', '\\']);
        let mount = |source: &str, options| Mount {
            kind: "overlay".to_owned(),
            source: source.to_owned(),
            options,
        };
        if is_plain && length(&absolute) < OPTIONS_MAX / 2 {
            return Ok(vec![mount("overlay", absolute)]);
        }
        let relative = self.options("", number, lower, access);
        if lower.len() > limits::LAYERS || length(&relative) > OPTIONS_MAX {
            let count = lower.len();
            return Err(Error::invalid(format!(
                "the image has {count} layers, more than one overlay mount takes"
            )));
        }
        Ok(vec![mount(&root, relative)])
    }

    fn changes(&self, number: u64, lower: &[u64]) -> Result<Vec<Change>> {
        change::of_upper(&self.files(number), &self.lower(lower))
    }

    fn usage(&self, number: u64, _lower: &[u64]) -> Result<Usage> {
        change::usage(&self.files(number))
    }
}

fn copy_owner(from: &Path, to: &Path) -> Result<()> {
    let sentence = || format!("copy the owner of {}", from.display());
    let metadata = fs::metadata(from).with_context(sentence)?;
    std::os::unix::fs::chown(to, Some(metadata.uid()), Some(metadata.gid()))
        .with_context(sentence)?;
    let mode = fs::Permissions::from_mode(metadata.mode() & 0o7777);
    fs::set_permissions(to, mode).with_context(sentence)
}
