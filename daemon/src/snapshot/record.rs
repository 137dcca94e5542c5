//! What is stored about a snapshot.

use crate::store::Record;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a snapshot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A layer of images; never changes.
    Layer,
    /// The writable tree of a container.
    Active,
    /// A read-only tree.
    View,
}

/// One snapshot. Its name is the record's key: a layer's digest, or a container's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What it is for.
    pub kind: Kind,
    /// Names its folder.
    pub number: u64,
    /// Layers below a tree, the lowest first. A layer has none.
    #[serde(default)]
    pub lower: Vec<String>,
    /// Nanoseconds since 1970.
    pub created_nanos: i64,
    /// A layer's size in bytes; 0 for trees, which are measured when somebody asks.
    #[serde(default)]
    pub bytes: u64,
    /// What its maker wants to find again.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl Record for Snapshot {
    const TABLE: &'static str = "sn";
    const VERSION: u8 = 1;
}
