//! What a closure sees inside one transaction: typed access to several tables.

use super::engine;
use super::table::{Record, end, id, key};
use shared::error::{Context, Result};
use surrealkv::{LSMIterator, Transaction};

/// One transaction. Everything in it commits together or not at all.
pub struct Tx<'a> {
    pub(super) inner: &'a mut Transaction,
}

impl Tx<'_> {
    /// The record as of this transaction. It may change before the commit: for a decision use
    /// [`Tx::get_locked`].
    pub fn get<R: Record>(&self, id: &str) -> Result<Option<R>> {
        let bytes = self.inner.get(key::<R>(id)).map_err(engine::error)?;
        bytes.map(|bytes| R::decode(&bytes)).transpose()
    }

    /// The record, which must still be the same at commit; otherwise the closure runs again.
    pub fn get_locked<R: Record>(&mut self, id: &str) -> Result<Option<R>> {
        let bytes = self.inner.get_for_update(key::<R>(id)).map_err(engine::error)?;
        bytes.map(|bytes| R::decode(&bytes)).transpose()
    }

    /// Writes a record.
    pub fn put<R: Record>(&mut self, id: &str, record: &R) -> Result<()> {
        self.inner.set(key::<R>(id), record.encode()?).map_err(engine::error)
    }

    /// Removes a record; one that is not there is no error.
    pub fn delete<R: Record>(&mut self, id: &str) -> Result<()> {
        self.inner.delete(key::<R>(id)).map_err(engine::error)
    }

    /// All records whose id begins with `prefix`, in order of their ids.
    pub fn scan<R: Record>(&self, prefix: &str) -> Result<Vec<(String, R)>> {
        let mut found = Vec::new();
        for (id, record) in scan::<R>(self.inner, prefix)? {
            let record = record.with_context(|| format!("read {id} of {}", R::TABLE))?;
            found.push((id, record));
        }
        Ok(found)
    }
}

/// The records whose id begins with `prefix`; a broken one is an error of its own.
pub(super) fn scan<R: Record>(tx: &Transaction, prefix: &str) -> Result<Vec<(String, Result<R>)>> {
    let start = key::<R>(prefix);
    let mut found = Vec::new();
    let mut cursor = tx.scan(start.clone()..end(&start)).map_err(engine::error)?;
    let mut valid = cursor.seek_first().map_err(engine::error)?;
    while valid {
        let id = id::<R>(cursor.key().user_key())?;
        let record = cursor.value_ref().map_err(engine::error).and_then(|bytes| R::decode(&bytes));
        found.push((id, record));
        valid = cursor.next().map_err(engine::error)?;
    }
    Ok(found)
}
