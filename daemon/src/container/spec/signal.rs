//! Signals by name or number, as `docker kill -s` and `--stop-signal` take them. Pure.

use shared::error::{Error, Result};

const NAMES: [(&str, i32); 34] = [
    ("ABRT", 6),
    ("ALRM", 14),
    ("BUS", 7),
    ("CHLD", 17),
    ("CLD", 17),
    ("CONT", 18),
    ("FPE", 8),
    ("HUP", 1),
    ("ILL", 4),
    ("INT", 2),
    ("IO", 29),
    ("IOT", 6),
    ("KILL", 9),
    ("PIPE", 13),
    ("POLL", 29),
    ("PROF", 27),
    ("PWR", 30),
    ("QUIT", 3),
    ("SEGV", 11),
    ("STKFLT", 16),
    ("STOP", 19),
    ("SYS", 31),
    ("TERM", 15),
    ("TRAP", 5),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("USR1", 10),
    ("USR2", 12),
    ("VTALRM", 26),
    ("WINCH", 28),
    ("XCPU", 24),
    ("XFSZ", 25),
];

/// First and last real-time signal that programs may use (signal(7); glibc keeps 32 and 33).
const REAL_TIME: (i32, i32) = (34, 64);

/// The number of a signal: `9`, `KILL`, `SIGKILL`, `RTMIN+3`, in any case.
///
/// # Errors
/// `Invalid` "Invalid signal: x".
pub fn parse(text: &str) -> Result<i32> {
    let bad = || Error::invalid(format!("Invalid signal: {text}"));
    if let Ok(number) = text.parse::<i32>() {
        return if (1..=REAL_TIME.1).contains(&number) { Ok(number) } else { Err(bad()) };
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some((_, number)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Ok(*number);
    }
    let offset = |rest: &str| match rest {
        "" => Some(0),
        rest => rest.get(1..).and_then(|n| n.parse::<i32>().ok()).filter(|n| *n >= 0),
    };
    let real_time = match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(rest), _) if rest.is_empty() || rest.starts_with('+') => {
            offset(rest).map(|n| REAL_TIME.0 + n)
        }
        (_, Some(rest)) if rest.is_empty() || rest.starts_with('-') => {
            offset(rest).map(|n| REAL_TIME.1 - n)
        }
        _ => None,
    };
    real_time.filter(|n| (REAL_TIME.0..=REAL_TIME.1).contains(n)).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let rows = [
            ("9", 9),
            ("KILL", 9),
            ("sigterm", 15),
            ("RTMIN", 34),
            ("SIGRTMIN+3", 37),
            ("RTMAX-1", 63),
        ];
        for (text, want) in rows {
            assert_eq!(parse(text).unwrap(), want, "{text}");
        }
        for bad in ["FOO", "0", "65", "-1", "", "RTMIN+99", "RTMIN-1", "SIG"] {
            assert_eq!(parse(bad).unwrap_err().message(), format!("Invalid signal: {bad}"));
        }
    }
}
