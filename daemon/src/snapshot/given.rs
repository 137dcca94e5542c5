//! What a writable tree is given when it is made: small files and links that its layers lack. Never takes
//! the place of anything that a layer has.

use super::Usage;
use super::lower::{Lower, stat};
use super::tree::Copier;
use shared::error::{Context, Result};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// One entry. Its folder is in the root of the tree or it is there itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// Relative to the tree.
    pub path: &'static str,
    /// What it is.
    pub content: Content,
}

/// What is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// An empty file with these permissions.
    Empty(u32),
    /// A symbolic link to this target.
    Link(&'static str),
}

/// Puts `given` into `files`, the part of a tree that is its own; `lower` is what is below. Blocking.
pub fn put(given: &[Given], files: &Path, lower: &Lower) -> Result<()> {
    for entry in given {
        let path = Path::new(entry.path);
        let target = files.join(path);
        if lower.find(path)?.is_some() || stat(&target)?.is_some() {
            continue;
        }
        let sentence = || format!("make {}", entry.path);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
            && !make_folder(folder, files, lower).with_context(sentence)?
        {
            continue;
        }
        match entry.content {
            Content::Link(to) => std::os::unix::fs::symlink(to, &target).with_context(sentence)?,
            Content::Empty(mode) => {
                let file = File::create_new(&target).with_context(sentence)?;
                file.set_permissions(fs::Permissions::from_mode(mode)).with_context(sentence)?;
            }
        }
    }
    Ok(())
}

/// What of `given` takes in `files`, as long as nobody has put something else there. Blocking.
pub fn usage(given: &[Given], files: &Path) -> Result<Usage> {
    let mut usage = Usage::default();
    for entry in given {
        let target = files.join(entry.path);
        let Some(there) = stat(&target)? else { continue };
        let untouched = match entry.content {
            Content::Empty(_) => there.is_file() && there.len() == 0,
            Content::Link(to) => fs::read_link(&target).is_ok_and(|now| now == Path::new(to)),
        };
        if untouched {
            usage.inodes += 1;
            usage.bytes += there.len();
        }
    }
    Ok(usage)
}

/// A folder over the one that layers have, with its attributes. False if it is something else there, or
/// would be below something that is.
fn make_folder(folder: &Path, files: &Path, lower: &Lower) -> Result<bool> {
    let target = files.join(folder);
    if let Some(there) = stat(&target)? {
        return Ok(there.is_dir());
    }
    let below = lower.place(folder)?;
    if let Some(below) = &below
        && !stat(below)?.is_some_and(|there| there.is_dir())
    {
        return Ok(false);
    }
    fs::create_dir(&target).with_context(|| format!("create {}", target.display()))?;
    match below {
        Some(below) => Copier::default().attributes(&below, &target)?,
        None => fs::set_permissions(&target, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("set the permissions of {}", target.display()))?,
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Whiteouts;

    const ALL: [Given; 2] = [
        Given { path: ".mark", content: Content::Empty(0o755) },
        Given { path: "etc/link", content: Content::Link("/proc/mounts") },
    ];

    fn folder(name: &str) -> std::path::PathBuf {
        let base = std::env::temp_dir().join(format!("coffer-given-{name}-{}", std::process::id()));
        fs::create_dir_all(base.join("low")).unwrap();
        fs::create_dir_all(base.join("up")).unwrap();
        base
    }

    fn given(base: &Path) {
        let lower = Lower::new(vec![base.join("low")], Whiteouts::Marker);
        put(&ALL, &base.join("up"), &lower).unwrap();
    }

    #[test]
    fn what_is_missing_is_made() {
        let base = folder("made");
        fs::create_dir(base.join("low/etc")).unwrap();
        fs::set_permissions(base.join("low/etc"), fs::Permissions::from_mode(0o751)).unwrap();
        given(&base);
        let mode = |path: &str| fs::metadata(base.join(path)).unwrap().permissions().mode();
        assert_eq!(mode("up/etc") & 0o7777, 0o751);
        assert_eq!(mode("up/.mark") & 0o7777, 0o755);
        let link = fs::read_link(base.join("up/etc/link")).unwrap();
        assert_eq!(link, Path::new("/proc/mounts"));
        // Once more, and where no layer has the folder: nothing breaks.
        given(&base);
        fs::remove_dir_all(base.join("up/etc")).unwrap();
        fs::remove_dir(base.join("low/etc")).unwrap();
        given(&base);
        assert!(base.join("up/etc/link").is_symlink());
        fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn what_a_layer_has_stays() {
        let base = folder("stays");
        fs::write(base.join("low/.mark"), "mine").unwrap();
        // A link instead of a folder: nothing is put where it leads.
        std::os::unix::fs::symlink("/tmp", base.join("low/etc")).unwrap();
        given(&base);
        assert_eq!(fs::read_dir(base.join("up")).unwrap().count(), 0);
        fs::remove_dir_all(base).unwrap();
    }
}
