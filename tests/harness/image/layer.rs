//! One tar archive, entry by entry: layers, and the archives around them. Names are written as they
//! are given, hostile ones included, which no tar library would do by itself.

use tar::{Builder, EntryType, Header};

/// A tar archive in the making.
pub struct Layer {
    tar: Builder<Vec<u8>>,
}

impl Default for Layer {
    fn default() -> Self {
        Self::new()
    }
}

impl Layer {
    /// An empty one.
    pub fn new() -> Self {
        Self { tar: Builder::new(Vec::new()) }
    }

    /// The bytes, with the two closing blocks.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn finish(self) -> Vec<u8> {
        self.tar.into_inner().expect("writing to memory")
    }

    fn entry(mut self, kind: EntryType, name: &str, mode: u32, data: &[u8], link: &str) -> Self {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(data.len() as u64);
        header.set_mtime(1_767_225_600);
        header.set_uid(0);
        header.set_gid(0);
        self.put(&mut header, name, link, data);
        self
    }

    fn put(&mut self, header: &mut Header, name: &str, link: &str, data: &[u8]) {
        let fields = header.as_ustar_mut().expect("a ustar header");
        let fits = name.len() <= fields.name.len() && link.len() <= fields.linkname.len();
        if fits {
            fields.name[..name.len()].copy_from_slice(name.as_bytes());
            fields.linkname[..link.len()].copy_from_slice(link.as_bytes());
        } else {
            let pairs = [("path", name.as_bytes()), ("linkpath", link.as_bytes())];
            self.extended(&pairs.into_iter().filter(|(_, v)| !v.is_empty()).collect::<Vec<_>>());
            fields.name[..4].copy_from_slice(b"long");
        }
        header.set_cksum();
        self.tar.append(header, data).expect("writing to memory");
    }

    fn extended(&mut self, pairs: &[(&str, &[u8])]) {
        self.tar.append_pax_extensions(pairs.iter().copied()).expect("writing to memory");
    }

    /// A file, mode 0644.
    pub fn file(self, name: &str, data: &[u8]) -> Self {
        self.entry(EntryType::Regular, name, 0o644, data, "")
    }

    /// A file, mode 0755.
    pub fn executable(self, name: &str, data: &[u8]) -> Self {
        self.entry(EntryType::Regular, name, 0o755, data, "")
    }

    /// A file with a mode, for instance setuid.
    pub fn file_mode(self, name: &str, mode: u32, data: &[u8]) -> Self {
        self.entry(EntryType::Regular, name, mode, data, "")
    }

    /// A folder.
    pub fn folder(self, name: &str, mode: u32) -> Self {
        self.entry(EntryType::Directory, &format!("{name}/"), mode, &[], "")
    }

    /// A folder of another user and group of the same number.
    pub fn owned_folder(mut self, name: &str, mode: u32, owner: u64) -> Self {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Directory);
        header.set_mode(mode);
        header.set_size(0);
        header.set_uid(owner);
        header.set_gid(owner);
        header.set_mtime(1_767_225_600);
        self.put(&mut header, &format!("{name}/"), "", &[]);
        self
    }

    /// A symbolic link.
    pub fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, name, 0o777, &[], target)
    }

    /// A hard link to a name of the same layer.
    pub fn hardlink(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Link, name, 0o644, &[], target)
    }

    /// A character device.
    pub fn device(mut self, name: &str, major: u32, minor: u32) -> Self {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Char);
        header.set_mode(0o666);
        header.set_size(0);
        header.set_mtime(1_767_225_600);
        header.set_device_major(major).expect("a ustar header");
        header.set_device_minor(minor).expect("a ustar header");
        self.put(&mut header, name, "", &[]);
        self
    }

    /// A named pipe.
    pub fn fifo(self, name: &str) -> Self {
        self.entry(EntryType::Fifo, name, 0o644, &[], "")
    }

    /// A file with an extended attribute.
    pub fn attribute(mut self, name: &str, key: &str, value: &[u8], data: &[u8]) -> Self {
        let key = format!("SCHILY.xattr.{key}");
        self.extended(&[(&key, value)]);
        self.file(name, data)
    }

    /// A file with records of a PAX header, whatever they say.
    pub fn extended_file(mut self, name: &str, pairs: &[(&str, &[u8])], data: &[u8]) -> Self {
        self.extended(pairs);
        self.file(name, data)
    }

    /// A whiteout: the name is gone from this layer on (OCI image spec, "Whiteouts").
    pub fn whiteout(self, name: &str) -> Self {
        let (folder, last) = name.rsplit_once('/').unwrap_or(("", name));
        let separator = if folder.is_empty() { "" } else { "/" };
        self.file(&format!("{folder}{separator}.wh.{last}"), &[])
    }

    /// An opaque whiteout: what lower layers have in the folder is gone.
    pub fn opaque(self, folder: &str) -> Self {
        self.file(&format!("{folder}/.wh..wh..opq"), &[])
    }
}
