//! Garbage collection of blobs: the caller marks, this sweeps.

use super::Content;
use shared::error::Result;
use shared::id::Digest;
use std::collections::HashSet;

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many blobs.
    pub blobs: u64,
    /// Their size together, in bytes.
    pub bytes: u64,
}

impl Content {
    /// Deletes every blob that is not marked. The caller sees to it that no blob is being added
    /// meanwhile whose mark it does not know yet.
    pub fn collect(&self, marked: &HashSet<Digest>) -> Result<Swept> {
        let mut swept = Swept::default();
        for (digest, bytes) in self.walk()? {
            if !marked.contains(&digest) {
                self.delete(&digest)?;
                tracing::info!(%digest, bytes, "deleted a blob that nothing refers to");
                swept.blobs += 1;
                swept.bytes += bytes;
            }
        }
        Ok(swept)
    }
}
