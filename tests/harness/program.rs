//! Where programs are: ours beside the running test, foreign ones in PATH.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

/// Where a program that is no test looks for ours.
static CHOSEN: RwLock<Option<PathBuf>> = RwLock::new(None);

/// From now on our programs are those of this folder: for a tool that was itself built otherwise.
pub fn choose(folder: PathBuf) {
    *CHOSEN.write().unwrap_or_else(PoisonError::into_inner) = Some(folder);
}

/// The folder of the build: `<target>/release` or `<target>/debug`, derived from the running program
/// so that `CARGO_TARGET_DIR` and profiles need no second setting, unless one was chosen.
pub fn folder() -> PathBuf {
    if let Some(chosen) = CHOSEN.read().unwrap_or_else(PoisonError::into_inner).clone() {
        return chosen;
    }
    let own = std::env::current_exe().expect("the running program has a path");
    let parent = own.parent().expect("a program is in a folder");
    match parent.file_name().is_some_and(|name| name == "deps") {
        true => parent.parent().expect("deps is in the build's folder").to_owned(),
        false => parent.to_owned(),
    }
}

/// Folder of the static programs, below [`folder`].
pub const STATIC: &str = "static";

/// One of our programs; the static ones from their own folder.
///
/// # Panics
/// When it was not built; the sentence says how to.
pub fn built(name: &str) -> PathBuf {
    let fixed = folder().join(STATIC).join(name);
    let path = if fixed.is_file() { fixed } else { folder().join(name) };
    assert!(path.is_file(), "{} is missing: run `cargo dev build` first", path.display());
    path
}

/// A foreign program, by PATH and the folders where Debian keeps daemons.
pub fn foreign(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin", "/usr/local/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).map(|f| f.join(name)).find(|p| is_program(p))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// True when the tests run as root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Says on standard error, where a runner shows it, that a test did not run, and why.
pub fn skip(why: &str) {
    eprintln!("skipped: {why}");
}
