//! The records of a log from some place on, across rotations, a block at a time. Blocking.

use super::Place;
use super::file::{self, Identity, Part};
use serde::{Deserialize, Serialize};
use shared::error::{Context, Result};
use shared::logline::{self, Line, RECORD_MAX, Step};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Bytes read at once.
pub const BLOCK: usize = 256 << 10;

/// What a look at the files came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Something was read.
    More,
    /// This is the end for now.
    Dry,
    /// The place to stop at was reached.
    End,
}

/// A place in a log that survives rotations: a file by its identity, and bytes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Device and inode.
    pub file: Identity,
    /// Bytes of it that are done with.
    pub bytes: u64,
}

/// Reads records one after the other.
#[derive(Debug)]
pub struct Walker {
    place: Place,
    part: Option<Part>,
    offset: u64,
    stop: Option<Cursor>,
    buffer: Vec<u8>,
}

impl Walker {
    /// From byte `offset` of `part`, or from whatever file comes first; up to `stop`.
    pub fn new(place: Place, part: Option<Part>, offset: u64, stop: Option<Cursor>) -> Self {
        Self { place, part, offset, stop, buffer: Vec::new() }
    }

    /// From where an earlier reader left off; from the oldest file when that one is gone, which is told.
    pub fn resume(place: Place, cursor: Option<Cursor>) -> Result<(Self, Continuity)> {
        let parts = file::all(&place)?;
        let Some(cursor) = cursor else {
            return Ok((Self::new(place, parts.into_iter().next(), 0, None), Continuity::Whole));
        };
        Ok(match parts.iter().find(|p| p.identity == cursor.file) {
            Some(part) => {
                (Self::new(place, Some(part.clone()), cursor.bytes, None), Continuity::Whole)
            }
            None => (Self::new(place, parts.into_iter().next(), 0, None), Continuity::Broken),
        })
    }

    /// How far it has come: whole records only.
    pub fn cursor(&self) -> Option<Cursor> {
        let part = self.part.as_ref()?;
        Some(Cursor { file: part.identity, bytes: self.offset - self.buffer.len() as u64 })
    }

    /// One block; `each` gets its records and may break off.
    pub fn block(&mut self, each: &mut dyn FnMut(&Line<'_>) -> Go) -> Result<Progress> {
        if self.part.is_none() {
            self.part = file::all(&self.place)?.into_iter().next();
        }
        let Some(part) = self.part.clone() else { return Ok(Progress::Dry) };
        let limit = match self.stop {
            Some(stop) if part.is(stop.file) => {
                // An older compressed file may have had the inode before the one that is meant.
                let meant = part.identity == stop.file
                    || file::now(&self.place, stop.file)? == Some(part.identity);
                meant.then_some(stop.bytes)
            }
            _ => None,
        };
        let room =
            limit.map_or(BLOCK, |at| at.saturating_sub(self.offset).min(BLOCK as u64) as usize);
        let content = part.content(&self.place)?;
        let got = self.fill(&content, room)?;
        if self.records(each) == Go::Stop {
            return Ok(Progress::End);
        }
        if got > 0 {
            return Ok(Progress::More);
        }
        if limit.is_some_and(|at| self.offset >= at) {
            return Ok(Progress::End);
        }
        Ok(if self.advance(&part, &content)? { Progress::More } else { Progress::Dry })
    }

    /// Reads what stands at the place of reading behind what is left over.
    fn fill(&mut self, file: &File, room: usize) -> Result<usize> {
        let kept = self.buffer.len();
        self.buffer.resize(kept + room, 0);
        let got = file.read_at(&mut self.buffer[kept..], self.offset).context("read a log")?;
        self.buffer.truncate(kept + got);
        self.offset += got as u64;
        Ok(got)
    }

    /// Goes on to the next file if this one was rotated away and has been read to its end.
    fn advance(&mut self, part: &Part, content: &File) -> Result<bool> {
        let Some(next) = file::after(&self.place, part)? else { return Ok(false) };
        // The writer may have written to it between our last read and the rotation.
        let length = content.metadata().context("look at a log")?.len();
        if length > self.offset {
            return Ok(true);
        }
        self.buffer.clear();
        self.offset = 0;
        self.part = Some(next);
        Ok(true)
    }

    fn records(&mut self, each: &mut dyn FnMut(&Line<'_>) -> Go) -> Go {
        let mut used = 0;
        let mut go = Go::On;
        while go == Go::On {
            match logline::next(self.place.format, &self.buffer[used..]) {
                Step::Line(line, length) => {
                    go = each(&line);
                    used += length;
                }
                Step::Broken(length) => used += length,
                Step::Incomplete if self.buffer.len() - used > RECORD_MAX => {
                    used = self.buffer.len()
                }
                Step::Incomplete => break,
            }
        }
        self.buffer.drain(..used);
        go
    }
}

/// Whether more records are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// Yes.
    On,
    /// No, never again.
    Stop,
}

/// Whether reading goes on where it had stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// It does.
    Whole,
    /// Rotation has taken lines away that were not read.
    Broken,
}
