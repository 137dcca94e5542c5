//! Work on the store of a daemon that does not run: every record out as text, back in, and looked at.
//! Never knows what a record means.

use super::schema::{self, Schema};
use super::table::{self, Record};
use super::{Durability, Store, engine};
use crate::task;
use serde::{Deserialize, Serialize};
use shared::error::{Context, Error, Result};
use std::io::{BufRead, Write};

/// Records of one transaction of an import: a large one would be held in memory as a whole.
const BATCH: usize = 1000;

/// One record as text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    version: u8,
    value: serde_json::Value,
}

/// What `cofferd store check` found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// Records read.
    pub records: u64,
    /// Key and reason of each that cannot be read.
    pub broken: Vec<String>,
}

impl Store {
    /// Every record as one JSON line `{"key":...,"version":n,"value":...}`, for `cofferd store export`:
    /// the only copy that does not depend on the engine. Blocking. Returns the number of lines.
    pub fn export(&self, out: &mut dyn Write) -> Result<u64> {
        let mut lines = 0;
        self.walk(&mut |key, bytes| {
            let (version, value) = open_value(bytes).with_context(|| format!("read {key}"))?;
            let line = Line { key: key.to_owned(), version, value };
            serde_json::to_writer(&mut *out, &line).context("write the export")?;
            lines += 1;
            writeln!(out).context("write the export")
        })?;
        Ok(lines)
    }

    /// Puts back what [`Store::export`] wrote, for `cofferd store import`. A record that is there already
    /// is replaced, others stay. An export of a newer schema is refused. Blocking. Returns the
    /// number of records.
    pub fn import(&self, from: &mut dyn BufRead) -> Result<u64> {
        let (mut count, mut batch) = (0, Vec::new());
        for (number, line) in from.lines().enumerate() {
            let line = line.context("read the import")?;
            let record = open_line(&line).with_context(|| format!("line {}", number + 1))?;
            batch.push(record);
            count += 1;
            if batch.len() == BATCH {
                self.put_all(std::mem::take(&mut batch))?;
            }
        }
        self.put_all(batch)?;
        Ok(count)
    }

    fn put_all(&self, batch: Vec<(Vec<u8>, Vec<u8>)>) -> Result<()> {
        task::block_on(self.commit(Durability::Immediate, None, move |tx| {
            batch.iter().try_for_each(|(key, value)| {
                tx.inner.set(key.clone(), value.clone()).map_err(engine::error)
            })
        }))
    }

    /// Reads every record and reports those that cannot be read, for `cofferd store check`. Blocking.
    pub fn check(&self) -> Result<Check> {
        let mut check = Check::default();
        self.walk(&mut |key, bytes| {
            check.records += 1;
            if let Err(error) = open_value(bytes) {
                check.broken.push(format!("{key}: {error}"));
            }
            Ok(())
        })?;
        Ok(check)
    }

    fn walk(&self, visit: &mut dyn FnMut(&str, &[u8]) -> Result<()>) -> Result<()> {
        use surrealkv::LSMIterator;
        let tx = self.0.begin_read()?;
        let start = format!("{}/", table::NAMESPACE).into_bytes();
        let mut cursor = tx.scan(start.clone()..table::end(&start)).map_err(engine::error)?;
        let mut valid = cursor.seek_first().map_err(engine::error)?;
        while valid {
            let key = String::from_utf8_lossy(cursor.key().user_key()).into_owned();
            let value = cursor.value_ref().map_err(engine::error)?;
            visit(&key, &value)?;
            valid = cursor.next().map_err(engine::error)?;
        }
        Ok(())
    }
}

fn open_value(bytes: &[u8]) -> Result<(u8, serde_json::Value)> {
    match bytes {
        [version, table::JSON, payload @ ..] => {
            Ok((*version, serde_json::from_slice(payload).context("decode the record")?))
        }
        _ => Err(Error::internal("the record has no head")),
    }
}

/// Key and value on disk of one line.
fn open_line(text: &str) -> Result<(Vec<u8>, Vec<u8>)> {
    let line: Line = serde_json::from_str(text)
        .map_err(|error| Error::invalid(format!("not a record of an export: {error}")))?;
    let parts: Vec<_> = line.key.splitn(3, '/').collect();
    if parts.len() != 3 || parts[0] != table::NAMESPACE || parts[1].is_empty() {
        return Err(Error::invalid(format!("{:?} is not a key", line.key)));
    }
    let mut value = vec![line.version, table::JSON];
    serde_json::to_writer(&mut value, &line.value).context("encode the record")?;
    if line.key.as_bytes() == table::key::<Schema>(schema::KEY) {
        Schema::decode(&value)?.check()?;
    }
    Ok((line.key.into_bytes(), value))
}
