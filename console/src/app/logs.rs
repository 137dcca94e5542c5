//! The log of a container: followed or frozen, filtered before anything is cut off.

use crate::message::LogLine;
use crate::text;
use std::collections::VecDeque;

/// Lines kept.
const KEPT: usize = 5_000;
/// Bytes kept, whatever the number of lines.
const KEPT_BYTES: usize = 8 << 20;

/// From when on the log is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Since {
    /// The last lines.
    #[default]
    Tail,
    /// From its beginning.
    Head,
    /// Of the last minutes.
    Minutes(u32),
}

/// How lines are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Long lines go on below instead of being cut.
    pub wrap: bool,
    /// The time stands in front.
    pub timestamps: bool,
    /// New lines do not move what is shown.
    pub frozen: bool,
}

/// Which lines are shown: all that hold the words, or, with `!` in front, all that do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// As it was typed.
    pub text: String,
}

impl Words {
    /// True when the line is shown.
    pub fn keep(&self, line: &str) -> bool {
        let (wanted, needle) = match self.text.strip_prefix('!') {
            Some(rest) => (false, rest),
            None => (true, self.text.as_str()),
        };
        needle.is_empty() || line.to_lowercase().contains(&needle.to_lowercase()) == wanted
    }

    /// Where the words stand in a line: first cell and number of cells of each.
    pub fn hits(&self, line: &str) -> Vec<(u16, u16)> {
        let (needle, small) = (self.text.to_lowercase(), line.to_lowercase());
        // A few letters change their length with their case; positions would not fit then.
        if needle.is_empty() || needle.starts_with('!') || small.len() != line.len() {
            return Vec::new();
        }
        let cells = |text: &str| u16::try_from(text::width(text)).unwrap_or(u16::MAX);
        let hits = small.match_indices(&needle);
        hits.filter_map(|(at, found)| {
            Some((cells(line.get(..at)?), cells(line.get(at..at + found.len())?)))
        })
        .collect()
    }
}

/// The log and how it is being looked at.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    lines: VecDeque<LogLine>,
    bytes: usize,
    /// Lines that were pushed out.
    pub dropped: u64,
    /// The container has stopped: no more will come.
    pub ended: bool,
    /// How lines are shown.
    pub manner: Manner,
    /// From when on.
    pub since: Since,
    /// Which lines.
    pub words: Words,
    /// Lines between the last one and the last one shown.
    pub back: usize,
    /// Cells scrolled away to the left.
    pub left: usize,
}

impl Logs {
    /// The lines, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &LogLine> {
        self.lines.iter()
    }

    /// Forgets all lines, keeps how they are looked at.
    pub fn clear(&mut self) {
        self.lines.clear();
        (self.bytes, self.dropped, self.ended, self.back) = (0, 0, false, 0);
    }

    /// More lines.
    pub fn extend(&mut self, lines: Vec<LogLine>) {
        for line in lines {
            self.bytes += line.text.len();
            if self.manner.frozen && self.words.keep(&line.text) {
                self.back += 1;
            }
            self.lines.push_back(line);
            while self.lines.len() > KEPT || self.bytes > KEPT_BYTES {
                let Some(gone) = self.lines.pop_front() else { break };
                self.bytes -= gone.text.len();
                self.dropped += 1;
            }
        }
        self.back = self.back.min(self.lines.len());
    }

    /// Scrolls towards the past by `lines` (or back with less than nothing).
    pub fn scroll(&mut self, lines: isize) {
        let most = self.lines.iter().filter(|l| self.words.keep(&l.text)).count();
        self.back = self.back.saturating_add_signed(lines).min(most.saturating_sub(1));
        self.manner.frozen = self.back > 0;
    }

    /// Number of lines held.
    pub fn len(&self) -> usize {
        self.lines.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Source;

    fn line(text: &str) -> LogLine {
        LogLine { time: 0, text: text.into(), source: Source::Output }
    }

    #[test]
    fn a_frozen_log_stands_still() {
        let mut logs = Logs::default();
        logs.extend((0..10).map(|n| line(&n.to_string())).collect());
        logs.scroll(3);
        assert!(logs.manner.frozen);
        logs.extend(vec![line("new")]);
        assert_eq!(logs.back, 4);
        logs.scroll(-100);
        assert!(!logs.manner.frozen);
    }

    #[test]
    fn what_is_dropped_is_counted() {
        let mut logs = Logs::default();
        logs.extend((0..KEPT + 3).map(|_| line("x")).collect());
        assert_eq!((logs.len(), logs.dropped), (KEPT, 3));
        assert!(Words { text: "!x".into() }.keep("y") && !Words { text: "!X".into() }.keep("x"));
        assert_eq!(Words { text: "Or".into() }.hits("日 orforge"), [(3, 2), (6, 2)]);
    }
}
