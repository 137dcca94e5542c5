//! Facts: what changed, numbered, kept, published.
//!
//! A fact gets its number when its commit is submitted and is written in the same transaction as the
//! state it reports. Numbers are released to readers strictly in order; a number whose commit failed is
//! void and readers never see it. A number is never used for two facts, also not after a kill -9.

pub mod filter;
mod journal;
mod replay;
mod retain;
mod ring;

pub use journal::{Figures, Journal};
pub use replay::{Item, Since, Subscription};

use crate::store::Record;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What kind of object a fact is about. Docker's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// A container.
    Container,
    /// An image.
    Image,
    /// A volume.
    Volume,
    /// A network.
    Network,
    /// The daemon itself.
    Daemon,
    /// The builder's cache.
    Builder,
}

impl Type {
    /// Docker's word.
    pub fn name(self) -> &'static str {
        match self {
            Type::Container => "container",
            Type::Image => "image",
            Type::Volume => "volume",
            Type::Network => "network",
            Type::Daemon => "daemon",
            Type::Builder => "builder",
        }
    }
}

/// A fact that has no number yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub kind: Type,
    /// Docker's action: `start`, `die`, ...
    pub action: String,
    /// Id of the object (a name for volumes).
    pub id: String,
    /// Docker's attributes.
    pub attributes: BTreeMap<String, String>,
}

impl Fact {
    /// A fact without attributes.
    pub fn new(kind: Type, action: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind, action: action.into(), id: id.into(), attributes: BTreeMap::new() }
    }

    /// Adds one attribute.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// Adds several attributes.
    pub fn with_all<K: Into<String>, V: Into<String>>(
        mut self,
        attributes: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let attributes = attributes.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.attributes.extend(attributes);
        self
    }
}

/// A fact with its number, as it is stored and published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Strictly increasing; never used twice.
    pub seq: u64,
    /// Nanoseconds since 1970.
    pub time_nanos: i64,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: Type,
    /// Docker's action.
    pub action: String,
    /// Id of the object.
    pub id: String,
    /// Docker's attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl Record for Event {
    const TABLE: &'static str = "ev";
    const VERSION: u8 = 1;
}

impl From<&Event> for shared::watch::Event {
    fn from(event: &Event) -> Self {
        Self {
            seq: event.seq,
            time_nanos: event.time_nanos,
            kind: event.kind.name().into(),
            action: event.action.clone(),
            id: event.id.clone(),
            attributes: event.attributes.clone(),
        }
    }
}

/// Nanoseconds since 1970, now.
pub fn now_nanos() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
