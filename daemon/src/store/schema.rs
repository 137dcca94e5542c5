//! The store's own records: schema version and store id.

use super::table::Record;
use serde::{Deserialize, Serialize};
use shared::error::{Error, Result};

/// The schema that this build writes. A newer one on disk is refused.
pub const VERSION: u32 = 1;
/// Key of the only record of table `m`.
pub const KEY: &str = "schema";

/// What the store says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Version of keys and tables as a whole.
    pub version: u32,
    /// Names this store: the first half of every cursor.
    pub store: String,
}

impl Record for Schema {
    const TABLE: &'static str = "m";
    const VERSION: u8 = 1;
}

impl Schema {
    /// The first record of a new store.
    pub fn new() -> Self {
        let store = shared::id::hex(&shared::id::random::<8>());
        Self { version: VERSION, store }
    }

    /// Refuses what a newer build has written.
    pub fn check(&self) -> Result<()> {
        if self.version > VERSION {
            return Err(Error::internal(format!(
                "the store has schema {}, this build knows up to {VERSION}: start the newer build again",
                self.version
            )));
        }
        Ok(())
    }
}

impl Default for Schema {
    fn default() -> Self {
        Self::new()
    }
}
