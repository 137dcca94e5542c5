//! Reads a container's own passwd and group files, so that `--user name` becomes numbers.
//!
//! Never follows a link out of the container: of layers only plain files and folders are looked at, and
//! of a mounted root every path goes through `openat2(RESOLVE_IN_ROOT)`. Never writes. Blocking.

use super::io::root::{Root, text};
use super::spec::user::{Identity, resolve};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, SFlag, fstat};
use shared::error::{Context, Result};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Bytes of a passwd or group file at most: a container writes them itself.
const FILE_BYTES: u64 = 4 << 20;

/// Who `asked` is, by the files of a mounted root (of a running container, or detached).
///
/// # Errors
/// As [`resolve`].
pub fn of_root(root: &Root, asked: &str, add: &[String]) -> Result<Identity> {
    let read = |path: &str| root.read(Path::new(path), FILE_BYTES);
    let (passwd, group) = (read("/etc/passwd")?, read("/etc/group")?);
    resolve(asked, add, &passwd.unwrap_or_default(), &group.unwrap_or_default())
}

/// Who `asked` is, by the files in the layers of a container that is not mounted: its writable folder
/// first, then the image's from the top. `mount` gives a detached root; it is only called when a link
/// or a special file is in the way.
///
/// # Errors
/// As [`resolve`].
pub fn of_layers(
    layers: &[PathBuf],
    asked: &str,
    add: &[String],
    mount: impl FnOnce() -> Result<Root>,
) -> Result<Identity> {
    match (find(layers, "passwd")?, find(layers, "group")?) {
        (Found::Special, _) | (_, Found::Special) => of_root(&mount()?, asked, add),
        (passwd, group) => resolve(asked, add, &passwd.text(), &group.text()),
    }
}

/// What a look through the layers came to.
#[derive(Debug, PartialEq)]
enum Found {
    File(String),
    Nothing,
    /// A link or something stranger: only a mount knows.
    Special,
}

impl Found {
    fn text(self) -> String {
        match self {
            Found::File(text) => text,
            Found::Nothing | Found::Special => String::new(),
        }
    }
}

/// `/etc/<name>` as overlayfs would show it.
fn find(layers: &[PathBuf], name: &str) -> Result<Found> {
    for layer in layers {
        let folder = match open(&layer.join("etc"), path_flags(), Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::ENOENT) => continue,
            Err(e) => return Err(e).with_context(|| format!("open etc in {}", layer.display())),
        };
        match kind(&folder)? {
            Kind::Folder => {}
            Kind::Whiteout => return Ok(Found::Nothing),
            Kind::File | Kind::Other => return Ok(Found::Special),
        }
        match openat(&folder, name, path_flags(), Mode::empty()) {
            Ok(entry) => return file(&folder, &entry, name),
            Err(Errno::ENOENT) if is_opaque(&layer.join("etc")) => return Ok(Found::Nothing),
            Err(Errno::ENOENT) => {}
            Err(e) => {
                return Err(e).with_context(|| format!("open etc/{name} in {}", layer.display()));
            }
        }
    }
    Ok(Found::Nothing)
}

fn file(folder: &OwnedFd, entry: &OwnedFd, name: &str) -> Result<Found> {
    match kind(entry)? {
        Kind::Whiteout => return Ok(Found::Nothing),
        Kind::Folder | Kind::Other => return Ok(Found::Special),
        Kind::File => {}
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let opened =
        openat(folder, name, flags, Mode::empty()).with_context(|| format!("open etc/{name}"))?;
    let content = text(File::from(opened), name.as_ref(), FILE_BYTES)?;
    Ok(content.map_or(Found::Special, Found::File))
}

fn path_flags() -> OFlag {
    OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC
}

enum Kind {
    Folder,
    File,
    Whiteout,
    Other,
}

fn kind(fd: &OwnedFd) -> Result<Kind> {
    let stat = fstat(fd).context("look at a layer")?;
    Ok(match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFDIR => Kind::Folder,
        SFlag::S_IFREG => Kind::File,
        SFlag::S_IFCHR if stat.st_rdev == 0 => Kind::Whiteout,
        _ => Kind::Other,
    })
}

/// The folder hides what lower layers have in it.
fn is_opaque(folder: &Path) -> bool {
    let marked = |name: &str| matches!(xattr::get(folder, name), Ok(Some(value)) if value == b"y");
    marked("trusted.overlay.opaque") || marked("user.overlay.opaque")
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::error::Error;
    use std::fs;
    use std::os::unix::fs::symlink;

    struct Layers(PathBuf);

    impl Layers {
        fn new(name: &str) -> Self {
            let base =
                std::env::temp_dir().join(format!("coffer-account-{name}-{}", std::process::id()));
            for layer in ["top/etc", "low/etc"] {
                fs::create_dir_all(base.join(layer)).unwrap();
            }
            fs::write(base.join("low/etc/passwd"), "web:x:33:34::/var/www:/bin/sh\n").unwrap();
            Self(base)
        }

        fn go(&self, asked: &str) -> Result<Identity> {
            let layers = [self.0.join("top"), self.0.join("low")];
            of_layers(&layers, asked, &[], || Err(Error::internal("mounted")))
        }
    }

    impl Drop for Layers {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn the_uppermost_file_counts() {
        let layers = Layers::new("upper");
        assert_eq!(layers.go("web").unwrap().uid, 33);
        fs::write(layers.0.join("top/etc/passwd"), "web:x:44:44::/:/bin/sh\n").unwrap();
        assert_eq!(layers.go("web").unwrap().uid, 44);
        assert_eq!(
            layers.go("ghost").unwrap_err().message(),
            "unable to find user ghost: no matching entries in passwd file"
        );
    }

    #[test]
    fn a_link_needs_a_mount() {
        let layers = Layers::new("link");
        symlink("/host/passwd", layers.0.join("top/etc/passwd")).unwrap();
        assert_eq!(layers.go("web").unwrap_err().message(), "mounted");
    }

    #[test]
    fn a_mounted_root_is_read_inside() {
        let layers = Layers::new("root");
        let root = Root::open(&layers.0.join("low")).unwrap();
        assert_eq!(of_root(&root, "web", &["7".into()]).unwrap().groups, [34, 7]);
    }
}
