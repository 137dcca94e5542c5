//! Every path under the data root and the exec root, built in one place.
//!
//! ```text
//! data root (/var/lib/coffer)              exec root (/run/coffer)
//!   engine-id                                <container id>/          one running container
//!   store/            surrealkv, 0700          shim.sock              its shim
//!   content/blobs/sha256/<hex>                 exit/<process>         exit records
//!   content/ingest/                            rootfs/                mount point, private to the container
//!   snapshots/<driver>/<n>/                    config.json            OCI bundle for foreign runtimes
//!   containers/<id>/  0700: hostname, hosts,   runtime/               state of the OCI runtime
//!                     resolv.conf, logs
//!   volumes/<name>/_data
//!   tmp/  trash/      emptied in the background
//! ```

use crate::id::{ContainerId, Digest};
use std::path::{Path, PathBuf};

/// The two roots of a daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// What survives a reboot.
    pub data: PathBuf,
    /// What does not.
    pub exec: PathBuf,
}

macro_rules! under {
    ($($(#[$doc:meta])* $name:ident => $root:ident / $tail:literal),* $(,)?) => {$(
        $(#[$doc])*
        pub fn $name(&self) -> PathBuf {
            self.$root.join($tail)
        }
    )*};
}

impl Paths {
    /// Both roots must be absolute and differ; the caller checks that.
    pub fn new(data: impl Into<PathBuf>, exec: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), exec: exec.into() }
    }

    under! {
        /// The engine's stable identity.
        engine_id => data / "engine-id",
        /// The database; nothing else may be put in this folder.
        store => data / "store",
        /// Room kept for a full disk: deleted to let the store breathe.
        reserve => data / "reserve",
        /// Blobs, named by their digest.
        blobs => data / "content/blobs/sha256",
        /// Blobs being received.
        ingest => data / "content/ingest",
        /// One folder per snapshotter.
        snapshots => data / "snapshots",
        /// One folder per container, mode 0700.
        containers => data / "containers",
        /// Volumes of the local driver.
        volumes => data / "volumes",
        /// Scratch, emptied at start.
        temporary => data / "tmp",
        /// What is being deleted in the background; a rename into it frees a name at once.
        trash => data / "trash",
    }

    /// The file of one blob.
    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.digits())
    }

    /// What a container keeps across restarts.
    pub fn container(&self, id: &ContainerId) -> PathBuf {
        self.containers().join(id.as_str())
    }

    /// The container's log, named as Docker names it.
    pub fn log(&self, id: &ContainerId) -> PathBuf {
        self.container(id).join(format!("{id}-json.log"))
    }

    /// A volume's folder; its data is in `_data` below.
    pub fn volume(&self, name: &str) -> PathBuf {
        self.volumes().join(name)
    }

    /// What a container needs while it runs: the OCI bundle and the shim's files.
    pub fn bundle(&self, id: &ContainerId) -> PathBuf {
        self.exec.join(id.as_str())
    }

    /// The shim's socket. May be longer than `sun_path`: bind and connect relative to the folder.
    pub fn shim_socket(&self, id: &ContainerId) -> PathBuf {
        self.bundle(id).join(SHIM_SOCKET)
    }

    /// Where the shim writes exit records, one file per process.
    pub fn exits(&self, id: &ContainerId) -> PathBuf {
        self.bundle(id).join("exit")
    }
}

/// The shim's socket inside the bundle.
pub const SHIM_SOCKET: &str = "shim.sock";

/// The name under which a container's first process goes in the shim's protocol and exit records.
pub const INIT: &str = "init";

/// True when `path` is absolute and has no `.` or `..` in it.
pub fn is_plain_absolute(path: &Path) -> bool {
    use std::path::Component::{Normal, RootDir};
    path.is_absolute() && path.components().all(|c| matches!(c, RootDir | Normal(_)))
}
