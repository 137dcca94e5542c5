//! A number of bytes, written as a number or as text such as `64MiB`, `64m`, `1.5g`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use shared::error::{Error, Result};
use std::str::FromStr;

/// Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = Error;

    /// Units count in 1024s, as Docker's `RAMInBytes` does.
    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::invalid(format!("invalid size: '{text}'"));
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let number: f64 = text[..digits].parse().map_err(|_| bad())?;
        let unit = text[digits..].trim().to_ascii_lowercase();
        let power = match unit.trim_end_matches('b').trim_end_matches('i') {
            "" if unit != "ib" && unit != "i" => 0,
            "k" => 1,
            "m" => 2,
            "g" => 3,
            "t" => 4,
            "p" => 5,
            _ => return Err(bad()),
        };
        Ok(Self((number * 1024f64.powi(power)) as u64))
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(bytes) => Ok(Self(bytes)),
            Written::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units() {
        for (text, bytes) in [("64MiB", 64 << 20), ("64m", 64 << 20), ("1.5k", 1536), ("7", 7)] {
            assert_eq!(text.parse::<Size>().unwrap(), Size(bytes), "{text}");
        }
        for text in ["", "x", "5x", "-1", "1.2.3m"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
