//! Receiving a blob: written, hashed on the way, made durable, then renamed to its digest. Half of one
//! is never visible; what a crash leaves behind is removed by the next start.

use sha2::{Digest as _, Sha256};
use shared::error::{Context, Error, Result};
use shared::id::{self, Digest};
use shared::paths::Paths;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A blob being received. Dropping it gives up.
pub struct Ingest {
    paths: Paths,
    file: File,
    temporary: PathBuf,
    hasher: Sha256,
    written: u64,
    limit: u64,
}

impl Ingest {
    pub(super) fn begin(paths: &Paths, limit: u64) -> Result<Self> {
        let temporary = paths.ingest().join(id::hex(&id::random::<12>()));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .with_context(|| format!("create {}", temporary.display()))?;
        let hasher = Sha256::new();
        Ok(Self { paths: paths.clone(), file, temporary, hasher, written: 0, limit })
    }

    /// Bytes received so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Ends the blob: on disk and under its name when this returns. Another digest than `expected` is
    /// [`shared::error::Kind::Invalid`], and nothing is kept.
    pub fn commit(self, expected: Option<&Digest>) -> Result<Digest> {
        let digest = Digest::from_sha256(&self.hasher.clone().finalize().into());
        if let Some(expected) = expected.filter(|e| **e != digest) {
            return Err(Error::invalid(format!(
                "digest mismatch: expected {expected}, received {digest}"
            )));
        }
        let target = self.paths.blob(&digest);
        if target.exists() {
            return Ok(digest);
        }
        self.file.sync_all().with_context(|| format!("sync blob {digest}"))?;
        fs::rename(&self.temporary, &target).with_context(|| format!("keep blob {digest}"))?;
        sync_folder(&self.paths.blobs())?;
        Ok(digest)
    }
}

impl Write for Ingest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.written + bytes.len() as u64 > self.limit {
            let message = format!("the blob is larger than {} bytes", self.limit);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        match fs::remove_file(&self.temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %self.temporary.display(), "cannot remove an ingest");
            }
            _ => {}
        }
    }
}

/// Removes what an earlier daemon did not finish.
pub(super) fn clean(folder: &Path) -> Result<()> {
    let sentence = || format!("clean {}", folder.display());
    for entry in fs::read_dir(folder).with_context(sentence)? {
        let path = entry.with_context(sentence)?.path();
        fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
        tracing::info!(path = %path.display(), "removed a half received blob");
    }
    Ok(())
}

fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|f| f.sync_all())
        .with_context(|| format!("sync {}", folder.display()))
}
