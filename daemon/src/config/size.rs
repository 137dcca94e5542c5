//! A number of bytes, written as a number or as text such as `64MiB`, `64m`, `1.5g`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use shared::error::{Error, Result};
use shared::size;
use std::str::FromStr;

/// Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = Error;

    /// Units count in 1024s, as Docker's `RAMInBytes` does.
    fn from_str(text: &str) -> Result<Self> {
        size::bytes(text).map(Self)
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
