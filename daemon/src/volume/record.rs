//! Volumes in the store: `vo/<name>` is the volume, `vr/<name>/<container>` one use of it. References
//! instead of counters: a crash cannot make them wrong.

use crate::store::Record;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of the only driver.
pub const LOCAL: &str = "local";

/// A volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// Unique.
    pub name: String,
    /// `local`.
    pub driver: String,
    /// Options of the driver as given.
    pub options: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Nanoseconds since 1970.
    pub created_at_nanos: i64,
}

impl Volume {
    /// It was made for a container that did not name one (Docker's label for that).
    pub fn is_anonymous(&self) -> bool {
        self.labels.contains_key(ANONYMOUS)
    }
}

/// Marks volumes without a name of the user's.
pub const ANONYMOUS: &str = "com.docker.volume.anonymous";

impl Record for Volume {
    const TABLE: &'static str = "vo";
    const VERSION: u8 = 1;
}

/// A container uses a volume; the key is `<volume>/<container>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {}

impl Record for Use {
    const TABLE: &'static str = "vr";
    const VERSION: u8 = 1;
}
