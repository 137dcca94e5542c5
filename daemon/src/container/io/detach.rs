//! The keys that leave a container running and end an attached client: `ctrl-p,ctrl-q`. Pure.

use shared::error::{Error, Result};

/// A sequence of bytes to look for in what a client types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys(Vec<u8>);

impl Default for Keys {
    /// ctrl-p, ctrl-q.
    fn default() -> Self {
        Self(vec![16, 17])
    }
}

impl Keys {
    /// From Docker's form: single characters and `ctrl-<a-z @ [ \ ] ^ _>`, joined with commas; empty
    /// means the default.
    ///
    /// # Errors
    /// `Invalid` "Invalid detach keys (x) provided".
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let bad = || Error::invalid(format!("Invalid detach keys ({text}) provided"));
        let key = |word: &str| match word.strip_prefix("ctrl-").map(str::as_bytes) {
            Some([letter @ b'a'..=b'z']) => Ok(letter - b'a' + 1),
            Some([symbol @ (b'@' | b'[' | b'\\' | b']' | b'^' | b'_')]) => Ok(symbol - b'@'),
            _ => match word.as_bytes() {
                [one] => Ok(*one),
                _ => Err(bad()),
            },
        };
        text.split(',').map(key).collect::<Result<_>>().map(Self)
    }
}

/// What became of typed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Pass them on.
    Through,
    /// The sequence is complete.
    Detached,
}

/// Watches a stream of typed bytes for the sequence, holding back a beginning of it.
#[derive(Debug)]
pub struct Filter {
    keys: Keys,
    matched: usize,
}

impl Filter {
    /// A filter at the beginning of a stream.
    pub fn new(keys: Keys) -> Self {
        Self { keys, matched: 0 }
    }

    /// Appends to `out` what may pass of `typed`. After [`Typed::Detached`] the rest is dropped.
    pub fn pass(&mut self, typed: &[u8], out: &mut Vec<u8>) -> Typed {
        for byte in typed {
            while self.matched > 0 && self.keys.0[self.matched] != *byte {
                // What was held back is not the sequence; a shorter beginning of it may still be.
                let held = &self.keys.0[..self.matched];
                let kept = (1..self.matched)
                    .rev()
                    .find(|n| held.ends_with(&self.keys.0[..*n]))
                    .unwrap_or(0);
                out.extend_from_slice(&held[..self.matched - kept]);
                self.matched = kept;
            }
            if self.keys.0[self.matched] != *byte {
                out.push(*byte);
                continue;
            }
            self.matched += 1;
            if self.matched == self.keys.0.len() {
                return Typed::Detached;
            }
        }
        Typed::Through
    }

    /// What is still held back when the stream ends.
    pub fn rest(&mut self) -> Vec<u8> {
        self.keys.0[..std::mem::take(&mut self.matched)].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(keys: &str, typed: &[&[u8]]) -> (Vec<u8>, Typed) {
        let mut filter = Filter::new(Keys::parse(keys).unwrap());
        let mut out = Vec::new();
        for part in typed {
            if filter.pass(part, &mut out) == Typed::Detached {
                return (out, Typed::Detached);
            }
        }
        out.extend(filter.rest());
        (out, Typed::Through)
    }

    #[test]
    fn the_sequence_detaches_and_is_not_passed_on() {
        assert_eq!(run("", &[b"ab\x10\x11cd"]), (b"ab".to_vec(), Typed::Detached));
        assert_eq!(run("", &[b"ab\x10", b"\x11"]), (b"ab".to_vec(), Typed::Detached));
        assert_eq!(run("ctrl-a", &[b"x\x01"]), (b"x".to_vec(), Typed::Detached));
    }

    #[test]
    fn all_else_passes_unchanged() {
        for typed in [&b"a\x10b"[..], b"\x10\x10", b"\x11\x10", b"plain"] {
            assert_eq!(run("", &[typed]), (typed.to_vec(), Typed::Through));
        }
        assert_eq!(run("", &[b"\x10\x10\x11"]), (b"\x10".to_vec(), Typed::Detached));
        assert_eq!(run("a,a,b", &[b"aaab"]), (b"a".to_vec(), Typed::Detached));
    }

    #[test]
    fn nonsense_is_refused() {
        let error = Keys::parse("ctrl-p,foo").unwrap_err();
        assert_eq!(error.message(), "Invalid detach keys (ctrl-p,foo) provided");
        assert_eq!(Keys::parse("ctrl-@,x").unwrap(), Keys(vec![0, b'x']));
    }
}
