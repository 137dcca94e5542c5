//! Lines of log files as bytes for a client, a chunk at a time. Blocking.

use super::file::{self, Identity, Part};
use super::{Options, Place, Shape, Tail, Until};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use shared::error::{Context, Result};
use shared::frame::{self, HEADER, Stream};
use shared::logline::{self, Ending, Line, RECORD_MAX, Step};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

/// Bytes read at once, and about how many are handed on at once.
const BLOCK: usize = 256 << 10;

/// What Go's `url.QueryEscape` leaves alone, as Docker writes details.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What reading came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk {
    /// Some bytes for the client.
    Bytes(Vec<u8>),
    /// Nothing more for now: the current file's end.
    Waiting,
    /// Nothing more at all.
    End,
}

/// A place in a log.
#[derive(Debug)]
pub struct Reader {
    place: Place,
    options: Options,
    part: Option<Part>,
    offset: u64,
    /// File and place where to stop.
    stop: Option<(Identity, u64)>,
    buffer: Vec<u8>,
    /// The last record of each stream was a piece: what follows is no beginning of a line.
    within: [bool; 2],
    ended: bool,
}

impl Reader {
    /// At the first line that is wanted.
    pub fn open(place: Place, options: Options) -> Result<Self> {
        let parts = file::all(&place)?;
        let stop = match options.until {
            Until::Ended => None,
            Until::Now => parts.last().map(|p| (p.identity, p.length)),
            Until::Byte(bytes) => stop_at(&parts, bytes),
        };
        let (part, offset) = first(&place, &options, &parts, stop)?;
        Ok(Self {
            place,
            options,
            part,
            offset,
            stop,
            buffer: Vec::new(),
            within: [false; 2],
            ended: false,
        })
    }

    /// The next bytes. After [`Chunk::Waiting`] it may be called again.
    pub fn next(&mut self) -> Result<Chunk> {
        let mut out = Vec::with_capacity(BLOCK + BLOCK / 4);
        while out.len() < BLOCK && !self.ended {
            if self.part.is_none() {
                self.part = file::all(&self.place)?.into_iter().next();
            }
            let Some(part) = self.part.clone() else { break };
            let limit = self.stop.filter(|(who, _)| *who == part.identity).map(|(_, at)| at);
            let room =
                limit.map_or(BLOCK, |at| (at - self.offset.min(at)).min(BLOCK as u64) as usize);
            let got = self.fill(&part.file, room)?;
            self.lines(&mut out);
            if got > 0 || self.ended {
                continue;
            }
            if limit.is_some_and(|at| self.offset >= at) {
                self.ended = true;
            } else if !self.advance(&part)? {
                break;
            }
        }
        if !out.is_empty() {
            return Ok(Chunk::Bytes(out));
        }
        if self.options.until == Until::Ended && !self.ended {
            return Ok(Chunk::Waiting);
        }
        self.ended = true;
        Ok(Chunk::End)
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
    fn advance(&mut self, part: &Part) -> Result<bool> {
        let Some(next) = file::after(&self.place, part.identity)? else { return Ok(false) };
        // The writer may have written to it between our last read and the rotation.
        let length = part.file.metadata().context("look at a log")?.len();
        if length > self.offset {
            return Ok(true);
        }
        self.buffer.clear();
        self.offset = 0;
        self.part = Some(next);
        Ok(true)
    }

    fn lines(&mut self, out: &mut Vec<u8>) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut used = 0;
        while !self.ended {
            match logline::next(self.place.format, &buffer[used..]) {
                Step::Line(line, length) => {
                    used += length;
                    self.line(&line, out);
                }
                Step::Broken(length) => used += length,
                Step::Incomplete if buffer.len() - used > RECORD_MAX => used = buffer.len(),
                Step::Incomplete => break,
            }
        }
        self.buffer = buffer;
        self.buffer.drain(..used);
    }

    fn line(&mut self, line: &Line<'_>, out: &mut Vec<u8>) {
        let options = &self.options;
        let timed =
            options.since_nanos.is_some() || options.until_nanos.is_some() || options.timestamps;
        let at = if timed { line.at_nanos() } else { None };
        if let (Some(at), Some(until)) = (at, options.until_nanos)
            && at > until
        {
            self.ended = true;
            return;
        }
        let lane = usize::from(line.stream == Stream::Stderr);
        let begins = !std::mem::replace(&mut self.within[lane], line.ends == Ending::Piece);
        let wanted = if line.stream == Stream::Stdout { options.stdout } else { options.stderr };
        let early = matches!((at, options.since_nanos), (Some(at), Some(since)) if at < since);
        if !wanted || early {
            return;
        }
        let start = out.len();
        if options.shape == Shape::Framed {
            out.extend_from_slice(&[0; HEADER]);
        }
        if begins && options.timestamps {
            timestamp(at.unwrap_or_default(), out);
        }
        if begins && options.details {
            details(line.attributes.as_deref(), out);
        }
        line.append_text(out);
        if options.shape == Shape::Framed {
            let header = frame::header(line.stream, out.len() - start - HEADER);
            out[start..start + HEADER].copy_from_slice(&header);
        }
    }
}

/// The file that was current when it had `bytes` bytes: the newest that is long enough.
fn stop_at(parts: &[Part], bytes: u64) -> Option<(Identity, u64)> {
    let part = parts.iter().rev().find(|p| p.length >= bytes)?;
    Some((part.identity, bytes))
}

/// The file and place of the first line that may be wanted.
fn first(
    place: &Place,
    options: &Options,
    parts: &[Part],
    stop: Option<(Identity, u64)>,
) -> Result<(Option<Part>, u64)> {
    let mut known = parts;
    if let Some(at) = stop.and_then(|(who, _)| known.iter().position(|p| p.identity == who)) {
        known = &known[..=at];
    }
    if let Tail::Last(mut wanted) = options.tail {
        let mut begin = (known.last().cloned(), known.last().map_or(0, |p| p.length));
        for (index, part) in known.iter().enumerate().rev() {
            let is_last = index + 1 == known.len();
            let end = stop.filter(|_| is_last).map_or(part.length, |(_, at)| at.min(part.length));
            let end = if is_last { whole(part, place, end)? } else { end };
            let found = logline::tail(&part.file, place.format, end, wanted)?;
            begin = (Some(part.clone()), found.offset);
            wanted -= found.lines;
            if wanted == 0 {
                break;
            }
        }
        return Ok(begin);
    }
    let since = options.since_nanos.unwrap_or(i64::MIN);
    let begin = known.iter().find(|part| part.written_at >= since).or(known.last());
    Ok((begin.cloned(), 0))
}

/// The end of the last whole record before `end`: the writer may be in the middle of one.
fn whole(part: &Part, place: &Place, end: u64) -> Result<u64> {
    let now = part.file.metadata().context("look at a log")?.len();
    if now == end { Ok(logline::torn(&part.file, place.format)?.min(end)) } else { Ok(end) }
}

/// Docker's form: nine digits always.
fn timestamp(nanos: i64, out: &mut Vec<u8>) {
    let time = time::OffsetDateTime::from_unix_timestamp_nanos(nanos.into())
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    // Writing to a Vec cannot fail.
    let _ = write!(
        out,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z ",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.nanosecond()
    );
}

/// `a=1,b=2 ` in the order of names, escaped as in a query.
fn details(attributes: Option<&str>, out: &mut Vec<u8>) {
    let all: BTreeMap<String, String> =
        attributes.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let escape =
        |text: &str| percent_encode(text.as_bytes(), PLAIN).to_string().replace("%20", "+");
    let pairs: Vec<String> =
        all.iter().map(|(k, v)| format!("{}={}", escape(k), escape(v))).collect();
    out.extend_from_slice(pairs.join(",").as_bytes());
    out.push(b' ');
}
