//! What is stored about images: configurations, names, layers.

use super::document::Document;
use super::unpack::recipe::Displaced;
use crate::store::Record;
use serde::{Deserialize, Serialize};
use shared::id::ImageId;

/// One image; the key is the 64 digits of its id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImageRecord {
    /// Its configuration, so that a start reads no blobs.
    pub document: Document,
    /// The image that it was made from on this machine.
    #[serde(default)]
    pub parent: Option<ImageId>,
    /// When it came here, nanoseconds since 1970.
    pub added_nanos: i64,
}

impl Record for ImageRecord {
    const TABLE: &'static str = "im";
    const VERSION: u8 = 1;
}

/// One name; the key is the canonical reference.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NameRecord {
    /// What it names.
    pub image: ImageId,
    /// Since when, nanoseconds since 1970.
    pub tagged_nanos: i64,
}

impl Record for NameRecord {
    const TABLE: &'static str = "rf";
    const VERSION: u8 = 1;
}

/// One layer; the key is its digest. Its folder is the snapshot of the same name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LayerRecord {
    /// Length of its tar stream in bytes.
    pub tar_bytes: u64,
    /// Content of its files in bytes.
    pub content_bytes: u64,
    /// What its recipe needs besides its files.
    #[serde(default)]
    pub displaced: Vec<Displaced>,
    /// The boot in which it was written, until it is known to be on disk. After another boot it is
    /// verified before it is used.
    #[serde(default)]
    pub unsettled: Option<String>,
}

impl Record for LayerRecord {
    const TABLE: &'static str = "ly";
    const VERSION: u8 = 1;
}
