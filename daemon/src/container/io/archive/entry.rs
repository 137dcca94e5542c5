//! One file's tar header: what does not fit the old format goes before it as PAX records.

use nix::sys::stat::{FileStat, SFlag};
use shared::error::{Context, Result};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use tar::{EntryType, Header};

/// What the old format holds of a name.
const NAME_MAX: usize = 100;
/// What seven octal digits hold.
const ID_MAX: u64 = 0o777_7777;
/// What eleven octal digits hold.
const SIZE_MAX: u64 = 0o777_7777_7777;

/// A header to be.
pub struct Entry<'a> {
    /// Name in the archive; of a folder with a slash at its end.
    pub name: &'a Path,
    /// The file.
    pub stat: &'a FileStat,
    /// What it is in the archive.
    pub kind: EntryType,
    /// Where a link leads.
    pub link: Option<&'a Path>,
    /// Extended attributes.
    pub attributes: &'a [(String, Vec<u8>)],
    /// Bytes that follow.
    pub size: u64,
}

/// The kind in an archive; `None` for sockets, which no archive holds.
pub fn kind(stat: &FileStat) -> Option<EntryType> {
    Some(match super::place::kind(stat) {
        SFlag::S_IFREG => EntryType::Regular,
        SFlag::S_IFDIR => EntryType::Directory,
        SFlag::S_IFLNK => EntryType::Symlink,
        SFlag::S_IFCHR => EntryType::Char,
        SFlag::S_IFBLK => EntryType::Block,
        SFlag::S_IFIFO => EntryType::Fifo,
        _ => return None,
    })
}

/// The part of `bytes` that the old format takes, cut at the front end of a character.
fn short(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(NAME_MAX)]
}

impl Entry<'_> {
    fn records(&self) -> Vec<(String, Vec<u8>)> {
        let mut records = Vec::new();
        let name = self.name.as_os_str().as_bytes();
        if name.len() > NAME_MAX || !name.is_ascii() {
            records.push(("path".to_owned(), name.to_vec()));
        }
        if let Some(link) = self.link.map(|l| l.as_os_str().as_bytes())
            && (link.len() > NAME_MAX || !link.is_ascii())
        {
            records.push(("linkpath".to_owned(), link.to_vec()));
        }
        let numbers = [
            ("uid", u64::from(self.stat.st_uid), ID_MAX),
            ("gid", u64::from(self.stat.st_gid), ID_MAX),
            ("size", self.size, SIZE_MAX),
        ];
        for (key, number, limit) in numbers {
            if number > limit {
                records.push((key.to_owned(), number.to_string().into_bytes()));
            }
        }
        if self.stat.st_mtime < 0 || self.stat.st_mtime_nsec != 0 {
            let text = format!("{}.{:09}", self.stat.st_mtime, self.stat.st_mtime_nsec);
            records.push(("mtime".to_owned(), text.into_bytes()));
        }
        let attributes = self.attributes.iter();
        records.extend(attributes.map(|(k, v)| (format!("SCHILY.xattr.{k}"), v.clone())));
        records
    }

    /// Writes it.
    pub fn write<W: Write>(&self, archive: &mut tar::Builder<W>) -> Result<()> {
        let say = || format!("write the header of {}", self.name.display());
        let records = self.records();
        if !records.is_empty() {
            let pairs = records.iter().map(|(k, v)| (k.as_str(), v.as_slice()));
            archive.append_pax_extensions(pairs).with_context(say)?;
        }
        let mut header = Header::new_ustar();
        header.set_entry_type(self.kind);
        header.set_mode(self.stat.st_mode & 0o7777);
        header.set_uid(u64::from(self.stat.st_uid).min(ID_MAX));
        header.set_gid(u64::from(self.stat.st_gid).min(ID_MAX));
        header.set_mtime(u64::try_from(self.stat.st_mtime).unwrap_or_default());
        header.set_size(self.size.min(SIZE_MAX));
        let old = header.as_old_mut();
        let name = short(self.name.as_os_str().as_bytes());
        old.name[..name.len()].copy_from_slice(name);
        if let Some(link) = self.link {
            let link = short(link.as_os_str().as_bytes());
            old.linkname[..link.len()].copy_from_slice(link);
        }
        // Names belong to the container; only root's is the same everywhere.
        let root = |id: u32| if id == 0 { "root" } else { "" };
        header.set_username(root(self.stat.st_uid)).with_context(say)?;
        header.set_groupname(root(self.stat.st_gid)).with_context(say)?;
        if matches!(self.kind, EntryType::Char | EntryType::Block) {
            let device = self.stat.st_rdev;
            header.set_device_major(libc::major(device)).with_context(say)?;
            header.set_device_minor(libc::minor(device)).with_context(say)?;
        }
        header.set_cksum();
        archive.get_mut().write_all(header.as_bytes()).with_context(say)
    }
}
