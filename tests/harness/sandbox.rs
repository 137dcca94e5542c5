//! A folder for one test: short enough for unix sockets, removed at the end.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(1);

/// A folder that is deleted when it goes out of scope.
#[derive(Debug)]
pub struct Sandbox {
    path: PathBuf,
    name: String,
}

impl Sandbox {
    /// Makes a new one below the machine's folder for temporary files.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new(what: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // The last letter keeps one name from being the beginning of another.
        let name = format!("coffer-{what}-{}-{number}e", std::process::id());
        let path = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self { path, name }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A name that no other sandbox of this machine has: for cgroups and labels.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A path in it.
    pub fn join(&self, tail: &str) -> PathBuf {
        self.path.join(tail)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // What is mounted here belongs to somebody else: deleting it would reach through.
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let below = format!(" {}/", self.path.display());
        if mounts.contains(&below) {
            eprintln!("{} is left behind: something is mounted in it", self.path.display());
            return;
        }
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            eprintln!("{} is left behind: {error}", self.path.display());
        }
    }
}
