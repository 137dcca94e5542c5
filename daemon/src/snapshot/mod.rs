//! Filesystem trees: read-only layers and one writable tree per container, on a driver that the host has.
//!
//! A layer is a folder of its own that knows nothing of those below it, so the same layer is on disk once
//! however many images have it. Trees are joined when a container is made. A driver only works with
//! folders and gives mounts as data: nothing is ever mounted into the host's namespace.

pub mod attribute;
pub mod beneath;
pub mod change;
mod choose;
mod copy;
mod given;
mod lower;
mod manager;
mod merge;
mod overlay;
mod record;
#[cfg(test)]
mod suite;
pub mod tree;

pub use change::{Change, ChangeKind};
pub use choose::choose;
pub use copy::Copy as CopySnapshotter;
pub use given::{Content, Given};
pub use manager::{Draft, Snapshots};
pub use overlay::Overlay;
pub use record::{Kind, Snapshot};

use shared::error::{Context, Result};
use shared::id;
use shared::kernel::apart;
use shared::shim::Mount;
use std::path::{Path, PathBuf};

/// How a layer says that something below it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whiteouts {
    /// As overlayfs reads it: character devices 0/0 and an extended attribute. Needs root.
    Overlay,
    /// As archives carry it: empty files `.wh.<name>` and `.wh..wh..opq`.
    Marker,
}

/// Whether a tree may be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A container's own tree.
    ReadWrite,
    /// A view.
    ReadOnly,
}

/// What a tree has of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Sizes of all files together, hard links counted once.
    pub bytes: u64,
    /// Number of files and folders.
    pub inodes: u64,
}

/// A driver. Numbers name folders below [`Snapshotter::root`]; `lower` lists layers, the lowest first.
/// All functions block.
pub trait Snapshotter: Send + Sync {
    /// Its name in the configuration, in `info` and on disk.
    fn name(&self) -> &'static str;

    /// The folder that holds all others.
    fn root(&self) -> &Path;

    /// How deletions must be written when a layer is unpacked.
    fn whiteouts(&self) -> Whiteouts;

    /// Makes a tree on top of layers.
    fn prepare(&self, number: u64, lower: &[u64], access: Access) -> Result<()>;

    /// Puts into a tree that was just made what its layers lack of `given`.
    fn give(&self, number: u64, lower: &[u64], given: &[Given]) -> Result<()>;

    /// How to mount such a tree.
    fn mounts(&self, number: u64, lower: &[u64], access: Access) -> Result<Vec<Mount>>;

    /// How a tree differs from its layers, in order of paths.
    fn changes(&self, number: u64, lower: &[u64]) -> Result<Vec<Change>>;

    /// What a tree takes besides its layers.
    fn usage(&self, number: u64, lower: &[u64]) -> Result<Usage>;

    /// The folder of a number.
    fn folder(&self, number: u64) -> PathBuf {
        self.root().join(number.to_string())
    }

    /// Where a layer, or the changed files of a tree, are.
    fn files(&self, number: u64) -> PathBuf {
        self.folder(number).join("fs")
    }

    /// Makes the empty folder of a layer that will be unpacked, on a part of the disk of its own: layers
    /// come and go with all their files at once.
    fn draft(&self, number: u64) -> Result<()> {
        let folder = self.folder(number);
        make_folder(&folder, 0o700)?;
        apart::children(&folder)?;
        // Where it goes depends on its name, so each has a new one at first.
        let files = folder.join(id::hex(&id::random::<8>()));
        make_folder(&files, 0o755)?;
        std::fs::rename(&files, self.files(number))
            .with_context(|| format!("rename {}", files.display()))
    }
}

/// Makes a folder with exactly this mode.
fn make_folder(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let sentence = || format!("create {}", path.display());
    std::fs::create_dir(path).with_context(sentence)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).with_context(sentence)
}
