//! Finds the last lines of a log file from its end, and what a torn write left there.

use super::{local, next};
use crate::error::{Context, Result};
use crate::logline::{RECORD_MAX, Step};
use crate::shim::LogFormat;
use memchr::memrchr_iter;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Bytes read at once.
const BLOCK: u64 = 64 * 1024;

/// Where the last lines of a file begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Offset of the first of them.
    pub offset: u64,
    /// How many there are: fewer than asked when the file has fewer.
    pub lines: u64,
}

/// The last `lines` records of the first `end` bytes; `end` is the end of a record.
pub fn tail(file: &File, format: LogFormat, end: u64, lines: u64) -> Result<Tail> {
    match format {
        LogFormat::JsonFile => feeds(file, end, lines),
        LogFormat::Local => records(file, end, lines),
    }
    .context("read a log backwards")
}

/// A record ends with a line feed, so the one before it is where the record begins.
fn feeds(file: &File, end: u64, lines: u64) -> std::io::Result<Tail> {
    let mut buffer = vec![0; BLOCK.min(end) as usize];
    let (mut upto, mut found) = (end, 0);
    while upto > 0 && lines > 0 {
        let from = upto.saturating_sub(BLOCK);
        let block = &mut buffer[..(upto - from) as usize];
        file.read_exact_at(block, from)?;
        for place in memrchr_iter(b'\n', block) {
            let after = from + place as u64 + 1;
            if after == end {
                continue;
            }
            found += 1;
            if found == lines {
                return Ok(Tail { offset: after, lines: found });
            }
        }
        upto = from;
    }
    let first = u64::from(end > 0 && lines > 0);
    Ok(Tail { offset: if lines == 0 { end } else { 0 }, lines: found + first })
}

fn records(file: &File, end: u64, lines: u64) -> std::io::Result<Tail> {
    let (mut offset, mut found) = (end, 0);
    while offset >= local::FRAME as u64 && found < lines {
        let mut length = [0; 4];
        file.read_exact_at(&mut length, offset - 4)?;
        let Some(length) = local::length(length).filter(|length| *length as u64 <= offset) else {
            break; // broken: what is before it is out of reach from here
        };
        (offset, found) = (offset - length as u64, found + 1);
    }
    Ok(Tail { offset, lines: found })
}

/// How many bytes of the file are whole records: what is behind them was torn by a crash of the
/// writer, who cuts it off before it appends.
pub fn torn(file: &File, format: LogFormat) -> Result<u64> {
    let length = file.metadata().context("measure a log")?.len();
    match format {
        LogFormat::JsonFile => whole_lines(file, length),
        LogFormat::Local => whole_records(file, length),
    }
    .context("look for a torn write in a log")
}

fn whole_lines(file: &File, length: u64) -> std::io::Result<u64> {
    let mut buffer = vec![0; RECORD_MAX.min(length as usize)];
    let from = length - buffer.len() as u64;
    file.read_exact_at(&mut buffer, from)?;
    // A tail without any line feed is no log of ours: left as it is.
    Ok(memchr::memrchr(b'\n', &buffer).map_or(length, |place| from + place as u64 + 1))
}

fn whole_records(file: &File, length: u64) -> std::io::Result<u64> {
    let last = records(file, length, 1)?;
    let mut record = vec![0; (length - last.offset) as usize];
    file.read_exact_at(&mut record, last.offset)?;
    if last.lines == 1 && matches!(next(LogFormat::Local, &record), Step::Line(..)) {
        return Ok(length);
    }
    let mut offset = 0;
    loop {
        let mut first = [0; 4];
        if offset + 4 > length {
            return Ok(offset);
        }
        file.read_exact_at(&mut first, offset)?;
        match local::length(first) {
            Some(record) if offset + record as u64 <= length => offset += record as u64,
            _ => return Ok(offset),
        }
    }
}
