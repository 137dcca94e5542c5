//! A log line on disk: the shim writes it, the daemon reads it. Fast on purpose, since a container may
//! write hundreds of megabytes a second. Never opens or rotates a file.
//!
//! `json-file` is Docker's: `{"log":"text\n","stream":"stdout","attrs":{..},"time":"RFC 3339"}` and a line feed;
//! `attrs` only if there are some; a piece of a line above [`PIECE_BYTES`] has no `\n` in its text.
//!
//! `local` is ours, little endian, and can be walked from both ends:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length: of flags, time and text |
//! | 1 | flags: bit 0 standard error, bit 1 the line goes on in the next record, bits 4-7 are `0xA` |
//! | 8 | time, nanoseconds since 1970 |
//! | n | text without its line feed |
//! | 4 | length again |

mod escape;
mod local;
mod stamp;
mod tail;

pub use stamp::{Stamp, nanoseconds};
pub use tail::{Tail, tail, torn};

use crate::frame::Stream;
use crate::shim::LogFormat;
use memchr::memchr;
use std::borrow::Cow;

/// A line longer than this is stored in pieces, as Docker does.
pub const PIECE_BYTES: usize = 16 * 1024;
/// A record longer than this is broken: a piece in which every byte became six, attributes, time.
pub const RECORD_MAX: usize = 256 * 1024;

/// Whether a text is the end of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A line feed followed.
    Line,
    /// More of the same line follows, or the stream ended.
    Piece,
}

/// Writes lines in one format.
#[derive(Debug)]
pub struct Encoder {
    format: LogFormat,
    /// `","stream":"stdout","attrs":{..},"time":"` for either stream.
    middles: [Vec<u8>; 2],
    stamp: Stamp,
}

impl Encoder {
    /// `attributes`: a JSON object in text for `attrs` of `json-file`; `local` stores none.
    pub fn new(format: LogFormat, attributes: Option<&str>) -> Self {
        let middle = |stream: Stream| {
            let attributes = attributes.map(|a| format!(r#","attrs":{a}"#)).unwrap_or_default();
            format!(r#"","stream":"{}"{attributes},"time":""#, stream.name()).into_bytes()
        };
        let middles = [middle(Stream::Stdout), middle(Stream::Stderr)];
        Self { format, middles, stamp: Stamp::default() }
    }

    /// Appends one record to `out`; `text` is without its line feed and at most [`PIECE_BYTES`] long.
    pub fn append(
        &mut self,
        stream: Stream,
        at: i64,
        text: &[u8],
        ends: Ending,
        out: &mut Vec<u8>,
    ) {
        match self.format {
            LogFormat::Local => local::append(stream, at, text, ends, out),
            LogFormat::JsonFile => {
                out.extend_from_slice(br#"{"log":""#);
                escape::append(text, out);
                if ends == Ending::Line {
                    out.extend_from_slice(br"\n");
                }
                out.extend_from_slice(&self.middles[usize::from(stream == Stream::Stderr)]);
                out.extend_from_slice(self.stamp.text(at).as_bytes());
                out.extend_from_slice(b"\"}\n");
            }
        }
    }
}

/// A record that was read. Nothing is decoded before it is asked for.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// Where the process wrote it.
    pub stream: Stream,
    /// Whether a line feed followed.
    pub ends: Ending,
    /// Docker's `attrs`, as JSON.
    pub attributes: Option<Cow<'a, str>>,
    text: Text<'a>,
    time: Time<'a>,
}

#[derive(Clone, Debug)]
enum Text<'a> {
    /// JSON escapes in it, the trailing `\n` included.
    Escaped(&'a [u8]),
    /// As it is, without the line feed.
    Plain(Cow<'a, [u8]>),
}

#[derive(Clone, Debug)]
enum Time<'a> {
    Text(Cow<'a, str>),
    Nanoseconds(i64),
}

impl Line<'_> {
    /// Appends the text as the process wrote it, line feed included.
    pub fn append_text(&self, out: &mut Vec<u8>) {
        match &self.text {
            Text::Escaped(text) => escape::resolve(text, out),
            Text::Plain(text) => {
                out.extend_from_slice(text);
                if self.ends == Ending::Line {
                    out.push(b'\n');
                }
            }
        }
    }

    /// When it was read from the process: nanoseconds since 1970. `None`: the record's time is broken.
    pub fn at_nanos(&self) -> Option<i64> {
        match &self.time {
            Time::Nanoseconds(at) => Some(*at),
            Time::Text(text) => nanoseconds(text),
        }
    }
}

/// What the bytes at some place of a log file are.
#[derive(Clone, Debug)]
pub enum Step<'a> {
    /// A record, and its length in bytes.
    Line(Line<'a>, usize),
    /// The record is not complete: read more, or wait for the writer.
    Incomplete,
    /// Not a record: count it, go on after so many bytes.
    Broken(usize),
}

/// Reads the record at the start of `bytes`.
pub fn next(format: LogFormat, bytes: &[u8]) -> Step<'_> {
    match format {
        LogFormat::Local => local::next(bytes),
        LogFormat::JsonFile => match memchr(b'\n', bytes) {
            Some(end) => match fast(&bytes[..end]).or_else(|| slow(&bytes[..end])) {
                Some(line) => Step::Line(line, end + 1),
                None => Step::Broken(end + 1),
            },
            None if bytes.len() > RECORD_MAX => Step::Broken(bytes.len()),
            None => Step::Incomplete,
        },
    }
}

/// A record with the keys in Docker's order, which is every record that Docker or the shim wrote.
fn fast(record: &[u8]) -> Option<Line<'_>> {
    let rest = record.strip_prefix(br#"{"log":""#)?;
    let (text, rest) = rest.split_at(escape::end(rest)?);
    let rest = rest.strip_prefix(br#"","stream":"std"#)?;
    let (stream, rest) = match rest.strip_prefix(b"out\"") {
        Some(rest) => (Stream::Stdout, rest),
        None => (Stream::Stderr, rest.strip_prefix(b"err\"")?),
    };
    let rest = rest.strip_suffix(b"\"}")?;
    let from = memchr::memmem::rfind(rest, br#","time":""#)?;
    let (between, time) = (&rest[..from], &rest[from + 9..]);
    let attributes = match between.strip_prefix(br#","attrs":"#) {
        None if between.is_empty() => None,
        Some(object) if object.first() == Some(&b'{') => {
            Some(Cow::Borrowed(str::from_utf8(object).ok()?))
        }
        _ => return None,
    };
    let time = Time::Text(Cow::Borrowed(str::from_utf8(time).ok()?));
    let ends = if text.ends_with(br"\n") && !backslash_itself_escaped(text) {
        Ending::Line
    } else {
        Ending::Piece
    };
    Some(Line { stream, ends, attributes, text: Text::Escaped(text), time })
}

/// Whether the final `\n` of `text` is a backslash and an n, not an escaped line feed.
fn backslash_itself_escaped(text: &[u8]) -> bool {
    let before = &text[..text.len() - 1];
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0
}

/// Any JSON object with Docker's keys.
fn slow(record: &[u8]) -> Option<Line<'static>> {
    #[derive(serde::Deserialize)]
    struct Record {
        #[serde(default)]
        log: String,
        #[serde(default)]
        stream: String,
        attrs: Option<serde_json::Value>,
        time: String,
    }
    let record: Record = serde_json::from_slice(record).ok()?;
    let (text, ends) = match record.log.strip_suffix('\n') {
        Some(text) => (text.to_owned(), Ending::Line),
        None => (record.log, Ending::Piece),
    };
    let stream = if record.stream == "stderr" { Stream::Stderr } else { Stream::Stdout };
    let attributes = record.attrs.map(|value| Cow::Owned(value.to_string()));
    let text = Text::Plain(Cow::Owned(text.into_bytes()));
    Some(Line { stream, ends, attributes, text, time: Time::Text(Cow::Owned(record.time)) })
}

#[cfg(test)]
mod tests;
