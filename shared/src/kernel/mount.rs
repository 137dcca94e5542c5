//! Mounts: options as in fstab, one call per function, and mountinfo. Never decides what is mounted.

use crate::error::{Context, Result};
use nix::mount::{MntFlags, MsFlags};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The options of one mount, taken apart (mount(8), OCI's config.md "mounts").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Flags to set.
    pub flags: MsFlags,
    /// Flags that were asked to be off (`rw`, `suid`, ...): they undo an inherited one.
    pub cleared: MsFlags,
    /// `private`, `rslave`, ...: one more call for each.
    pub propagation: Vec<MsFlags>,
    /// Flags to set on every mount below, too (`rro`, `rnosuid`, ...), as `mount_setattr` attributes.
    pub recursive_set: u64,
    /// Flags to clear on every mount below (`rrw`, ...).
    pub recursive_clear: u64,
    /// Copy what the folder below holds into a new tmpfs.
    pub copy_up: bool,
    /// Map owners by the container's user namespace (`idmap`, `ridmap`).
    pub idmap: bool,
    /// What only the filesystem understands, joined by commas.
    pub data: String,
}

const ATTRIBUTES: [(&str, u64, u64); 14] = [
    ("rro", libc::MOUNT_ATTR_RDONLY, 0),
    ("rrw", 0, libc::MOUNT_ATTR_RDONLY),
    ("rnosuid", libc::MOUNT_ATTR_NOSUID, 0),
    ("rsuid", 0, libc::MOUNT_ATTR_NOSUID),
    ("rnodev", libc::MOUNT_ATTR_NODEV, 0),
    ("rdev", 0, libc::MOUNT_ATTR_NODEV),
    ("rnoexec", libc::MOUNT_ATTR_NOEXEC, 0),
    ("rexec", 0, libc::MOUNT_ATTR_NOEXEC),
    ("rnodiratime", libc::MOUNT_ATTR_NODIRATIME, 0),
    ("rdiratime", 0, libc::MOUNT_ATTR_NODIRATIME),
    ("rrelatime", libc::MOUNT_ATTR_RELATIME, libc::MOUNT_ATTR__ATIME),
    ("rnoatime", libc::MOUNT_ATTR_NOATIME, libc::MOUNT_ATTR__ATIME),
    ("rstrictatime", libc::MOUNT_ATTR_STRICTATIME, libc::MOUNT_ATTR__ATIME),
    ("rnosymfollow", 0x0020_0000, 0),
];

impl Default for Options {
    fn default() -> Self {
        Self {
            flags: MsFlags::empty(),
            cleared: MsFlags::empty(),
            propagation: Vec::new(),
            recursive_set: 0,
            recursive_clear: 0,
            copy_up: false,
            idmap: false,
            data: String::new(),
        }
    }
}

impl Options {
    /// Takes options apart; an unknown one is the filesystem's.
    pub fn parse<'a>(options: impl IntoIterator<Item = &'a str>) -> Self {
        let mut parsed = Self::default();
        for option in options {
            parsed.take(option);
        }
        parsed
    }

    fn take(&mut self, option: &str) {
        if let Some(flag) = set(option) {
            self.flags |= flag;
            self.cleared &= !flag;
        } else if let Some(flag) = cleared(option) {
            self.flags &= !flag;
            self.cleared |= flag;
        } else if let Some(flag) = propagation(option) {
            self.propagation.push(flag);
        } else if let Some((_, set, clear)) = ATTRIBUTES.iter().find(|(name, _, _)| *name == option)
        {
            self.recursive_set = self.recursive_set & !clear | set;
            self.recursive_clear = self.recursive_clear & !set | clear;
        } else {
            match option {
                "defaults" | "" => {}
                "tmpcopyup" => self.copy_up = true,
                "idmap" | "ridmap" => self.idmap = true,
                other => {
                    if !self.data.is_empty() {
                        self.data.push(',');
                    }
                    self.data.push_str(other);
                }
            }
        }
    }

    /// A bind mount is asked for.
    pub fn bind(&self) -> bool {
        self.flags.contains(MsFlags::MS_BIND)
    }
}

fn set(option: &str) -> Option<MsFlags> {
    Some(match option {
        "ro" => MsFlags::MS_RDONLY,
        "nosuid" => MsFlags::MS_NOSUID,
        "nodev" => MsFlags::MS_NODEV,
        "noexec" => MsFlags::MS_NOEXEC,
        "sync" => MsFlags::MS_SYNCHRONOUS,
        "dirsync" => MsFlags::MS_DIRSYNC,
        "remount" => MsFlags::MS_REMOUNT,
        "mand" => MsFlags::MS_MANDLOCK,
        "noatime" => MsFlags::MS_NOATIME,
        "nodiratime" => MsFlags::MS_NODIRATIME,
        "relatime" => MsFlags::MS_RELATIME,
        "strictatime" => MsFlags::MS_STRICTATIME,
        "lazytime" => MsFlags::MS_LAZYTIME,
        "iversion" => MsFlags::MS_I_VERSION,
        "silent" => MsFlags::MS_SILENT,
        "nosymfollow" => MsFlags::from_bits_retain(256),
        "bind" => MsFlags::MS_BIND,
        "rbind" => MsFlags::MS_BIND | MsFlags::MS_REC,
        _ => return None,
    })
}

fn cleared(option: &str) -> Option<MsFlags> {
    Some(match option {
        "rw" => MsFlags::MS_RDONLY,
        "suid" => MsFlags::MS_NOSUID,
        "dev" => MsFlags::MS_NODEV,
        "exec" => MsFlags::MS_NOEXEC,
        "async" => MsFlags::MS_SYNCHRONOUS,
        "nomand" => MsFlags::MS_MANDLOCK,
        "atime" => MsFlags::MS_NOATIME,
        "diratime" => MsFlags::MS_NODIRATIME,
        "norelatime" => MsFlags::MS_RELATIME,
        "nostrictatime" => MsFlags::MS_STRICTATIME,
        "nolazytime" => MsFlags::MS_LAZYTIME,
        "noiversion" => MsFlags::MS_I_VERSION,
        "loud" => MsFlags::MS_SILENT,
        "symfollow" => MsFlags::from_bits_retain(256),
        _ => return None,
    })
}

/// A propagation by OCI's and mount(8)'s names.
pub fn propagation(option: &str) -> Option<MsFlags> {
    Some(match option {
        "private" => MsFlags::MS_PRIVATE,
        "rprivate" => MsFlags::MS_PRIVATE | MsFlags::MS_REC,
        "shared" => MsFlags::MS_SHARED,
        "rshared" => MsFlags::MS_SHARED | MsFlags::MS_REC,
        "slave" => MsFlags::MS_SLAVE,
        "rslave" => MsFlags::MS_SLAVE | MsFlags::MS_REC,
        "unbindable" => MsFlags::MS_UNBINDABLE,
        "runbindable" => MsFlags::MS_UNBINDABLE | MsFlags::MS_REC,
        _ => return None,
    })
}

/// mount(2) with everything.
pub fn mount(source: &str, target: &Path, kind: &str, flags: MsFlags, data: &str) -> Result<()> {
    let data = (!data.is_empty()).then_some(data);
    nix::mount::mount(Some(source), target, Some(kind), flags, data)
        .with_context(|| format!("mount {kind} at {}", target.display()))
}

/// Binds a file or folder, with all that is mounted below it if `MS_REC` is among the flags.
pub fn bind(source: &Path, target: &Path, recursive: MsFlags) -> Result<()> {
    let flags = MsFlags::MS_BIND | (recursive & MsFlags::MS_REC);
    nix::mount::mount(Some(source), target, None::<&str>, flags, None::<&str>)
        .with_context(|| format!("bind {} to {}", source.display(), target.display()))
}

/// Changes the flags of one mount.
pub fn remount(target: &Path, flags: MsFlags) -> Result<()> {
    let flags = flags | MsFlags::MS_REMOUNT | MsFlags::MS_BIND;
    nix::mount::mount(None::<&str>, target, None::<&str>, flags, None::<&str>)
        .with_context(|| format!("change the flags of {}", target.display()))
}

/// Changes the propagation of a mount.
pub fn propagate(target: &Path, how: MsFlags) -> Result<()> {
    nix::mount::mount(None::<&str>, target, None::<&str>, how, None::<&str>)
        .with_context(|| format!("change the propagation of {}", target.display()))
}

/// Unmounts at once, and frees when nobody uses it any more.
pub fn detach(target: &Path) -> Result<()> {
    nix::mount::umount2(target, MntFlags::MNT_DETACH)
        .with_context(|| format!("unmount {}", target.display()))
}

/// One line of `/proc/<pid>/mountinfo` (proc_pid_mountinfo(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounted {
    /// Where.
    pub target: PathBuf,
    /// Which folder of the filesystem is seen there.
    pub root: PathBuf,
    /// `overlay`, `tmpfs`, ...
    pub kind: String,
    /// Device or name.
    pub source: String,
    /// `shared:1`, `master:2`, ...
    pub tags: Vec<String>,
    /// Options of the mount itself.
    pub options: String,
}

/// Reads a mountinfo file.
pub fn mountinfo(path: &Path) -> Result<Vec<Mounted>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    Ok(text.lines().filter_map(parse).collect())
}

fn parse(line: &str) -> Option<Mounted> {
    let (left, right) = line.split_once(" - ")?;
    let left: Vec<&str> = left.split(' ').collect();
    let mut right = right.split(' ');
    Some(Mounted {
        root: unescape(left.get(3)?),
        target: unescape(left.get(4)?),
        options: (*left.get(5)?).to_owned(),
        tags: left.get(6..)?.iter().map(|tag| (*tag).to_owned()).collect(),
        kind: right.next()?.to_owned(),
        source: right.next()?.to_owned(),
    })
}

/// Blanks, tabs, newlines and backslashes come as `\040`.
fn unescape(text: &str) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let octal = bytes.get(at + 1..at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        let value = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (bytes[at], value) {
            (b'\\', Some(value)) => {
                out.push(value);
                at += 4;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    PathBuf::from(OsStr::from_bytes(&out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_in_order() {
        let options =
            Options::parse(["rbind", "ro", "rslave", "rw", "noexec", "size=64k", "mode=755"]);
        assert_eq!(options.flags, MsFlags::MS_BIND | MsFlags::MS_REC | MsFlags::MS_NOEXEC);
        assert_eq!(options.cleared, MsFlags::MS_RDONLY);
        assert_eq!(options.propagation, [MsFlags::MS_SLAVE | MsFlags::MS_REC]);
        assert_eq!(options.data, "size=64k,mode=755");
        assert!(options.bind());
    }

    #[test]
    fn recursive_attributes_undo_each_other() {
        let options = Options::parse(["rro", "rrw", "rnoatime"]);
        assert_eq!(options.recursive_set, libc::MOUNT_ATTR_NOATIME);
        assert_eq!(options.recursive_clear & libc::MOUNT_ATTR_RDONLY, libc::MOUNT_ATTR_RDONLY);
    }

    #[test]
    fn a_mount_point_with_a_blank() {
        let line = r"36 35 98:0 /mnt1 /a\040b rw,noatime master:1 - ext3 /dev/root rw";
        let mounted = parse(line).unwrap();
        assert_eq!(mounted.target, Path::new("/a b"));
        assert_eq!(
            (mounted.kind.as_str(), mounted.tags.as_slice()),
            ("ext3", &["master:1".to_owned()][..])
        );
    }
}
