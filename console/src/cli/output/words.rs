//! Figures and times in Docker's words.

use serde_json::Value;

/// A JSON value as a cell: text without quotes, nothing for null.
pub fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The first twelve digits of an id, without `sha256:`.
pub fn short(id: &str) -> String {
    let bare = id.strip_prefix("sha256:").unwrap_or(id);
    bare.get(..12).unwrap_or(bare).to_string()
}

/// Bytes with powers of 1000 and three or four digits, as Docker shows sizes: `1.24MB`, `77.8MB`, `0B`.
pub fn size(bytes: f64) -> String {
    scaled(bytes, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB"], 3)
}

/// The same with four digits.
pub fn size_of_four(bytes: f64) -> String {
    scaled(bytes, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB"], 4)
}

/// Bytes with powers of 1024, as Docker shows memory: `1.5MiB`.
pub fn binary_size(bytes: f64) -> String {
    scaled(bytes, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"], 4)
}

/// `value` with `digits` significant digits, without zeros at the end: C's `%.*g`.
fn scaled(value: f64, base: f64, units: &[&str], digits: i32) -> String {
    let (mut value, mut unit) = (value, 0);
    while value >= base && unit + 1 < units.len() {
        value /= base;
        unit += 1;
    }
    let whole = if value < 1.0 { 1 } else { value.log10().floor() as i32 + 1 };
    let places = usize::try_from(digits - whole).unwrap_or(0);
    let mut text = format!("{value:.places$}");
    if text.contains('.') {
        text = text.trim_end_matches('0').trim_end_matches('.').to_string();
    }
    format!("{text}{}", units[unit])
}

/// A length of time in Docker's words: `About a minute`, `3 hours`.
pub fn duration(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, (seconds as f64 / 3600.0).round() as i64);
    match seconds {
        i64::MIN..1 => "Less than a second".into(),
        1 => "1 second".into(),
        2..60 => format!("{seconds} seconds"),
        _ if minutes == 1 => "About a minute".into(),
        _ if minutes < 60 => format!("{minutes} minutes"),
        _ if hours == 1 => "About an hour".into(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        _ if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        _ if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", hours / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_sizes_and_times() {
        let sizes: Vec<_> = [0.0, 999.0, 1_240_000.0, 77_800_000.0, 1.2e9].map(size).into();
        assert_eq!(sizes, ["0B", "999B", "1.24MB", "77.8MB", "1.2GB"]);
        assert_eq!(binary_size(1_572_864.0), "1.5MiB");
        assert_eq!(binary_size(1000.0), "1000B");
        let said: Vec<_> =
            [0, 1, 59, 60, 3_599, 3_600, 7_300, 200_000, 86_400 * 20].map(duration).into();
        assert_eq!(
            said,
            [
                "Less than a second",
                "1 second",
                "59 seconds",
                "About a minute",
                "59 minutes",
                "About an hour",
                "2 hours",
                "2 days",
                "2 weeks"
            ]
        );
        assert_eq!(short("sha256:0123456789abcdef"), "0123456789ab");
    }
}
