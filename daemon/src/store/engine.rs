//! surrealkv behind a few functions: options, opening, error translation. The rules it needs are in
//! `mod.rs`.

use shared::error::{Context, Error, Kind, Result};
use std::path::Path;
use surrealkv::{Options, Tree, TreeBuilder};

/// Opens the tree. Must run with the store's runtime entered: it starts tasks there.
pub fn open(folder: &Path) -> Result<Tree> {
    let mut options = Options::new()
        .with_path(folder.to_path_buf())
        .with_max_memtable_size(2 << 20)
        .with_memtable_stall_threshold(4)
        .with_l0_stall_threshold(12)
        .with_block_size(16 << 10)
        .with_block_cache_capacity(2 << 20)
        .with_wal_preallocation(false)
        .with_flush_on_close(true);
    options.max_bytes_for_level = 16 << 20;
    options.target_file_size = 4 << 20;
    TreeBuilder::with_options(options)
        .build()
        .map_err(error)
        .with_context(|| format!("open the store in {}", folder.display()))
}

/// The engine's error as ours; a full disk is `Unavailable`.
pub fn error(error: surrealkv::Error) -> Error {
    let kind = if is_full(&error) { Kind::Unavailable } else { Kind::Internal };
    let sentence = if is_full(&error) { "the store's disk is full" } else { "store" };
    match Err::<(), _>(error).context_kind(kind, sentence) {
        Err(error) => error,
        Ok(()) => unreachable!("an error stays one"),
    }
}

/// True when there is no room on the disk.
pub fn is_full(error: &surrealkv::Error) -> bool {
    let cause = error.poisoned_by();
    let number = match cause {
        surrealkv::Error::Io(io) => io.raw_os_error(),
        _ => None,
    };
    // A failed group of commits comes as an I/O error without a number, or as a text.
    matches!(number, Some(libc::ENOSPC | libc::EDQUOT))
        || ["No space left on device", "Disk quota exceeded"]
            .iter()
            .any(|words| cause.to_string().contains(words))
}

/// True when the transaction lost against another and may be tried again.
pub fn is_conflict(error: &surrealkv::Error) -> bool {
    use surrealkv::Error::{TransactionRetry, TransactionWriteConflict};
    matches!(error, TransactionWriteConflict | TransactionRetry)
}
