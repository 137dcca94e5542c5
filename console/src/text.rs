//! Text for a terminal: cleaning, measuring, cutting, and units in words.
//!
//! Everything that came from a daemon passes [`clean`] before it may reach a screen: names, labels
//! and log lines are written by others and may hold control sequences. Pure; knows no widget.

use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Longest log line that is kept, in bytes; the rest is counted, not shown.
pub const LINE_BYTES: usize = 64 * 1024;

/// True for characters that a terminal obeys instead of showing, and for the invisible ones that
/// reorder or hide text (bidirectional controls, zero-width, byte order mark).
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` without control sequences, control characters and invisible reordering; a tab becomes
/// blanks up to the next multiple of eight.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\t' => {
                let column = width(&out);
                out.extend(std::iter::repeat_n(' ', 8 - column % 8));
            }
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_control(&mut rest),
            '\u{90}' | '\u{9d}' | '\u{9e}' | '\u{9f}' | '\u{98}' => skip_string(&mut rest),
            c if is_hostile(c) => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Skips what follows an ESC (ECMA-48): a CSI, an OSC-like string, or one more character.
fn skip_escape(rest: &mut Rest) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_control(rest);
        }
        Some(']' | 'P' | '^' | '_' | 'X') => {
            rest.next();
            skip_string(rest);
        }
        Some(' '..='/') => {
            rest.next();
            rest.next();
        }
        Some(_) => {
            rest.next();
        }
        None => {}
    }
}

/// Skips parameters and the final byte of a CSI.
fn skip_control(rest: &mut Rest) {
    while let Some(c) = rest.peek() {
        if !matches!(c, ' '..='?') {
            break;
        }
        rest.next();
    }
    if matches!(rest.peek(), Some('@'..='~')) {
        rest.next();
    }
}

/// Skips to the end of a string command: BEL, ST, or the end of the text.
fn skip_string(rest: &mut Rest) {
    while let Some(c) = rest.next() {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' if rest.peek() == Some(&'\\') => {
                rest.next();
                return;
            }
            _ => {}
        }
    }
}

/// Cells that `text` takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { UnicodeWidthStr::width(text) }
}

/// Cells that a character takes.
pub fn char_width(c: char) -> usize {
    UnicodeWidthChar::width(c).unwrap_or(0)
}

/// `text` cut to at most `cells` cells, the last of them `…` (or `~`) when something is missing.
pub fn cut<'a>(text: &'a str, cells: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let room = cells.saturating_sub(width(ellipsis));
    let mut out = String::new();
    let mut used = 0;
    for cluster in text.graphemes(true) {
        let w = width(cluster);
        if used + w > room {
            break;
        }
        out.push_str(cluster);
        used += w;
    }
    if cells >= width(ellipsis) {
        out.push_str(ellipsis);
    }
    Cow::Owned(out)
}

/// Splits `text` into pieces of at most `cells` cells.
pub fn wrap(text: &str, cells: usize) -> Vec<&str> {
    if cells == 0 || width(text) <= cells {
        return vec![text];
    }
    let (mut out, mut start, mut used) = (Vec::new(), 0, 0);
    for (at, cluster) in text.grapheme_indices(true) {
        let w = width(cluster);
        if used + w > cells && at > start {
            out.push(&text[start..at]);
            (start, used) = (at, 0);
        }
        used += w;
    }
    out.push(&text[start..]);
    out
}

/// Splits prose into lines of at most `cells` cells, at blanks where there are some.
pub fn fold(text: &str, cells: usize) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while cells > 0 && width(rest) > cells {
        let hard = wrap(rest, cells)[0].len();
        // A blank right behind the line fits too: it is left out.
        let end = hard + rest[hard..].chars().next().map_or(0, char::len_utf8);
        let (line, next) = match rest[..end].rfind(' ').filter(|at| *at > 0) {
            Some(at) => (&rest[..at], at + 1),
            None => (&rest[..hard], hard),
        };
        out.push(line);
        rest = &rest[next..];
    }
    out.push(rest);
    out
}

/// Bytes in at most five cells, powers of 1024: `412M`, `1.6G`, `0`.
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 6] = ["B", "K", "M", "G", "T", "P"];
    if value == 0 {
        return "0".into();
    }
    let (mut scaled, mut unit) = (value as f64, 0);
    while scaled >= 999.5 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    let unit_name = UNITS[unit];
    if unit > 0 && scaled < 9.95 {
        format!("{scaled:.1}{unit_name}")
    } else {
        format!("{scaled:.0}{unit_name}")
    }
}

/// A length of time in at most four cells: `9s`, `41m`, `2h`, `41d`, `3y`.
pub fn age(nanos: i64) -> String {
    let seconds = nanos.max(0) / 1_000_000_000;
    match seconds {
        0..=99 => format!("{seconds}s"),
        100..=5_999 => format!("{}m", seconds / 60),
        6_000..=172_799 => format!("{}h", seconds / 3_600),
        172_800..=63_071_999 => format!("{}d", seconds / 86_400),
        _ => format!("{}y", seconds / 31_536_000),
    }
}

/// A CPU percentage in at most five cells.
pub fn percent(value: f64) -> String {
    if value >= 999.5 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// Time of day `hh:mm:ss` of `nanos` since 1970, `offset` seconds east of UTC.
pub fn clock(nanos: i64, offset: i32) -> String {
    let day = (nanos.div_euclid(1_000_000_000) + i64::from(offset)).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", day / 3_600, day / 60 % 60, day % 60)
}

/// The same with thousandths of a second.
pub fn clock_millis(nanos: i64, offset: i32) -> String {
    format!("{}.{:03}", clock(nanos, offset), nanos.rem_euclid(1_000_000_000) / 1_000_000)
}

/// Day and time of day `mm-dd hh:mm` of `nanos` since 1970, `offset` seconds east of UTC.
pub fn date(nanos: i64, offset: i32) -> String {
    let local = i128::from(nanos) + i128::from(offset) * 1_000_000_000;
    let format = time::macros::format_description!("[month]-[day] [hour]:[minute]");
    time::OffsetDateTime::from_unix_timestamp_nanos(local)
        .ok()
        .and_then(|t| t.format(&format).ok())
        .unwrap_or_default()
}

/// RFC 3339 in UTC with nine digits of a second, as Docker prints times; empty for 0.
pub fn rfc3339(nanos: i64) -> String {
    if nanos == 0 {
        return String::new();
    }
    let format = time::macros::format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:9]Z"
    );
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanos))
        .ok()
        .and_then(|t| t.format(&format).ok())
        .unwrap_or_default()
}

/// What the system says of an error as Docker shows it: `no such file or directory`, without the number
/// that Rust puts behind.
pub fn without_numbers(text: &str) -> String {
    let Some((said, rest)) = text.split_once(" (os error ") else { return text.to_string() };
    let begin = said.rfind(": ").map_or(0, |colon| colon + 2);
    let (before, sentence) = said.split_at(begin);
    let mut letters = sentence.chars();
    let first = letters.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
    let rest = rest.split_once(')').map_or("", |(_, rest)| rest);
    format!("{before}{first}{}{}", letters.as_str(), without_numbers(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn errors_have_no_numbers() {
        assert_eq!(
            without_numbers("open x: No such file or directory (os error 2); is it there?"),
            "open x: no such file or directory; is it there?"
        );
    }

    #[test]
    fn control_sequences_vanish() {
        assert_eq!(clean("plain"), "plain");
        assert_eq!(clean("a\u{1b}[31mred\u{1b}[0mb"), "aredb");
        assert_eq!(clean("\u{1b}]0;title\u{7}x\u{1b}]52;c;aGk=\u{1b}\\y"), "xy");
        assert_eq!(clean("\u{9b}2Jz\u{202e}evil\r\n"), "zevil");
        assert_eq!(clean("a\tb"), "a       b");
        assert_eq!(clean("\u{1b}"), "");
    }

    #[test]
    fn cutting_counts_cells() {
        assert_eq!(cut("日本語-batch", 6, "…"), "日本…");
        assert_eq!(cut("web", 3, "…"), "web");
        assert_eq!(cut("webs", 3, "…"), "we…");
        assert_eq!(cut("web", 0, "…"), "");
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(fold("one two three", 7), ["one two", "three"]);
        assert_eq!(fold("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
    }

    #[test]
    fn units_are_short() {
        for (value, said) in [(0, "0"), (900, "900B"), (1 << 20, "1.0M"), (412 << 20, "412M")] {
            assert_eq!(bytes(value), said);
        }
        assert_eq!(bytes(u64::MAX), "16384P");
        let s = 1_000_000_000;
        let said: Vec<_> = [9, 99, 100, 7200, 86_400 * 41].map(|n| age(n * s)).into();
        assert_eq!(said, ["9s", "99s", "1m", "2h", "41d"]);
        assert_eq!(clock(3_661 * s, 3600), "02:01:01");
        assert_eq!(clock_millis(3_661 * s + 42_000_000, 0), "01:01:01.042");
        assert_eq!(date(86_400 * s, 3600), "01-02 01:00");
        assert_eq!(rfc3339(1), "1970-01-01T00:00:00.000000001Z");
    }

    proptest! {
        #[test]
        fn nothing_hostile_survives(text in "\\PC*|[\\x00-\\x9f\\[\\]0-9;a-z]{0,64}") {
            prop_assert!(!clean(&text).chars().any(is_hostile));
        }

        #[test]
        fn a_cut_text_fits(text in "\\PC{0,40}", cells in 0usize..20) {
            prop_assert!(width(&cut(&text, cells, "…")) <= cells);
            prop_assert!(cells < 8 || fold(&text, cells).iter().all(|line| width(line) <= cells));
        }
    }
}
