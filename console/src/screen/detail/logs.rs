//! The log of the container: followed or frozen, filtered before anything is cut off.

use crate::app::App;
use crate::message::{LogLine, Source};
use crate::screen::put_at;
use crate::text;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
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

/// Draws the tab: the newest line at the bottom.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let logs = &app.detail.logs;
    let width = usize::from(area.width.saturating_sub(1));
    if area.height == 0 || width == 0 {
        return;
    }
    let body = Rect { height: area.height - 1, ..area };
    let mut row = body.height;
    let shown = logs.lines.iter().rev().filter(|l| logs.words.keep(&l.text)).skip(logs.back);
    'lines: for line in shown {
        let whole = match logs.manner.timestamps && !line.time.is_empty() {
            true => format!("{} {}", line.time, line.text),
            false => line.text.clone(),
        };
        let role = if line.source == Source::Error { Role::Warn } else { Role::Plain };
        let pieces = if logs.manner.wrap {
            text::wrap(&whole, width)
        } else {
            vec![skip(&whole, logs.left)]
        };
        for piece in pieces.into_iter().rev() {
            let Some(above) = row.checked_sub(1) else { break 'lines };
            row = above;
            let piece = text::cut(piece, width, app.theme.glyphs().ellipsis);
            put_at(buffer, body, (1, row), &piece, app.theme.style(role));
        }
    }
    let status = Rect { y: area.bottom() - 1, height: 1, ..area };
    put_at(buffer, status, (1, 0), &summary(logs), app.theme.style(Role::Dim));
}

/// The line without its first `cells` cells.
fn skip(line: &str, cells: usize) -> &str {
    let mut used = 0;
    for (at, c) in line.char_indices() {
        if used >= cells {
            return &line[at..];
        }
        used += text::char_width(c);
    }
    if cells == 0 { line } else { "" }
}

fn summary(logs: &Logs) -> String {
    let mut out = format!("{} {}", logs.len(), if logs.len() == 1 { "line" } else { "lines" });
    if logs.dropped > 0 {
        out.push_str(&format!(", {} older ones dropped here", logs.dropped));
    }
    out.push_str(match (logs.ended, logs.manner.frozen) {
        (true, _) => ", ended",
        (false, true) => ", frozen",
        (false, false) => ", following",
    });
    match logs.since {
        Since::Tail => {}
        Since::Head => out.push_str(", from the beginning"),
        Since::Minutes(n) => out.push_str(&format!(", last {n} min")),
    }
    if !logs.words.text.is_empty() {
        out.push_str(&format!(", filter {}", logs.words.text));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine { time: String::new(), text: text.into(), source: Source::Output }
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
        assert_eq!(skip("日本", 2), "本");
    }
}
