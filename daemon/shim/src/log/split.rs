//! Cuts a stream of bytes into lines and pieces of lines. Keeps at most one piece.

use memchr::memchr;
use shared::logline::{Ending, PIECE_BYTES};

/// The unfinished line of one stream.
#[derive(Debug, Default)]
pub struct Splitter {
    rest: Vec<u8>,
}

impl Splitter {
    /// Calls `line` for each whole line (without its line feed) and for each full piece.
    pub fn push(&mut self, bytes: &[u8], mut line: impl FnMut(&[u8], Ending)) {
        let mut bytes = bytes;
        while let Some(place) = memchr(b'\n', bytes) {
            self.text(&bytes[..place], Some(Ending::Line), &mut line);
            bytes = &bytes[place + 1..];
        }
        self.text(bytes, None, &mut line);
    }

    /// The stream ended: what is left is the piece of a line that has no end.
    pub fn end(&mut self, mut line: impl FnMut(&[u8], Ending)) {
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            line(&rest, Ending::Piece);
        }
    }

    /// Gives memory back when nothing is held.
    pub fn trim(&mut self) {
        self.rest.shrink_to(0);
    }

    /// Text without a line feed; `ends`: one followed.
    fn text(&mut self, text: &[u8], ends: Option<Ending>, line: &mut impl FnMut(&[u8], Ending)) {
        let mut text = text;
        // Without looking at what follows, as dockerd: a line of exactly this length ends in a piece of its own.
        while self.rest.len() + text.len() >= PIECE_BYTES {
            let room = PIECE_BYTES - self.rest.len();
            if self.rest.is_empty() {
                let cut = boundary(text, room);
                line(&text[..cut], Ending::Piece);
                text = &text[cut..];
            } else {
                self.rest.extend_from_slice(&text[..room]);
                text = &text[room..];
                let cut = boundary(&self.rest, PIECE_BYTES);
                line(&self.rest[..cut], Ending::Piece);
                self.rest.drain(..cut);
            }
        }
        match ends {
            Some(ends) if self.rest.is_empty() => line(text, ends),
            Some(ends) => {
                self.rest.extend_from_slice(text);
                line(&self.rest, ends);
                self.rest.clear();
            }
            None => self.rest.extend_from_slice(text),
        }
    }
}

/// At most `limit`, and not inside a UTF-8 character, which a cut would damage for good.
fn boundary(text: &[u8], limit: usize) -> usize {
    let limit = limit.min(text.len());
    for back in 1..=limit.min(3) {
        let length = match text[limit - back] {
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0..0xf8 => 4,
            0x80..0xc0 => continue,
            _ => return limit,
        };
        return if length > back && limit > back { limit - back } else { limit };
    }
    limit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(chunks: &[&[u8]]) -> Vec<(Vec<u8>, Ending)> {
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        for chunk in chunks {
            splitter.push(chunk, |text, ends| lines.push((text.to_vec(), ends)));
        }
        splitter.end(|text, ends| lines.push((text.to_vec(), ends)));
        lines
    }

    #[test]
    fn lines_come_whole_however_they_arrive() {
        let expected: Vec<_> =
            [("a", Ending::Line), ("", Ending::Line), ("bc", Ending::Line), ("d", Ending::Piece)]
                .map(|(text, ends)| (text.as_bytes().to_vec(), ends))
                .into();
        assert_eq!(split(&[b"a\n\nbc\nd"]), expected);
        let bytes: Vec<&[u8]> = b"a\n\nbc\nd".chunks(1).collect();
        assert_eq!(split(&bytes), expected);
    }

    #[test]
    fn long_lines_come_in_pieces_of_16_kib() {
        let text = [vec![b'x'; 2 * PIECE_BYTES + 5], b"\n".to_vec()].concat();
        for size in [1000, 16384, 65536] {
            let chunks: Vec<&[u8]> = text.chunks(size).collect();
            let lines = split(&chunks);
            let lengths: Vec<_> = lines.iter().map(|(text, ends)| (text.len(), *ends)).collect();
            let piece = (PIECE_BYTES, Ending::Piece);
            assert_eq!(lengths, [piece, piece, (5, Ending::Line)], "chunks of {size}");
        }
        let exact = [vec![b'x'; PIECE_BYTES], b"\n".to_vec()].concat();
        let lines = split(&[&exact]);
        let lengths: Vec<_> = lines.iter().map(|(text, ends)| (text.len(), *ends)).collect();
        assert_eq!(lengths, [(PIECE_BYTES, Ending::Piece), (0, Ending::Line)]);
        assert_eq!(split(&[&exact[..PIECE_BYTES]]).len(), 1);
        assert_eq!(split(&[&exact[1..]]).len(), 1);
    }

    #[test]
    fn no_character_is_cut() {
        for character in ["ä", "€", "😀"] {
            let text = format!("a{}\n", character.repeat(20_000));
            for size in [999, 65536] {
                let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
                let lines = split(&chunks);
                assert!(
                    lines.len() > 2 && lines.iter().all(|(text, _)| str::from_utf8(text).is_ok())
                );
                let whole: Vec<u8> = lines.into_iter().flat_map(|(text, _)| text).collect();
                assert_eq!([whole.as_slice(), b"\n"].concat(), text.as_bytes());
            }
        }
        let garbage = vec![0x80; 3 * PIECE_BYTES];
        assert_eq!(split(&[&garbage]).len(), 3);
    }
}
