//! Puts the entries of a layer into its folder: paths checked and resolved beneath the folder, later
//! entries in place of earlier ones, deletions in the form that the snapshotter reads.
//!
//! A path is never resolved by name from outside: parents are descriptors, opened beneath the root.

use super::entry::Entry;
use super::recipe::Displaced;
use super::writer::{Body, Job, Writers};
use crate::limits;
use crate::snapshot::attribute::{Attributes, Privilege};
use crate::snapshot::{Whiteouts, beneath};
use async_channel::{Receiver, Sender};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstatat, makedev, mkdirat, mknodat};
use nix::unistd::{UnlinkatFlags, linkat, symlinkat, unlinkat};
use shared::error::{Context, Error, Result};
use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use tar::EntryType;
use xattr::FileExt;

/// Put before a name to delete it (OCI image specification, "Whiteouts").
pub const WHITEOUT: &str = ".wh.";
/// A folder with this entry hides all that lower layers have in it.
pub const OPAQUE: &str = ".wh..wh..opq";
/// What overlayfs reads on such a folder (kernel, Documentation/filesystems/overlayfs.rst).
const OVERLAY_OPAQUE: &str = "trusted.overlay.opaque";

/// The folder of a layer being unpacked.
pub struct Tree<'a, 'scope> {
    root: BorrowedFd<'a>,
    writers: Writers<'scope>,
    attic: &'a Path,
    whiteouts: Whiteouts,
    privilege: Privilege,
    folders: HashMap<PathBuf, Arc<OwnedFd>>,
    seen: HashSet<u64>,
    hash: RandomState,
    hidden: HashSet<PathBuf>,
    later: Vec<(PathBuf, Attributes)>,
    displaced: Vec<Displaced>,
    skipped: u64,
}

/// Where an entry goes.
pub struct Place {
    /// The open folder.
    pub folder: Arc<OwnedFd>,
    /// The name in it.
    pub name: OsString,
}

impl<'a, 'scope> Tree<'a, 'scope> {
    /// An empty folder, `root`; what must make room is moved to `attic`, which need not exist.
    pub fn new(
        root: BorrowedFd<'a>,
        attic: &'a Path,
        whiteouts: Whiteouts,
        writers: Writers<'scope>,
    ) -> Self {
        Self {
            root,
            writers,
            attic,
            whiteouts,
            privilege: Privilege::current(),
            folders: HashMap::new(),
            seen: HashSet::new(),
            hash: RandomState::new(),
            hidden: HashSet::new(),
            later: Vec::new(),
            displaced: Vec::new(),
            skipped: 0,
        }
    }

    /// Makes room for `path`. `contents` counts what the recipe has so far.
    pub fn clear(&mut self, path: &Path, kind: EntryType, contents: u64) -> Result<Place> {
        let place = self.place(path)?;
        let is_new = self.seen.insert(self.hash.hash_one(path.as_os_str()));
        if self.hidden.contains(path) && self.whiteouts == Whiteouts::Overlay {
            unlinkat(&place.folder, place.name.as_os_str(), UnlinkatFlags::NoRemoveDir)
                .context("replace a whiteout")?;
        }
        if !(is_new || kind == EntryType::Directory && is_folder(&place)) {
            self.writers.settle()?;
            self.displace(path, &place, contents)?;
        }
        Ok(place)
    }

    fn displace(&mut self, path: &Path, place: &Place, contents: u64) -> Result<()> {
        let number = self.displaced.len();
        if number >= limits::LAYER_DISPLACED {
            let limit = limits::LAYER_DISPLACED;
            return Err(Error::invalid(format!(
                "a layer replaces more than {limit} of its own files"
            )));
        }
        std::fs::create_dir_all(self.attic).context("create the attic of a layer")?;
        let attic = File::open(self.attic).context("open the attic of a layer")?;
        let target = number.to_string();
        match renameat(&place.folder, place.name.as_os_str(), &attic, target.as_str()) {
            Ok(()) => self.displaced.push(Displaced { before: contents, path: path.to_owned() }),
            Err(Errno::ENOENT) => {}
            Err(error) => {
                return Err(error).with_context(|| format!("replace {}", path.display()));
            }
        }
        self.folders.clear();
        self.later.retain(|(later, _)| !later.starts_with(path));
        Ok(())
    }

    /// Makes a folder, or gives an existing one new attributes. They are set at the end, since what is
    /// put into a folder changes its time.
    pub fn folder(
        &mut self,
        path: &Path,
        place: Option<&Place>,
        attributes: Attributes,
    ) -> Result<()> {
        if let Some(place) = place {
            match mkdirat(&place.folder, place.name.as_os_str(), Mode::S_IRWXU) {
                Ok(()) if self.hidden.contains(path) => self.opaque(path)?,
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("create {}", path.display()));
                }
            }
        }
        self.later.push((path.to_owned(), attributes));
        Ok(())
    }

    /// Makes a symbolic link, a hard link, a device or a pipe.
    pub fn special(&mut self, entry: &Entry, place: &Place, attributes: &Attributes) -> Result<()> {
        let (folder, name) = (&place.folder, place.name.as_os_str());
        let sentence = || format!("create {}", entry.path.to_string_lossy());
        match entry.kind {
            EntryType::Link => return self.hard_link(entry, place).with_context(sentence),
            EntryType::Symlink => {
                symlinkat(entry.link.as_os_str(), folder, name).with_context(sentence)?;
            }
            EntryType::Fifo => {
                mknodat(folder, name, SFlag::S_IFIFO, attributes.mode(), 0)
                    .with_context(sentence)?;
            }
            EntryType::Char | EntryType::Block => {
                if self.privilege == Privilege::User {
                    self.skipped += 1;
                    return Ok(());
                }
                let is_char = entry.kind == EntryType::Char;
                let kind = if is_char { SFlag::S_IFCHR } else { SFlag::S_IFBLK };
                let device = makedev(entry.device.0.into(), entry.device.1.into());
                mknodat(folder, name, kind, attributes.mode(), device).with_context(sentence)?;
            }
            other => {
                let path = entry.path.to_string_lossy();
                let kind = other.as_byte() as char;
                return Err(Error::invalid(format!(
                    "unhandled tar entry of type {kind:?}: {path}"
                )));
            }
        }
        attributes.set_at(folder.as_fd(), name, self.privilege).with_context(sentence)?;
        if entry.kind != EntryType::Symlink {
            let follow = FchmodatFlags::FollowSymlink;
            fchmodat(folder, name, attributes.mode(), follow).with_context(sentence)?;
        }
        Ok(())
    }

    fn hard_link(&mut self, entry: &Entry, place: &Place) -> Result<()> {
        self.writers.settle()?;
        let target = clean(&entry.link)?;
        let Some(name) = target.file_name() else {
            return Err(Error::invalid("a hard link to the root"));
        };
        let parent = target.parent().unwrap_or(Path::new(""));
        let folder = beneath::open_folder(self.root, parent)?;
        linkat(&folder, name, &place.folder, place.name.as_os_str(), AtFlags::empty())
            .with_context(|| format!("link to {}", target.display()))
    }

    /// Records a deletion: `name` is what follows [`WHITEOUT`], or the whole of [`OPAQUE`].
    pub fn whiteout(&mut self, parent: &Path, name: &OsStr) -> Result<()> {
        if name == OPAQUE {
            return self.opaque(parent);
        }
        let bytes = name.as_encoded_bytes();
        if bytes.starts_with(b".wh..wh.") {
            return Ok(()); // aufs kept its own books under such names
        }
        // Cut behind ASCII, so what is left is whole.
        let hidden = std::os::unix::ffi::OsStrExt::from_bytes(&bytes[WHITEOUT.len()..]);
        let hidden: &OsStr = hidden;
        if hidden.is_empty() || hidden == "." || hidden == ".." {
            return Err(Error::invalid(format!("invalid whiteout in {}", parent.display())));
        }
        let path = parent.join(hidden);
        if self.seen.contains(&self.hash.hash_one(path.as_os_str())) {
            return Ok(()); // whiteouts hide lower layers, never what the same layer has
        }
        let folder = self.open(parent)?;
        let result = match self.whiteouts {
            Whiteouts::Overlay => {
                mknodat(&folder, hidden, SFlag::S_IFCHR, Mode::empty(), makedev(0, 0))
            }
            Whiteouts::Marker => mknodat(&folder, name, SFlag::S_IFREG, Mode::S_IRUSR, 0),
        };
        match result {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(error).with_context(|| format!("hide {}", path.display())),
        }
        self.hidden.insert(path);
        Ok(())
    }

    fn opaque(&mut self, path: &Path) -> Result<()> {
        let folder = self.open(path)?;
        let sentence = || format!("make {} opaque", path.display());
        match self.whiteouts {
            Whiteouts::Overlay => {
                let file = File::from(folder.try_clone().with_context(sentence)?);
                file.set_xattr(OVERLAY_OPAQUE, b"y").with_context(sentence)
            }
            Whiteouts::Marker => match mknodat(&folder, OPAQUE, SFlag::S_IFREG, Mode::S_IRUSR, 0) {
                Ok(()) | Err(Errno::EEXIST) => Ok(()),
                Err(error) => Err(error).with_context(sentence),
            },
        }
    }

    fn place(&mut self, path: &Path) -> Result<Place> {
        let name = path.file_name().ok_or_else(|| Error::invalid("an entry without a name"))?;
        let folder = self.open(path.parent().unwrap_or(Path::new("")))?;
        Ok(Place { folder, name: name.to_owned() })
    }

    /// Opens a folder, with those above it made if they are missing.
    fn open(&mut self, path: &Path) -> Result<Arc<OwnedFd>> {
        if let Some(folder) = self.find(path)? {
            return Ok(folder);
        }
        if path.components().count() > limits::ARCHIVE_DEPTH {
            let limit = limits::ARCHIVE_DEPTH;
            return Err(Error::invalid(format!("a path is deeper than {limit} folders")));
        }
        // In a loop, not by recursion: strangers nest folders a thousand deep.
        let mut missing = vec![path];
        let mut folder = loop {
            let above = missing.last().and_then(|path| path.parent()).unwrap_or(Path::new(""));
            match self.find(above)? {
                Some(folder) => break folder,
                None if above.as_os_str().is_empty() => {
                    return Err(Error::internal("the folder of a layer is gone"));
                }
                None => missing.push(above),
            }
        };
        while let Some(path) = missing.pop() {
            folder = Arc::new(self.make(path, &folder)?);
        }
        self.keep(path, &folder);
        Ok(folder)
    }

    /// Opens a folder; none if it is not there.
    fn find(&mut self, path: &Path) -> Result<Option<Arc<OwnedFd>>> {
        if let Some(folder) = self.folders.get(path) {
            return Ok(Some(folder.clone()));
        }
        match beneath::open_folder(self.root, path) {
            Ok(folder) => {
                let folder = Arc::new(folder);
                self.keep(path, &folder);
                Ok(Some(folder))
            }
            Err(error) => match error.find::<Errno>() {
                Some(Errno::ENOENT) => Ok(None),
                _ => Err(error),
            },
        }
    }

    fn keep(&mut self, path: &Path, folder: &Arc<OwnedFd>) {
        if self.folders.len() >= limits::UNPACK_FOLDERS {
            self.folders.clear();
        }
        self.folders.insert(path.to_owned(), folder.clone());
    }

    /// Makes one folder in `above`.
    fn make(&mut self, path: &Path, above: &OwnedFd) -> Result<OwnedFd> {
        if self.seen.contains(&self.hash.hash_one(path.as_os_str())) {
            // A file that is still being written, or a folder that was displaced.
            self.writers.settle()?;
            match beneath::open_folder(self.root, path) {
                Err(error) if error.find::<Errno>() == Some(&Errno::ENOENT) => {}
                opened => return opened,
            }
        }
        let name = path.file_name().ok_or_else(|| Error::invalid("a folder without a name"))?;
        let sentence = || format!("create {}", path.display());
        let mode = Mode::from_bits_truncate(0o755);
        mkdirat(above, name, mode).with_context(sentence)?;
        fchmodat(above, name, mode, FchmodatFlags::FollowSymlink).with_context(sentence)?;
        self.seen.insert(self.hash.hash_one(path.as_os_str()));
        beneath::open_folder(self.root, path)
    }

    /// Queues a file to be written.
    pub fn file(&mut self, place: Place, attributes: Attributes, body: Body) -> Result<()> {
        self.writers.push(Job { folder: place.folder, name: place.name, attributes, body })
    }

    /// A queue for the parts of one big file.
    pub fn parts(&self) -> (Sender<Vec<u8>>, Receiver<Vec<u8>>) {
        self.writers.parts()
    }

    /// A buffer for one of them.
    pub fn buffer(&self) -> Vec<u8> {
        self.writers.buffer()
    }

    /// Waits for the files so far; an error is one of them.
    pub fn settle(&mut self) -> Result<()> {
        self.writers.settle()
    }

    /// Waits for the files, sets the attributes of folders, the deepest first, and gives what was displaced and how many
    /// devices were left out for lack of privilege.
    pub fn finish(mut self) -> Result<(Vec<Displaced>, u64)> {
        self.writers.finish()?;
        while let Some((path, attributes)) = self.later.pop() {
            let folder = File::from(beneath::open_folder(self.root, &path)?);
            attributes
                .set(&folder, self.privilege)
                .with_context(|| format!("set up {}", path.display()))?;
        }
        Ok((self.displaced, self.skipped))
    }
}

fn is_folder(place: &Place) -> bool {
    let stat = fstatat(&place.folder, place.name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
    stat.is_ok_and(|s| s.st_mode & libc::S_IFMT == libc::S_IFDIR)
}

/// The path inside the layer: without a leading slash and dots. One that leads out is an error.
pub fn clean(raw: &OsStr) -> Result<PathBuf> {
    if raw.as_encoded_bytes().contains(&0) {
        return Err(Error::invalid(format!("the path {raw:?} has a zero in it")));
    }
    let mut path = PathBuf::new();
    for component in Path::new(raw).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::ParentDir if path.pop() => {}
            Component::ParentDir => {
                let raw = raw.to_string_lossy();
                return Err(Error::invalid(format!("the path {raw:?} leads out of the archive")));
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Ok(path)
}
