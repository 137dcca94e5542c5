//! The archive that a kernel unpacks into its first root: cpio in its `newc` form (the kernel's
//! Documentation/driver-api/early-userspace/buffer-format.rst).

use shared::error::{Context, Error, Result};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Files by their path, without a leading slash.
#[derive(Default)]
pub struct Archive(BTreeMap<String, (u32, Vec<u8>)>);

const FOLDER: u32 = 0o040_755;
const FILE: u32 = 0o100_000;

impl Archive {
    /// A folder and those above it.
    pub fn folder(&mut self, path: &str) {
        let mut above = String::new();
        for name in path.split('/') {
            if !above.is_empty() {
                above.push('/');
            }
            above.push_str(name);
            self.0.entry(above.clone()).or_insert((FOLDER, Vec::new()));
        }
    }

    /// A file with this text.
    pub fn text(&mut self, path: &str, text: &str, mode: u32) {
        self.put(path, mode, text.as_bytes().to_vec());
    }

    /// A copy of a file, not executable.
    pub fn file(&mut self, from: &Path, path: &str) -> Result<()> {
        self.put(path, 0o644, read(from)?);
        Ok(())
    }

    /// A copy of a program, and the libraries that it loads.
    pub fn program(&mut self, from: &Path, path: &str) -> Result<()> {
        self.put(path, 0o755, read(from)?);
        // A static program makes ldd fail; it needs nothing.
        let output = Command::new("ldd").arg(from).output().context("run ldd")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        for library in text.split_whitespace().filter(|word| word.starts_with('/')) {
            let target = library.trim_start_matches('/');
            if !self.0.contains_key(target) {
                self.put(target, 0o755, read(Path::new(library))?);
            }
        }
        Ok(())
    }

    fn put(&mut self, path: &str, mode: u32, bytes: Vec<u8>) {
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.folder(folder);
        }
        self.0.insert(path.to_owned(), (FILE | mode, bytes));
    }

    /// Writes the archive.
    pub fn write(&self, to: &Path) -> Result<()> {
        let mut out = Vec::new();
        for (number, (path, (mode, bytes))) in self.0.iter().enumerate() {
            entry(&mut out, number as u32 + 1, path, *mode, bytes)?;
        }
        entry(&mut out, 0, "TRAILER!!!", 0, &[])?;
        std::fs::write(to, out).with_context(|| format!("write {}", to.display()))
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("read {}", path.display()))
}

fn entry(out: &mut Vec<u8>, number: u32, path: &str, mode: u32, bytes: &[u8]) -> Result<()> {
    let size = u32::try_from(bytes.len())
        .map_err(|_| Error::invalid(format!("{path} is too large for the archive")))?;
    let name = path.len() as u32 + 1;
    // Inode, mode, owner, group, links, time, size, four device numbers, length of the name, checksum.
    let fields = [number, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name, 0];
    out.extend_from_slice(b"070701");
    for field in fields {
        out.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    out.extend_from_slice(path.as_bytes());
    out.push(0);
    pad(out);
    out.extend_from_slice(bytes);
    pad(out);
    Ok(())
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}
