//! Files of a control group: whole reads and single writes, each with a sentence that names the file.

use crate::error::{Context, Error, Kind, Result};
use crate::kernel::text;
use std::ffi::CString;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The kernel wants a value in one `write`. A group that is gone is `NotFound`.
pub fn write(path: &Path, value: &str) -> Result<()> {
    let sentence = || format!("write {:?} to {}", shorten(value), path.display());
    let mut file =
        OpenOptions::new().write(true).open(path).map_err(judge).with_context(sentence)?;
    file.write_all(value.as_bytes()).map_err(judge).with_context(sentence)
}

/// The whole text of a file.
pub fn read(path: &Path) -> Result<String> {
    let sentence = || format!("read {}", path.display());
    text::read(path).map_err(judge).with_context(sentence)
}

/// As [`read`]; a file that this kernel does not have is nothing.
pub fn read_if_there(path: &Path) -> Result<Option<String>> {
    match read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file that holds one number; `max` or a missing file is 0.
pub fn number(path: &Path) -> Result<u64> {
    Ok(read_if_there(path)?.and_then(|text| text.trim().parse().ok()).unwrap_or(0))
}

/// ENOENT and ENODEV (the group vanished between open and read) are `NotFound`.
fn judge(error: std::io::Error) -> Error {
    let kind = match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENODEV) => Kind::NotFound,
        Some(libc::EBUSY) => Kind::Conflict,
        Some(libc::EINVAL | libc::ERANGE) => Kind::Invalid,
        _ => Kind::Internal,
    };
    Error::new(kind, error.to_string())
}

fn shorten(value: &str) -> &str {
    value.get(..64).unwrap_or(value)
}

/// A path as a C string.
pub fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).context("a path contains a zero byte")
}
