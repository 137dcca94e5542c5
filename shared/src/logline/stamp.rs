//! Times in logs: RFC 3339 in UTC with up to nine digits after the second, trailing zeros left out, as
//! Go's `RFC3339Nano`. Both directions by hand: a general parser costs more than the rest of a line.

use std::fmt::Write;

const SECOND: i64 = 1_000_000_000;

/// Makes the text of a time, and keeps it for the next line of the same moment.
#[derive(Debug, Default)]
pub struct Stamp {
    at: i64,
    text: String,
}

impl Stamp {
    /// The text of `at`, nanoseconds since 1970.
    pub fn text(&mut self, at: i64) -> &str {
        if self.at != at || self.text.is_empty() {
            let (seconds, mut rest) = (at.div_euclid(SECOND), at.rem_euclid(SECOND));
            if self.text.is_empty() || self.at.div_euclid(SECOND) != seconds {
                self.text.clear();
                whole(seconds, &mut self.text);
            } else {
                let end = self.text.find(['.', 'Z']).unwrap_or(self.text.len());
                self.text.truncate(end);
            }
            if rest != 0 {
                let mut digits = 9;
                while rest % 10 == 0 {
                    (rest, digits) = (rest / 10, digits - 1);
                }
                // Writing to a String cannot fail.
                let _ = write!(self.text, ".{rest:0digits$}");
            }
            self.text.push('Z');
            self.at = at;
        }
        &self.text
    }
}

/// Year to second.
fn whole(seconds: i64, out: &mut String) {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
}

/// The Gregorian date of a day counted from 1970-01-01: 400 years are 146,097 days; a year is counted
/// from March, so that the leap day is its last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468; // days from 0000-03-01
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let of_era_year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * of_era_year + of_era_year / 4 - of_era_year / 100);
    let march = (5 * of_year + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = of_era_year + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * march + 2) / 5 + 1)
}

/// The day of a Gregorian date, counted from 1970-01-01.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Nanoseconds since 1970 of a time in RFC 3339, any offset. `None`: it is not one.
pub fn nanoseconds(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to)?;
        digits
            .iter()
            .try_fold(0i64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
    };
    let punctuation = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if !punctuation.iter().all(|(at, byte)| bytes.get(*at) == Some(byte)) {
        return None;
    }
    if !matches!(bytes.get(10), Some(b'T' | b't' | b' ')) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let (mut fraction, mut at) = (0, 19);
    if bytes.get(at) == Some(&b'.') {
        let mut scale = SECOND;
        at += 1;
        while let Some(digit) = bytes.get(at).filter(|b| b.is_ascii_digit()) {
            scale /= 10;
            fraction += i64::from(digit - b'0') * scale;
            at += 1;
        }
    }
    let offset = match (bytes.get(at)?, bytes.len() - at) {
        (b'Z' | b'z', 1) => 0,
        (sign @ (b'+' | b'-'), 6) if bytes[at + 3] == b':' => {
            let seconds = number(at + 1, at + 3)? * 3600 + number(at + 4, at + 6)? * 60;
            if *sign == b'+' { seconds } else { -seconds }
        }
        _ => return None,
    };
    let seconds =
        day_number(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    seconds.checked_mul(SECOND)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    #[test]
    fn agrees_with_the_time_crate_over_the_centuries() {
        let mut stamp = Stamp::default();
        let mut at = -2_000_000_000_000_000_000i64;
        while at < 9_000_000_000_000_000_000 {
            let known = OffsetDateTime::from_unix_timestamp_nanos(at.into()).unwrap();
            assert_eq!(stamp.text(at), known.format(&Rfc3339).unwrap());
            assert_eq!(nanoseconds(stamp.text(at)), Some(at));
            at += 99_999_999_987_654_321 / 7;
        }
    }

    #[test]
    fn zeros_are_trimmed_and_offsets_understood() {
        let mut stamp = Stamp::default();
        assert_eq!(stamp.text(1_700_000_000_120_000_000), "2023-11-14T22:13:20.12Z");
        assert_eq!(stamp.text(1_700_000_000_000_000_007), "2023-11-14T22:13:20.000000007Z");
        assert_eq!(stamp.text(1_700_000_000_000_000_000), "2023-11-14T22:13:20Z");
        let same = nanoseconds("2023-11-15T00:13:20.5+02:00");
        assert_eq!(same, Some(1_700_000_000_500_000_000));
        for bad in
            ["", "2023", "2023-13-01T00:00:00Z", "2023-11-14T22:13:20", "2023-11-14T22:13:20Zx"]
        {
            assert_eq!(nanoseconds(bad), None, "{bad}");
        }
    }
}
