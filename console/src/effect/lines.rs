//! Makes lines of a container's output, framed or raw, however it is cut into pieces.

use crate::command::Terminal;
use crate::message::{LogLine, Source};
use crate::text;
use shared::frame::{self, HEADER, Stream};

/// One output that is being put together.
#[derive(Debug, Default)]
struct Partial {
    bytes: Vec<u8>,
    /// Bytes beyond the longest line that is kept.
    beyond: usize,
}

/// Splits output into lines.
#[derive(Debug)]
pub struct Splitter {
    terminal: Terminal,
    pending: Vec<u8>,
    /// Stream and bytes left of the payload being read.
    payload: Option<(Stream, usize)>,
    output: Partial,
    error: Partial,
}

impl Splitter {
    /// For a container with or without a terminal.
    pub fn new(terminal: Terminal) -> Self {
        let (output, error) = Default::default();
        Self { terminal, pending: Vec::new(), payload: None, output, error }
    }

    /// Takes a piece; returns the lines that it completes. What cannot be a frame is read as raw text.
    pub fn push(&mut self, piece: &[u8]) -> Vec<LogLine> {
        let mut lines = Vec::new();
        if self.terminal == Terminal::Raw {
            self.output.push(piece, Source::Output, &mut lines);
            return lines;
        }
        self.pending.extend_from_slice(piece);
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        while !rest.is_empty() {
            let Some((stream, left)) = self.payload else {
                let Some((head, after)) = rest.split_first_chunk::<HEADER>() else { break };
                match frame::parse(head) {
                    Some(payload) => (self.payload, rest) = (Some(payload), after),
                    None => {
                        self.terminal = Terminal::Raw;
                        self.output.push(rest, Source::Output, &mut lines);
                        return lines;
                    }
                }
                continue;
            };
            let (now, after) = rest.split_at(left.min(rest.len()));
            match stream {
                Stream::Stdout => self.output.push(now, Source::Output, &mut lines),
                Stream::Stderr => self.error.push(now, Source::Error, &mut lines),
            }
            self.payload = Some((stream, left - now.len())).filter(|(_, left)| *left > 0);
            rest = after;
        }
        self.pending = rest.to_vec();
        lines
    }

    /// The output has ended; a last line without an end counts.
    pub fn finish(&mut self) -> Vec<LogLine> {
        let mut lines = Vec::new();
        self.output.flush(Source::Output, &mut lines);
        self.error.flush(Source::Error, &mut lines);
        lines
    }
}

impl Partial {
    fn push(&mut self, bytes: &[u8], source: Source, out: &mut Vec<LogLine>) {
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            let room = text::LINE_BYTES.saturating_sub(self.bytes.len()).min(piece.len());
            self.bytes.extend_from_slice(&piece[..room]);
            self.beyond += piece.len() - room;
            if pieces.peek().is_some() {
                self.complete(source, out);
            }
        }
    }

    fn flush(&mut self, source: Source, out: &mut Vec<LogLine>) {
        if !self.bytes.is_empty() {
            self.complete(source, out);
        }
    }

    fn complete(&mut self, source: Source, out: &mut Vec<LogLine>) {
        let whole = String::from_utf8_lossy(&self.bytes);
        let (word, rest) = whole.split_once(' ').unwrap_or((&whole, ""));
        let (time, rest) = match time_of(word) {
            Some(time) => (time, rest),
            None => (0, &*whole),
        };
        let mut text = text::clean(rest).into_owned();
        if self.beyond > 0 {
            text.push_str(&format!("…+{} bytes", self.beyond));
        }
        out.push(LogLine { time, text, source });
        self.bytes.clear();
        self.beyond = 0;
    }
}

/// Nanoseconds since 1970 of RFC 3339, as the daemon writes in front of each line.
fn time_of(word: &str) -> Option<i64> {
    let b = word.as_bytes();
    if b.len() < 20 || b[4] != b'-' || b[10] != b'T' {
        return None;
    }
    let rfc3339 = &time::format_description::well_known::Rfc3339;
    let time = time::OffsetDateTime::parse(word, rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(pieces: &[(Stream, &str)]) -> Vec<u8> {
        let frame =
            |(s, t): &(Stream, &str)| [&frame::header(*s, t.len())[..], t.as_bytes()].concat();
        pieces.iter().flat_map(frame).collect()
    }

    #[test]
    fn both_outputs_keep_their_lines_apart() {
        let bytes = framed(&[
            (Stream::Stdout, "2026-11-21T02:41:38.5Z one\ntw"),
            (Stream::Stderr, "bad\u{1b}[31m\n"),
            (Stream::Stdout, "o\n"),
        ]);
        let mut all = Splitter::new(Terminal::Framed).push(&bytes);
        assert_eq!(all.len(), 3);
        assert_eq!((all[0].time, all[0].text.as_str()), (1_795_228_898_500_000_000, "one"));
        assert_eq!((all.remove(1).source, all[1].text.as_str()), (Source::Error, "two"));
    }

    #[test]
    fn a_long_line_is_cut_and_counted() {
        let mut splitter = Splitter::new(Terminal::Raw);
        let lines = splitter.push(&[b"x".repeat(text::LINE_BYTES + 5), b"\n".to_vec()].concat());
        assert!(lines[0].text.ends_with("x…+5 bytes"));
        splitter.push(b"rest");
        assert_eq!(splitter.finish()[0].text, "rest");
    }

    proptest! {
        #[test]
        fn where_it_is_cut_does_not_matter(cuts in proptest::collection::vec(1usize..9, 0..20)) {
            let bytes = framed(&[(Stream::Stdout, "a\nb"), (Stream::Stderr, "c\n"), (Stream::Stdout, "d\n")]);
            let mut splitter = Splitter::new(Terminal::Framed);
            let (mut lines, mut rest) = (Vec::new(), bytes.as_slice());
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                lines.extend(splitter.push(now));
                rest = later;
            }
            lines.extend(splitter.push(rest));
            let all: Vec<String> = lines.into_iter().map(|l| l.text).collect();
            prop_assert_eq!(all, ["a", "c", "bd"]);
        }
    }
}
