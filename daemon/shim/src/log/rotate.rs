//! The log file and its predecessors: `<path>`, `<path>.1`, `<path>.2`, ... newest first; the daemon
//! may compress a predecessor to `<path>.N.gz`. By renames only, so that a reader who has a file open
//! goes on reading it, and sees by its inode that there is a newer one.

use shared::error::{Context, Result};
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Opens the current file to append; makes it, mode 0640, if there is none.
pub fn open(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.read(true).append(true).create(true).mode(0o640);
    options.open(path).with_context(|| format!("open log {}", path.display()))
}

/// Moves every file one place back, drops what is beyond `files`, opens a new current one.
pub fn rotate(path: &Path, files: u32) -> Result<File> {
    let oldest = files.saturating_sub(1);
    let gone = |result: io::Result<()>| match result {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("rotate log {}", path.display()))
        }
        _ => Ok(()),
    };
    let last = if oldest == 0 { path.to_owned() } else { numbered(path, oldest, "") };
    gone(std::fs::remove_file(last))?;
    gone(std::fs::remove_file(numbered(path, oldest, ".gz")))?;
    for number in (1..oldest).rev() {
        for suffix in ["", ".gz"] {
            let (from, to) = (numbered(path, number, suffix), numbered(path, number + 1, suffix));
            gone(std::fs::rename(from, to))?;
        }
    }
    if oldest > 0 {
        gone(std::fs::rename(path, numbered(path, 1, "")))?;
    }
    open(path)
}

fn numbered(path: &Path, number: u32, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}{suffix}"));
    name.into()
}
