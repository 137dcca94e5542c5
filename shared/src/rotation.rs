//! The files of a rotated log: `<path>` is written to, `<path>.1` was before it, `<path>.2` before that;
//! `<path>.N.gz` instead of `<path>.N` once the daemon has compressed it. While a container runs its shim
//! alone moves these files, so that a compressed one never takes the wrong one's place. Reads no content.

use crate::error::{Context, Error, Result};
use std::fs::{self, File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Device and inode: what a file is known by while it is renamed.
pub type Identity = (u64, u64);

/// How a rotated file is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it was written.
    Plain,
    /// In gzip.
    Packed,
}

/// The identity in a file's metadata.
pub fn identity(meta: &Metadata) -> Identity {
    (meta.dev(), meta.ino())
}

/// The name of file `number`; 0 is the one that is written to, which is always plain.
pub fn name(path: &Path, number: u32, form: Form) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(match form {
        Form::Plain => format!(".{number}"),
        Form::Packed => format!(".{number}.gz"),
    });
    name.into()
}

/// The newest rotated file that is not compressed, of a log of `files` files at most.
pub fn unpacked(path: &Path, files: u32) -> Option<PathBuf> {
    (1..files).map(|number| name(path, number, Form::Plain)).find(|name| name.is_file())
}

/// Puts `packed` into the place of the rotated file `original`, wherever that is by now. It is renamed
/// first and the original removed then: whoever dies in between leaves both, never neither.
///
/// # Errors
/// `NotFound` when rotation has dropped the original; `packed` stays then.
pub fn replace(path: &Path, files: u32, original: Identity, packed: &Path) -> Result<()> {
    for number in 1..files {
        let plain = name(path, number, Form::Plain);
        let is_it = match File::open(&plain).and_then(|file| file.metadata()) {
            Ok(meta) => identity(&meta) == original,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => {
                return Err(error).with_context(|| format!("look at {}", plain.display()));
            }
        };
        if is_it {
            let to = name(path, number, Form::Packed);
            fs::rename(packed, &to).with_context(|| format!("rename to {}", to.display()))?;
            return fs::remove_file(&plain).with_context(|| format!("remove {}", plain.display()));
        }
    }
    Err(Error::not_found("the rotated log file is gone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_file_finds_its_place_after_a_rotation() {
        let folder = std::env::temp_dir().join(format!("coffer-rotation-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("log");
        fs::write(&path, "new").unwrap();
        fs::write(name(&path, 1, Form::Plain), "old").unwrap();
        assert_eq!(unpacked(&path, 3), Some(name(&path, 1, Form::Plain)));
        assert_eq!(unpacked(&path, 1), None);
        let old = identity(&name(&path, 1, Form::Plain).metadata().unwrap());
        let packed = folder.join("packed");
        fs::write(&packed, "gz").unwrap();
        fs::rename(name(&path, 1, Form::Plain), name(&path, 2, Form::Plain)).unwrap();
        fs::rename(&path, name(&path, 1, Form::Plain)).unwrap();
        replace(&path, 3, old, &packed).unwrap();
        assert_eq!(fs::read(name(&path, 2, Form::Packed)).unwrap(), b"gz");
        assert!(!name(&path, 2, Form::Plain).exists() && name(&path, 1, Form::Plain).exists());
        fs::write(&packed, "gz").unwrap();
        let error = replace(&path, 3, (0, 0), &packed).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::NotFound);
        assert!(packed.exists());
        fs::remove_dir_all(&folder).unwrap();
    }
}
