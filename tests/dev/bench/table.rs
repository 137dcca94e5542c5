//! Figures as a table that PERFORMANCE.md can hold.

use std::fmt::Write;

/// What a figure is measured in; it says which direction is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds: less is better.
    Milliseconds,
    /// Megabytes (10^6): less is better.
    Megabytes,
    /// Requests each second: more is better.
    PerSecond,
    /// Megabytes each second: more is better.
    MegabytesPerSecond,
}

/// One line: Coffer's figure first, docker's second when there is one.
pub struct Row {
    /// What was measured.
    pub what: &'static str,
    /// In what.
    pub unit: Unit,
    /// Medians.
    pub figures: Vec<f64>,
    /// How many times better than docker it has to be.
    pub bar: f64,
}

impl Unit {
    fn words(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Megabytes => "MB",
            Self::PerSecond => "/s",
            Self::MegabytesPerSecond => "MB/s",
        }
    }

    fn less_is_better(self) -> bool {
        matches!(self, Self::Milliseconds | Self::Megabytes)
    }
}

/// The middle of some samples; of none, not a number.
pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The whole table.
pub fn markdown(rows: &[Row]) -> String {
    let mut text =
        String::from("| what | coffer | docker | times better | bar |\n|---|---|---|---|---|\n");
    for row in rows {
        let unit = row.unit.words();
        let own = row.figures.first().copied().unwrap_or(f64::NAN);
        let (peer, ratio, verdict) = match row.figures.get(1) {
            None => ("-".to_owned(), "-".to_owned(), ""),
            Some(peer) => {
                let ratio = if row.unit.less_is_better() { peer / own } else { own / peer };
                let verdict = if ratio >= row.bar { "" } else { " (missed)" };
                (format!("{peer:.2} {unit}"), format!("{ratio:.1}"), verdict)
            }
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {own:.2} {unit} | {peer} | {ratio} | {}{verdict} |",
            row.what, row.bar
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_above_one_when_coffer_is_better() {
        let row = |unit, figures| Row { what: "x", unit, figures, bar: 2.0 };
        let text = markdown(&[
            row(Unit::Milliseconds, vec![1.0, 4.0]),
            row(Unit::PerSecond, vec![3.0, 2.0]),
        ]);
        assert!(text.contains("| 4.0 | 2 |") && text.contains("| 1.5 | 2 (missed) |"), "{text}");
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert!(median(vec![]).is_nan());
    }
}
