//! The text of a JSON string: bytes to escapes and back. Escapes what Docker's json-file escapes, so
//! that files are equal byte by byte; bytes that are not UTF-8 become U+FFFD, as there.

use memchr::{memchr, memchr2};

const HEX: &[u8; 16] = b"0123456789abcdef";
/// Bytes looked at in one go: the compiler turns the loop over them into vector instructions.
const BLOCK: usize = 32;

/// Appends `text` with escapes, without quotes.
pub fn append(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + 16);
    let mut rest = text;
    loop {
        let plain = plain(rest);
        out.extend_from_slice(&rest[..plain]);
        rest = &rest[plain..];
        // Escapes come in runs: zeros of a disk image, colours of a terminal.
        while let Some(byte) = rest.first().copied().filter(|byte| special(*byte)) {
            let taken = if byte.is_ascii() { ascii(byte, out) } else { wide(rest, out) };
            rest = &rest[taken..];
        }
        if rest.is_empty() {
            return;
        }
    }
}

/// How many bytes at the start need no escape.
fn plain(bytes: &[u8]) -> usize {
    let mut done = 0;
    if bytes.first().is_none_or(|byte| special(*byte)) {
        return 0;
    }
    for block in bytes.chunks_exact(BLOCK) {
        if block.iter().fold(false, |any, byte| any | special(*byte)) {
            break;
        }
        done += BLOCK;
    }
    let rest = &bytes[done..];
    done + rest.iter().position(|byte| special(*byte)).unwrap_or(rest.len())
}

/// Docker escapes `<`, `>` and `&` too, as Go's JSON does for browsers.
fn special(byte: u8) -> bool {
    !(0x20..0x80).contains(&byte)
        | (byte == b'"')
        | (byte == b'\\')
        | (byte == b'<')
        | (byte == b'>')
        | (byte == b'&')
}

fn ascii(byte: u8, out: &mut Vec<u8>) -> usize {
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b'\n' => out.extend_from_slice(br"\n"),
        b'\r' => out.extend_from_slice(br"\r"),
        _ => {
            let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digits[0], digits[1]]);
        }
    }
    1
}

/// A run of bytes above ASCII, up to the next ASCII byte.
fn wide(bytes: &[u8], out: &mut Vec<u8>) -> usize {
    let end = bytes.iter().position(u8::is_ascii).unwrap_or(bytes.len());
    for chunk in bytes[..end].utf8_chunks() {
        let mut valid = chunk.valid();
        // U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
        while let Some(place) = valid.find(['\u{2028}', '\u{2029}']) {
            let (before, after) = valid.split_at(place);
            out.extend_from_slice(before.as_bytes());
            out.extend_from_slice(if after.starts_with('\u{2028}') {
                br"\u2028"
            } else {
                br"\u2029"
            });
            valid = &after[3..];
        }
        out.extend_from_slice(valid.as_bytes());
        for _ in chunk.invalid() {
            out.extend_from_slice(br"\ufffd");
        }
    }
    end
}

/// Where the closing quote of a string stands whose opening quote was taken.
pub fn end(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let place = from + memchr2(b'"', b'\\', bytes.get(from..)?)?;
        if bytes[place] == b'"' {
            return Some(place);
        }
        from = place + 2;
    }
}

/// Appends what a JSON string's text stands for. Broken escapes are kept as they are.
pub fn resolve(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len());
    let mut rest = text;
    while let Some(place) = memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..place]);
        let taken = one(&rest[place..], out);
        rest = &rest[place + taken..];
    }
    out.extend_from_slice(rest);
}

/// Resolves the escape at the start; returns its length.
fn one(bytes: &[u8], out: &mut Vec<u8>) -> usize {
    let byte = match bytes.get(1) {
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b @ (b'"' | b'\\' | b'/')) => *b,
        Some(b'u') => return unicode(bytes, out),
        _ => {
            out.push(b'\\');
            return 1;
        }
    };
    out.push(byte);
    2
}

fn unicode(bytes: &[u8], out: &mut Vec<u8>) -> usize {
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        let digits =
            str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        u32::from_str_radix(digits?, 16).ok()
    };
    let Some(first) = unit(0) else {
        out.push(b'\\');
        return 1;
    };
    let (code, taken) = match (first, unit(6)) {
        (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) => {
            (0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), 12)
        }
        _ => (first, 6),
    };
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    taken
}
