//! Containers in the store: `ct/<id>` holds what was asked and decided, `cs/<id>` the state.

use super::record::Record;
use super::state::State;
use crate::store;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::error::Result;
use shared::id::ContainerId;

/// A value of `ct`: the JSON text of [`Record::to_json`], not interpreted here.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordRow(Box<RawValue>);

impl store::Record for RecordRow {
    const TABLE: &'static str = "ct";
    const VERSION: u8 = 1;
}

impl RecordRow {
    /// From a record.
    pub fn new(record: &Record) -> Result<Self> {
        Ok(Self(record.to_json()?))
    }

    /// The record.
    pub fn open(&self, id: ContainerId) -> Result<Record> {
        Record::from_json(id, self.0.get())
    }
}

/// A value of `cs`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StateRow(pub State);

impl store::Record for StateRow {
    const TABLE: &'static str = "cs";
    const VERSION: u8 = 1;
}
