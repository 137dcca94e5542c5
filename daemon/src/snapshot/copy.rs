//! The snapshotter that needs nothing of the kernel: a container's tree is a copy of its layers. Slow and
//! large, but it works on every filesystem and without privileges.

use super::change::{self, Change};
use super::lower::Lower;
use super::{Access, Given, Snapshotter, Usage, Whiteouts, given, make_folder, merge};
use shared::error::{Context, Result};
use shared::shim::Mount;
use std::path::{Path, PathBuf};

/// Plain copies below one folder.
pub struct Copy {
    root: PathBuf,
}

impl Copy {
    /// Its name.
    pub const NAME: &'static str = "copy";

    /// Makes the folder.
    pub fn open(root: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&root).with_context(|| format!("create {}", root.display()))?;
        Ok(Self { root })
    }

    fn layers(&self, lower: &[u64]) -> Vec<PathBuf> {
        lower.iter().map(|number| self.files(*number)).collect()
    }

    fn lower(&self, lower: &[u64]) -> Lower {
        Lower::new(self.layers(lower).into_iter().rev().collect(), Whiteouts::Marker)
    }
}

impl Snapshotter for Copy {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn whiteouts(&self) -> Whiteouts {
        Whiteouts::Marker
    }

    fn prepare(&self, number: u64, lower: &[u64], _access: Access) -> Result<()> {
        make_folder(&self.folder(number), 0o700)?;
        make_folder(&self.files(number), 0o755)?;
        merge::merge(&self.layers(lower), &self.files(number))
    }

    fn give(&self, number: u64, lower: &[u64], given: &[Given]) -> Result<()> {
        given::put(given, &self.files(number), &self.lower(lower))
    }

    fn mounts(&self, number: u64, _lower: &[u64], access: Access) -> Result<Vec<Mount>> {
        let mode = if access == Access::ReadOnly { "ro" } else { "rw" };
        Ok(vec![Mount {
            kind: "bind".to_owned(),
            source: self.files(number).to_string_lossy().into_owned(),
            options: vec!["rbind".to_owned(), mode.to_owned()],
        }])
    }

    fn changes(&self, number: u64, lower: &[u64]) -> Result<Vec<Change>> {
        change::of_copy(&self.files(number), &self.lower(lower))
    }

    /// Only what differs from the layers counts, as it does on an overlay.
    fn usage(&self, number: u64, lower: &[u64]) -> Result<Usage> {
        let mut usage = Usage::default();
        for change in self.changes(number, lower)? {
            let relative = change.path.strip_prefix("/").unwrap_or(&change.path);
            if let Some(metadata) = super::lower::stat(&self.files(number).join(relative))? {
                usage.inodes += 1;
                usage.bytes += if metadata.is_dir() { 0 } else { metadata.len() };
            }
        }
        Ok(usage)
    }
}
