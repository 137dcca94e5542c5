//! Moves the log file and its predecessors on, compressed ones too. By renames only, so that a reader who
//! has a file open goes on reading it, and sees by its inode that there is a newer one.

use shared::error::{Context, Result};
use shared::rotation::{Form, name};
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

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
    gone(std::fs::remove_file(name(path, oldest, Form::Plain)))?;
    if oldest > 0 {
        gone(std::fs::remove_file(name(path, oldest, Form::Packed)))?;
    }
    for number in (0..oldest).rev() {
        for form in [Form::Plain, Form::Packed] {
            if number > 0 || form == Form::Plain {
                let (from, to) = (name(path, number, form), name(path, number + 1, form));
                gone(std::fs::rename(from, to))?;
            }
        }
    }
    open(path)
}
