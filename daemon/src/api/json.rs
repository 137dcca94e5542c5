//! JSON bodies. What is no JSON is refused in the words of Go's decoder, which clients and their tests
//! know from Docker; what is JSON of another shape in serde's, which name the field.

use super::field::AnyCase;
use serde::de::DeserializeOwned;
use shared::error::{Context, Error, Kind, Result};

/// Reads one value; `Invalid` when `bytes` hold anything else.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let value = serde_json::from_slice(bytes).or_else(|error| match complaint(bytes) {
        Some(said) => Err(Error::invalid(format!("invalid JSON: {said}"))),
        None => Err(error).context_kind(Kind::Invalid, "invalid JSON"),
    })?;
    T::deserialize(AnyCase(value)).context_kind(Kind::Invalid, "invalid JSON")
}

/// What Go's scanner says of bytes that are no JSON; `None` when it has no complaint.
pub fn complaint(bytes: &[u8]) -> Option<String> {
    let mut scanner = Scanner { bytes, at: 0 };
    match scanner.value().and_then(|()| scanner.end()) {
        Ok(()) => None,
        Err(Stop::End) => Some("unexpected EOF".to_owned()),
        Err(Stop::After) => Some("unexpected content after JSON".to_owned()),
        Err(Stop::At(place)) => {
            let found = bytes.get(scanner.at).copied().unwrap_or_default();
            Some(format!("invalid character {} {place}", quoted(found)))
        }
    }
}

/// A byte as Go quotes it in its messages.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'\n' => r"'\n'".to_owned(),
        b'\r' => r"'\r'".to_owned(),
        b'\t' => r"'\t'".to_owned(),
        0..=31 | 127 => format!(r"'\x{byte:02x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}

/// Why a scan ended early.
enum Stop {
    /// The text ends within a value.
    End,
    /// A byte that cannot stand there.
    At(&'static str),
    /// A second value.
    After,
}

type Scan = std::result::Result<(), Stop>;

/// One pass over the text, without recursion: hostile text may be nested as deep as it is long.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> std::result::Result<u8, Stop> {
        self.bytes.get(self.at).copied().ok_or(Stop::End)
    }

    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn end(&mut self) -> Scan {
        self.space();
        if self.at == self.bytes.len() { Ok(()) } else { Err(Stop::After) }
    }

    /// A whole value with all that is in it; `open` are the brackets that it is within.
    fn value(&mut self) -> Scan {
        let mut open = Vec::new();
        loop {
            self.space();
            match self.peek()? {
                bracket @ (b'{' | b'[') => {
                    self.at += 1;
                    self.space();
                    if self.peek()? == bracket + 2 {
                        self.at += 1;
                    } else {
                        open.push(bracket);
                        if bracket == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b'"' => self.string()?,
                b'-' | b'0'..=b'9' => self.number()?,
                b't' => self.word(b"true", TRUE)?,
                b'f' => self.word(b"false", FALSE)?,
                b'n' => self.word(b"null", NULL)?,
                _ => return Err(Stop::At("looking for beginning of value")),
            }
            if self.closes(&mut open)? {
                return Ok(());
            }
        }
    }

    /// After a value: what closes here, or the comma before the next one. True at the top level.
    fn closes(&mut self, open: &mut Vec<u8>) -> std::result::Result<bool, Stop> {
        while let Some(bracket) = open.last().copied() {
            self.space();
            match (self.peek()?, bracket) {
                (b',', _) => {
                    self.at += 1;
                    if bracket == b'{' {
                        self.key()?;
                    }
                    return Ok(false);
                }
                (b'}', b'{') | (b']', b'[') => {
                    self.at += 1;
                    open.pop();
                }
                (_, b'{') => return Err(Stop::At("after object key:value pair")),
                _ => return Err(Stop::At("after array element")),
            }
        }
        Ok(true)
    }

    fn key(&mut self) -> Scan {
        self.space();
        if self.peek()? != b'"' {
            return Err(Stop::At("looking for beginning of object key string"));
        }
        self.string()?;
        self.space();
        if self.peek()? != b':' {
            return Err(Stop::At("after object key"));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Scan {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                0..=31 => return Err(Stop::At("in string literal")),
                b'\\' => {
                    self.at += 1;
                    match self.peek()? {
                        b'u' => self.hexadecimal()?,
                        b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => self.at += 1,
                        _ => return Err(Stop::At("in string escape code")),
                    }
                }
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Ok(())
    }

    fn hexadecimal(&mut self) -> Scan {
        self.at += 1;
        for _ in 0..4 {
            if !self.peek()?.is_ascii_hexdigit() {
                return Err(Stop::At("in \\u hexadecimal character escape"));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn digits(&mut self, place: &'static str) -> Scan {
        if !self.peek()?.is_ascii_digit() {
            return Err(Stop::At(place));
        }
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Scan {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        if self.peek()? == b'0' {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8], places: &[&'static str]) -> Scan {
        self.at += 1;
        for (wanted, place) in word[1..].iter().zip(places) {
            if self.peek()? != *wanted {
                return Err(Stop::At(place));
            }
            self.at += 1;
        }
        Ok(())
    }
}

const TRUE: &[&str] = &[
    "in literal true (expecting 'r')",
    "in literal true (expecting 'u')",
    "in literal true (expecting 'e')",
];
const FALSE: &[&str] = &[
    "in literal false (expecting 'a')",
    "in literal false (expecting 'l')",
    "in literal false (expecting 's')",
    "in literal false (expecting 'e')",
];
const NULL: &[&str] = &[
    "in literal null (expecting 'u')",
    "in literal null (expecting 'l')",
    "in literal null (expecting 'l')",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_go() {
        for (text, said) in [
            ("{invalid json", "invalid character 'i' looking for beginning of object key string"),
            ("x", "invalid character 'x' looking for beginning of value"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("[1 2]", "invalid character '2' after array element"),
            (r#"{"a" 1}"#, "invalid character '1' after object key"),
            (r#"{"a":1 "b"}"#, "invalid character '\"' after object key:value pair"),
            (r#"{"a":1,}"#, "invalid character '}' looking for beginning of object key string"),
            (r#"{"a":tru}"#, "invalid character '}' in literal true (expecting 'e')"),
            (r#"["\q"]"#, "invalid character 'q' in string escape code"),
            ("[\"a\nb\"]", r"invalid character '\n' in string literal"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("NaN", "invalid character 'N' looking for beginning of value"),
            (r#"{"a":[1,{"b":"#, "unexpected EOF"),
            ("{} {}", "unexpected content after JSON"),
        ] {
            assert_eq!(complaint(text.as_bytes()).as_deref(), Some(said), "{text}");
        }
        for good in ["{}", "[]", r#"{"a":[{},[],-1.5e-3,"\u00e9",null]}"#, " true "] {
            assert_eq!(complaint(good.as_bytes()), None, "{good}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_without_a_deep_stack() {
        let error = decode::<serde_json::Value>(&vec![b'['; 1 << 20]).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
    }

    #[test]
    fn another_shape_names_itself() {
        let error = decode::<Vec<u8>>(b"{}").unwrap_err();
        assert!(error.to_string().contains("expected a sequence"), "{error}");
    }
}
