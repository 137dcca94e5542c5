//! Blobs by digest: image configurations and manifests. Layers are not kept as blobs (their files are
//! in snapshots, see `image/unpack`).
//!
//! A blob appears under its name only when it is whole, verified and on disk, and never changes after
//! that. Nothing here knows what a blob means or who needs it.

pub mod collect;
pub mod ingest;

use ingest::Ingest;
use sha2::{Digest as _, Sha256};
use shared::error::{Context, Error, Result};
use shared::id::Digest;
use shared::paths::Paths;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

/// The store of blobs. All functions block.
#[derive(Clone, Debug)]
pub struct Content {
    paths: Paths,
}

impl Content {
    /// Makes the folders, and removes what a former daemon had not received to the end.
    pub fn open(paths: &Paths) -> Result<Self> {
        for folder in [paths.blobs(), paths.ingest()] {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .with_context(|| format!("create {}", folder.display()))?;
        }
        let content = Self { paths: paths.clone() };
        ingest::clean(&content.paths.ingest())?;
        Ok(content)
    }

    /// Begins to receive a blob of at most `limit` bytes.
    pub fn begin(&self, limit: u64) -> Result<Ingest> {
        Ingest::begin(&self.paths, limit)
    }

    /// Stores a small blob that is already in memory.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest> {
        let mut ingest = self.begin(bytes.len() as u64)?;
        ingest.write_all(bytes).context("write a blob")?;
        ingest.commit(None)
    }

    /// True if the blob is here.
    pub fn has(&self, digest: &Digest) -> bool {
        self.paths.blob(digest).exists()
    }

    /// Opens a blob for reading; it is not verified.
    pub fn open_blob(&self, digest: &Digest) -> Result<File> {
        match File::open(self.paths.blob(digest)) {
            Ok(file) => Ok(file),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(Error::not_found(format!("blob {digest} not found")))
            }
            Err(error) => Err(error).with_context(|| format!("open blob {digest}")),
        }
    }

    /// A whole blob of at most `limit` bytes, verified.
    pub fn read(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = self.open_blob(digest)?;
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .with_context(|| format!("read blob {digest}"))?;
        if bytes.len() as u64 > limit {
            return Err(Error::invalid(format!("blob {digest} is larger than {limit} bytes")));
        }
        let found = Digest::from_sha256(&Sha256::digest(&bytes).into());
        if found != *digest {
            return Err(Error::internal(format!("blob {digest} is damaged: it is {found}")));
        }
        Ok(bytes)
    }

    /// Removes a blob; one that is not here is fine.
    pub fn delete(&self, digest: &Digest) -> Result<()> {
        match fs::remove_file(self.paths.blob(digest)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("delete blob {digest}"))
            }
            _ => Ok(()),
        }
    }

    /// Every blob with its size in bytes. A file that is no blob is reported and passed over.
    pub fn walk(&self) -> Result<Vec<(Digest, u64)>> {
        let folder: PathBuf = self.paths.blobs();
        let sentence = || format!("read {}", folder.display());
        let mut blobs = Vec::new();
        for entry in fs::read_dir(&folder).with_context(sentence)? {
            let entry = entry.with_context(sentence)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            match Digest::parse(&format!("{}:{name}", Digest::ALGORITHM)) {
                Ok(digest) => {
                    blobs.push((digest, entry.metadata().with_context(sentence)?.len()));
                }
                Err(_) => tracing::warn!(%name, "a file among the blobs that is none"),
            }
        }
        Ok(blobs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn content(name: &str) -> (Content, PathBuf) {
        let root = std::env::temp_dir().join(format!("coffer-{name}-{}", std::process::id()));
        (Content::open(&Paths::new(root.join("data"), root.join("run"))).unwrap(), root)
    }

    #[test]
    fn a_blob_is_verified_on_its_way_in_and_out() {
        let (content, root) = content("content");
        let digest = content.put(b"hello").unwrap();
        assert_eq!(content.read(&digest, 10).unwrap(), b"hello");
        assert!(content.read(&digest, 4).is_err());

        let mut wrong = content.begin(10).unwrap();
        wrong.write_all(b"other").unwrap();
        let error = wrong.commit(Some(&digest)).unwrap_err();
        assert!(error.to_string().contains("digest mismatch"), "{error}");
        let mut long = content.begin(3).unwrap();
        assert!(long.write_all(b"four").is_err());
        drop(long);
        assert_eq!(fs::read_dir(content.paths.ingest()).unwrap().count(), 0);

        fs::write(content.paths.blob(&digest), b"hullo").unwrap();
        assert!(content.read(&digest, 10).unwrap_err().to_string().contains("damaged"));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn half_ingests_and_unmarked_blobs_go() {
        let (content, root) = content("collect");
        fs::write(content.paths.ingest().join("half"), b"x").unwrap();
        let content = Content::open(&content.paths).unwrap();
        assert_eq!(fs::read_dir(content.paths.ingest()).unwrap().count(), 0);
        let keep = content.put(b"keep").unwrap();
        let waste = content.put(b"waste").unwrap();
        let swept = content.collect(&HashSet::from([keep.clone()])).unwrap();
        assert_eq!((swept.blobs, swept.bytes), (1, 5));
        assert!(content.has(&keep) && !content.has(&waste));
        fs::remove_dir_all(root).unwrap();
    }
}
