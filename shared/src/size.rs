//! Sizes as people write them: `64MiB`, `64m`, `1.5g`, `512kB`.

use crate::error::{Error, Result};

/// Bytes; units count in 1024s, as Docker's `RAMInBytes` does. `Invalid` for anything else, in Docker's words.
pub fn bytes(text: &str) -> Result<u64> {
    let bad = || Error::invalid(format!("invalid size: '{text}'"));
    let lower = text.trim().to_ascii_lowercase();
    let split = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
    let (number, unit) = lower.split_at(split);
    let power = match unit.trim() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return Err(bad()),
    };
    let number: f64 = number.parse().map_err(|_| bad())?;
    Ok((number * 1024f64.powi(power)) as u64)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn reads_units() {
        for (text, want) in [
            ("7", 7),
            ("7b", 7),
            ("1.5k", 1536),
            ("64m", 64 << 20),
            ("64MiB", 64 << 20),
            ("2 GB", 2 << 30),
        ] {
            assert_eq!(bytes(text).unwrap(), want, "{text}");
        }
        for text in ["", "x", "5x", "-1", "1.2.3m", "ib", "5ib", "5i", "nan", "inf"] {
            assert_eq!(bytes(text).unwrap_err().to_string(), format!("invalid size: '{text}'"));
        }
    }
}
