//! Sizes, durations and pairs as Docker's flags take them. Knows neither flags nor requests.

use serde_json::{Map, Value, json};
use shared::error::{Error, Result};

/// Bytes: a number with `b`, `k`, `m`, `g`, `t` (and `b` or `ib` behind), powers of 1024; `-1` stays.
pub fn bytes(text: &str) -> Result<i64> {
    if text == "-1" {
        return Ok(-1);
    }
    Ok(i64::try_from(shared::size::bytes(text)?).unwrap_or(i64::MAX))
}

/// A duration as Go writes it, `1h2m3.5s`, in nanoseconds.
pub fn duration(text: &str) -> Result<i64> {
    let bad = || Error::invalid(format!("time: invalid duration {text:?}"));
    let (mut rest, mut total) = (text, 0.0);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
        let number: f64 = rest[..end].parse().map_err(|_| bad())?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..end] {
                "ns" => 1.0,
                "us" | "µs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3_600e9,
                _ => return Err(bad()),
            };
        rest = &rest[end..];
    }
    Ok(total as i64)
}

/// `name=value` pairs as an object.
pub fn pairs(given: &[String]) -> Result<Map<String, Value>> {
    let pair = |p: &String| match p.split_once('=') {
        Some((name, value)) => Ok((name.to_string(), json!(value))),
        None => Err(Error::invalid(format!("invalid argument {p:?}: expected name=value"))),
    };
    given.iter().map(pair).collect()
}

/// A moment for the API: a duration means that long ago, a date or seconds stay as they are.
pub fn moment(text: &str, now: i64) -> Result<String> {
    match duration(text) {
        Ok(nanos) if text != "0" => {
            let at = now - nanos;
            Ok(format!("{}.{:09}", at / 1_000_000_000, at % 1_000_000_000))
        }
        _ if text.starts_with(|c: char| c.is_ascii_digit()) => Ok(text.to_string()),
        _ => {
            let said = format!("failed to parse value as time or duration: {text:?}");
            Err(Error::invalid(said))
        }
    }
}

/// A size that can be read, as it was given.
pub fn size(text: &str) -> Result<String> {
    bytes(text).map(|_| text.to_owned())
}

/// A duration that can be read, as it was given.
pub fn span(text: &str) -> Result<String> {
    duration(text).map(|_| text.to_owned())
}

/// A number of CPUs.
pub fn cpus(text: &str) -> Result<f64> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| Error::invalid(format!("failed to parse {text} as a rational number")))
}

/// A filter, as it was given.
pub fn filter(text: &str) -> Result<String> {
    match text.contains('=') {
        true => Ok(text.to_owned()),
        false => Err(Error::invalid("bad format of filter (expected name=value)")),
    }
}

/// The name of one of a process's streams, as it was given.
pub fn stream(text: &str) -> Result<String> {
    match text.to_lowercase().as_str() {
        "stdin" | "stdout" | "stderr" => Ok(text.to_owned()),
        _ => Err(Error::invalid("valid streams are STDIN, STDOUT and STDERR")),
    }
}

/// A mount, `name=value,..` or the name of a switch, as it was given.
pub fn mount(text: &str) -> Result<String> {
    let switch = |f: &str| matches!(f, "readonly" | "ro" | "volume-nocopy" | "bind-nonrecursive");
    match text.split(',').find(|field| !field.contains('=') && !switch(field)) {
        Some(field) => {
            Err(Error::invalid(format!("invalid field '{field}' must be a key=value pair")))
        }
        None => Ok(text.to_owned()),
    }
}

/// An address, as it was given.
pub fn address(text: &str) -> Result<String> {
    match text.trim().parse::<std::net::IpAddr>() {
        Ok(_) => Ok(text.trim().to_owned()),
        Err(_) => Err(Error::invalid(format!("IP address is not correctly formatted: {text}"))),
    }
}

/// A name and an address, `name:address` or `name=address`, as it was given.
pub fn host(text: &str) -> Result<String> {
    match text.split_once([':', '=']).filter(|(name, _)| !name.is_empty()) {
        Some(_) => Ok(text.to_owned()),
        None => Err(Error::invalid(format!("bad format for add-host: {text:?}"))),
    }
}

/// A limit of a resource, `name=soft[:hard]`: its name and both numbers, -1 for none.
pub fn ulimit(text: &str) -> Result<(String, i64, i64)> {
    let bad = || Error::invalid(format!("invalid ulimit argument: {text}"));
    let (name, values) = text.split_once('=').ok_or_else(bad)?;
    let (soft, hard) = values.split_once(':').unwrap_or((values, values));
    let number =
        |v: &str| if v == "unlimited" { Ok(-1) } else { v.parse::<i64>().map_err(|_| bad()) };
    Ok((name.to_owned(), number(soft)?, number(hard)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_units() {
        let sizes: Vec<_> =
            ["0", "64m", "1.5g", "10kb", "2GiB", "-1"].map(|t| bytes(t).unwrap()).into();
        assert_eq!(sizes, [0, 64 << 20, 3 << 29, 10 << 10, 2 << 30, -1]);
        for bad in ["", "m", "-5", "1x", "nan"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
        let spans: Vec<_> = ["0", "1.5s", "1h2m", "500ms"].map(|t| duration(t).unwrap()).into();
        assert_eq!(spans, [0, 1_500_000_000, 3_720_000_000_000, 500_000_000]);
        assert!(duration("5").is_err() && duration("5y").is_err());
        for (text, at) in [
            ("10s", "50.000000001"),
            ("1700000000", "1700000000"),
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(moment(text, 60_000_000_001).unwrap(), at);
        }
        assert!(moment("yesterday", 0).is_err());
    }
}
