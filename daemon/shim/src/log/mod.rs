//! The container's log: lines into files, batched per read of the container's output. It survives a
//! daemon's death, because it lives here. A disk that is full costs lines, which are counted, and never
//! the container or the shim. Lines are never reordered within a stream.

mod ring;
mod rotate;
mod split;

use ring::Ring;
use shared::error::{Context, Result};
use shared::frame::Stream;
use shared::logline::{Encoder, Ending, torn};
use shared::rotation;
use shared::shim::{Log as Settings, PackLog};
use split::Splitter;
use std::fs::File;
use std::io::Write;

/// Capacity of the batch that stays when it is quiet.
const KEPT: usize = 4096;
/// A batch is written when it is so long, also in the middle of what was read.
const BATCH: usize = 24 * 1024;
/// Room for the record that makes a batch long enough, if it is an ordinary one.
const SPARE: usize = 2 * 1024;
/// Bytes of one write from the ring: reading goes on between them.
const SLICE: usize = 64 * 1024;

/// An open log.
#[derive(Debug)]
pub struct Log {
    settings: Settings,
    encoder: Encoder,
    splitters: [Splitter; 2],
    /// Records not yet written, whole ones only.
    batch: Vec<u8>,
    /// Records in `batch`.
    records: u64,
    file: File,
    /// Bytes of the current file.
    bytes: u64,
    ring: Option<Ring>,
    lost: u64,
    trouble: Trouble,
}

/// Whether the last write failed: warned about once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    Warned,
}

impl Log {
    /// Opens the file, cuts off what a crash tore.
    pub fn open(settings: Settings) -> Result<Self> {
        let encoder = Encoder::new(settings.format, settings.attrs.as_deref());
        let (file, bytes) = whole(&settings)?;
        let ring = settings.ring_bytes.map(Ring::new);
        Ok(Self {
            settings,
            encoder,
            splitters: Default::default(),
            batch: Vec::new(),
            records: 0,
            file,
            bytes,
            ring,
            lost: 0,
            trouble: Trouble::None,
        })
    }

    /// Takes what was read from the container at `at` (nanoseconds since 1970).
    pub fn write(&mut self, stream: Stream, bytes: &[u8], at: i64) {
        let mut splitter = std::mem::take(self.splitter(stream));
        splitter.push(bytes, |text, ends| self.record(stream, at, text, ends));
        *self.splitter(stream) = splitter;
        if self.ring.is_none() {
            self.flush();
        }
    }

    /// The stream ended.
    pub fn end(&mut self, stream: Stream, at: i64) {
        let mut splitter = std::mem::take(self.splitter(stream));
        splitter.end(|text, ends| self.record(stream, at, text, ends));
        self.drain();
    }

    /// Lines that were dropped so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Bytes of the current file, everything that was written so far included.
    pub fn settled_bytes(&mut self) -> u64 {
        self.drain();
        self.bytes
    }

    /// Whether the ring holds lines: call [`Log::pour`] when there is nothing better to do.
    pub fn waiting(&self) -> bool {
        self.ring.as_ref().is_some_and(|ring| !ring.is_empty())
    }

    /// Writes a part of the ring.
    pub fn pour(&mut self) {
        while self.batch.len() < SLICE {
            let Some(record) = self.ring.as_mut().and_then(Ring::pop) else { break };
            self.append(&record);
        }
        self.flush();
    }

    /// Opens the path anew.
    pub fn reopen(&mut self) -> Result<()> {
        self.drain();
        (self.file, self.bytes) = whole(&self.settings)?;
        Ok(())
    }

    /// The compressed form of a rotated file takes its place.
    ///
    /// # Errors
    /// `NotFound` when the file was dropped meanwhile.
    pub fn replace(&self, asked: &PackLog) -> Result<()> {
        let Settings { path, max_files, .. } = &self.settings;
        rotation::replace(path, *max_files, asked.original, &asked.packed)
    }

    /// Gives memory back.
    pub fn trim(&mut self) {
        self.batch.shrink_to(KEPT);
        self.splitters.iter_mut().for_each(Splitter::trim);
    }

    fn splitter(&mut self, stream: Stream) -> &mut Splitter {
        &mut self.splitters[usize::from(stream == Stream::Stderr)]
    }

    fn drain(&mut self) {
        while self.waiting() {
            self.pour();
        }
        self.flush();
    }

    fn record(&mut self, stream: Stream, at: i64, text: &[u8], ends: Ending) {
        if let Some(ring) = &mut self.ring {
            let mut record = Vec::new();
            self.encoder.append(stream, at, text, ends, &mut record);
            if !ring.push(record) {
                self.lost += 1;
            }
            return;
        }
        let start = self.batch.len();
        if start + text.len() > KEPT {
            // Doubling would take twice what a batch needs.
            self.batch.reserve_exact((BATCH + SPARE).saturating_sub(start));
        }
        self.encoder.append(stream, at, text, ends, &mut self.batch);
        self.records += 1;
        self.keep_below_limit(start);
        if self.batch.len() >= BATCH {
            self.flush();
        }
    }

    fn append(&mut self, record: &[u8]) {
        let start = self.batch.len();
        self.batch.extend_from_slice(record);
        self.records += 1;
        self.keep_below_limit(start);
    }

    /// The record from `start` on was appended to the batch: if the file would grow above its limit,
    /// what is before goes to this file and the record to the next.
    fn keep_below_limit(&mut self, start: usize) {
        let limit = self.settings.max_bytes;
        let before = self.bytes + start as u64;
        if limit == 0 || before == 0 || self.bytes + self.batch.len() as u64 <= limit {
            return;
        }
        let next = self.batch.split_off(start);
        self.records -= 1;
        self.flush();
        match rotate::rotate(&self.settings.path, self.settings.max_files) {
            Ok(file) => (self.file, self.bytes) = (file, 0),
            Err(error) => self.warn(&error.to_string()),
        }
        self.batch.extend_from_slice(&next);
        self.records = 1;
    }

    /// Writes the batch. What cannot be written is lost and counted; a half record is taken back.
    fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        match self.file.write_all(&self.batch) {
            Ok(()) => {
                self.bytes += self.batch.len() as u64;
                self.trouble = Trouble::None;
            }
            Err(error) => {
                self.lost += self.records;
                if let Err(second) = self.file.set_len(self.bytes) {
                    self.warn(&format!("cut a half record off the log: {second}"));
                }
                let path = self.settings.path.display().to_string();
                self.warn(&format!(
                    "write log {path}: {error}; lines are lost until it works again"
                ));
            }
        }
        self.batch.clear();
        self.records = 0;
    }

    fn warn(&mut self, sentence: &str) {
        if self.trouble == Trouble::None {
            crate::warn(sentence);
        }
        self.trouble = Trouble::Warned;
    }
}

/// The current file and its length, without a torn end.
fn whole(settings: &Settings) -> Result<(File, u64)> {
    let file = rotate::open(&settings.path)?;
    let length = file.metadata().context("measure a log")?.len();
    if length == 0 {
        return Ok((file, 0));
    }
    let kept = torn(&file, settings.format)?;
    if kept < length {
        file.set_len(kept).context("cut a torn record off the log")?;
    }
    Ok((file, kept))
}

#[cfg(test)]
mod tests;
