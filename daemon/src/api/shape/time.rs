//! Moments and durations in Docker's forms.

use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;
use shared::error::{Error, Result};

/// What Docker shows for a moment that never came.
pub const NEVER: &str = "0001-01-01T00:00:00Z";

/// Nanoseconds since 1970 as RFC 3339; 0 is [`NEVER`].
pub fn moment(nanos: i64) -> String {
    if nanos == 0 {
        return NEVER.to_owned();
    }
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanos));
    // Every i64 of nanoseconds is within the years that the format knows.
    moment.ok().and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_else(|| NEVER.to_owned())
}

/// How long ago, in the words of Docker's lists.
pub fn human(nanos: i64) -> String {
    let seconds = nanos.max(0) / 1_000_000_000;
    let minutes = seconds / 60;
    // Hours are rounded, as Docker does.
    let hours = (seconds + 1800) / 3600;
    match () {
        () if seconds < 1 => "Less than a second".to_owned(),
        () if seconds == 1 => "1 second".to_owned(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".to_owned(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".to_owned(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        () if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", seconds / 3600 / 24 / 365),
    }
}

/// A moment that a client gives: seconds since 1970 with a fraction, RFC 3339, a local date and time
/// (taken as UTC), or a Go duration before `now_nanos`.
pub fn parse(text: &str, now_nanos: i64) -> Result<i64> {
    let bad = || Error::invalid(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"));
    if let Some(nanos) = seconds(text) {
        return Ok(nanos);
    }
    if let Some(ago) = duration(text) {
        return Ok(now_nanos.saturating_sub(ago));
    }
    let full = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => text.to_owned(),
    };
    let moment = OffsetDateTime::parse(&full, &Rfc3339).map_err(|_| bad())?;
    i64::try_from(moment.unix_timestamp_nanos()).map_err(|_| bad())
}

fn seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().ok()?;
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<9}").parse().ok()?;
    whole.checked_mul(1_000_000_000)?.checked_add(fraction)
}

/// Go's durations: `1h30m`, `1.5s`, `10ms`.
pub fn duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        total += number * unit;
        rest = &rest[end..];
    }
    Some(total as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_in_words() {
        for (seconds, words) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (179, "2 minutes"),
            (3600, "About an hour"),
            (47 * 3600, "47 hours"),
            (3 * 86_400, "3 days"),
            (21 * 86_400, "3 weeks"),
            (90 * 86_400, "3 months"),
            (800 * 86_400, "2 years"),
        ] {
            assert_eq!(human(seconds * 1_000_000_000), words);
        }
    }

    #[test]
    fn moments_both_ways() {
        assert_eq!(moment(0), NEVER);
        assert_eq!(moment(1_500_000_000_123_000_000), "2017-07-14T02:40:00.123Z");
        let now = 1_500_000_000_000_000_000;
        for (text, nanos) in [
            ("1500000000.5", 1_500_000_000_500_000_000),
            ("2017-07-14T02:40:00Z", now),
            ("2017-07-14T02:40:00", now),
            ("2017-07-14T04:40:00+02:00", now),
            ("10m", now - 600_000_000_000),
            ("1h0m1.5s", now - 3_601_500_000_000),
        ] {
            assert_eq!(parse(text, now).unwrap(), nanos, "{text}");
        }
        assert!(parse("x", now).is_err());
    }
}
