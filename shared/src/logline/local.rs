//! Records of the `local` format; the table is in the module above.

use super::{Ending, Line, RECORD_MAX, Step, Text, Time};
use crate::frame::Stream;
use std::borrow::Cow;

/// Bytes of a record beside its text.
pub const FRAME: usize = 4 + FIXED + 4;
/// Flags and time.
const FIXED: usize = 9;
const MARK: u8 = 0xa0;

pub fn append(stream: Stream, at: i64, text: &[u8], ends: Ending, out: &mut Vec<u8>) {
    let length = ((FIXED + text.len()) as u32).to_le_bytes();
    let flags = u8::from(stream == Stream::Stderr) | (u8::from(ends == Ending::Piece) << 1);
    out.extend_from_slice(&length);
    out.push(MARK | flags);
    out.extend_from_slice(&at.to_le_bytes());
    out.extend_from_slice(text);
    out.extend_from_slice(&length);
}

/// The whole record's length if these four bytes begin or end one.
pub fn length(bytes: [u8; 4]) -> Option<usize> {
    let inner = u32::from_le_bytes(bytes) as usize;
    (FIXED..=RECORD_MAX).contains(&inner).then_some(inner + 8)
}

pub fn next(bytes: &[u8]) -> Step<'_> {
    let Some((first, _)) = bytes.split_first_chunk::<4>() else { return Step::Incomplete };
    let Some(length) = length(*first) else { return Step::Broken(1) };
    if bytes.get(4).is_some_and(|flags| flags & 0xf0 != MARK) {
        return Step::Broken(1);
    }
    let Some(record) = bytes.get(..length) else { return Step::Incomplete };
    if record[length - 4..] != *first {
        return Step::Broken(1);
    }
    let flags = record[4];
    let mut at = [0; 8];
    at.copy_from_slice(&record[5..13]);
    let line = Line {
        stream: if flags & 1 == 0 { Stream::Stdout } else { Stream::Stderr },
        ends: if flags & 2 == 0 { Ending::Line } else { Ending::Piece },
        attributes: None,
        text: Text::Plain(Cow::Borrowed(&record[13..length - 4])),
        time: Time::Nanoseconds(i64::from_le_bytes(at)),
    };
    Step::Line(line, length)
}
