//! Lines of log files as bytes for a client, a chunk at a time. Blocking.

use super::file::{self, Part};
use super::walk::{BLOCK, Cursor, Go, Progress, Walker};
use super::{Options, Place, Shape, Tail, Until};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use shared::error::{Context, Result};
use shared::frame::{self, HEADER, Stream};
use shared::logline::{self, Ending, Line};
use std::collections::BTreeMap;
use std::io::Write;

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

/// Reads one log for one client.
#[derive(Debug)]
pub struct Reader {
    walker: Walker,
    writer: Writer,
    ended: bool,
}

impl Reader {
    /// At the first line that is wanted.
    pub fn open(place: Place, options: Options) -> Result<Self> {
        let parts = file::all(&place)?;
        let stop = match options.until {
            Until::Ended => None,
            Until::Now => parts.last().map(|p| Cursor { file: p.identity, bytes: p.length }),
            Until::Byte(bytes) => stop_at(&parts, bytes),
        };
        let (part, offset) = first(&place, &options, &parts, stop)?;
        let walker = Walker::new(place, part, offset, stop);
        Ok(Self { walker, writer: Writer { options, within: [false; 2] }, ended: false })
    }

    /// The next bytes. After [`Chunk::Waiting`] it may be called again.
    pub fn next(&mut self) -> Result<Chunk> {
        let mut out = Vec::with_capacity(BLOCK + BLOCK / 4);
        while out.len() < BLOCK && !self.ended {
            match self.walker.block(&mut |line| self.writer.line(line, &mut out))? {
                Progress::More => {}
                Progress::Dry => break,
                Progress::End => self.ended = true,
            }
        }
        if !out.is_empty() {
            return Ok(Chunk::Bytes(out));
        }
        if self.writer.options.until == Until::Ended && !self.ended {
            return Ok(Chunk::Waiting);
        }
        self.ended = true;
        Ok(Chunk::End)
    }
}

/// Turns records into a client's bytes.
#[derive(Debug)]
struct Writer {
    options: Options,
    /// The last record of each stream was a piece: what follows is no beginning of a line.
    within: [bool; 2],
}

impl Writer {
    fn line(&mut self, line: &Line<'_>, out: &mut Vec<u8>) -> Go {
        let options = &self.options;
        let timed =
            options.since_nanos.is_some() || options.until_nanos.is_some() || options.timestamps;
        let at = if timed { line.at_nanos() } else { None };
        if let (Some(at), Some(until)) = (at, options.until_nanos)
            && at > until
        {
            return Go::Stop;
        }
        let lane = usize::from(line.stream == Stream::Stderr);
        let begins = !std::mem::replace(&mut self.within[lane], line.ends == Ending::Piece);
        let wanted = if line.stream == Stream::Stdout { options.stdout } else { options.stderr };
        let early = matches!((at, options.since_nanos), (Some(at), Some(since)) if at < since);
        if !wanted || early {
            return Go::On;
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
        Go::On
    }
}

/// The file that was current when it had `bytes` bytes: the newest that is long enough.
fn stop_at(parts: &[Part], bytes: u64) -> Option<Cursor> {
    let part = parts.iter().rev().find(|p| p.length >= bytes)?;
    Some(Cursor { file: part.identity, bytes })
}

/// The file and place of the first line that may be wanted.
fn first(
    place: &Place,
    options: &Options,
    parts: &[Part],
    stop: Option<Cursor>,
) -> Result<(Option<Part>, u64)> {
    let mut known = parts;
    if let Some(at) = stop.and_then(|s| known.iter().position(|p| p.identity == s.file)) {
        known = &known[..=at];
    }
    if let Tail::Last(mut wanted) = options.tail {
        let mut begin = (known.last().cloned(), known.last().map_or(0, |p| p.length));
        for (index, part) in known.iter().enumerate().rev() {
            let is_last = index + 1 == known.len();
            let end = stop.filter(|_| is_last).map_or(part.length, |s| s.bytes.min(part.length));
            let end = if is_last { whole(part, place, end)? } else { end };
            let content = part.content(place)?;
            let found = logline::tail(&content, place.format, end, wanted)?;
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
    let content = part.content(place)?;
    let now = content.metadata().context("look at a log")?.len();
    if now == end { Ok(logline::torn(&content, place.format)?.min(end)) } else { Ok(end) }
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
