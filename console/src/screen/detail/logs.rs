//! The log of the container: followed or frozen, filtered before anything is cut off.

use crate::app::{App, SECOND};
use crate::message::{LogLine, Source};
use crate::screen::put_at;
use crate::text;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use std::borrow::Cow;
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
    fn hits(&self, line: &str) -> Vec<(u16, u16)> {
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
    if area.height == 0 || area.width < 3 {
        return;
    }
    let body = Rect { height: area.height - 1, ..area };
    let mut row = body.height;
    let shown = logs.lines.iter().rev().filter(|l| logs.words.keep(&l.text)).skip(logs.back);
    'lines: for line in shown {
        for piece in pieces(app, line, usize::from(area.width - 1)).into_iter().rev() {
            let Some(above) = row.checked_sub(1) else { break 'lines };
            row = above;
            piece.draw(app, line.source, Rect { y: body.y + row, height: 1, ..body }, buffer);
        }
    }
    if row == body.height {
        put_at(buffer, area, (1, 0), nothing(app), app.theme.style(Role::Dim));
    }
    let status = Rect { y: area.bottom() - 1, height: 1, ..area };
    let role = if logs.manner.frozen { Role::Warn } else { Role::Dim };
    put_at(buffer, status, (1, 0), &summary(logs), app.theme.style(role));
}

/// One line of the screen: the time, or blanks below it, and text.
struct Piece<'a> {
    time: String,
    text: Cow<'a, str>,
}

fn pieces<'a>(app: &App, line: &'a LogLine, width: usize) -> Vec<Piece<'a>> {
    let manner = &app.detail.logs.manner;
    let time = match manner.timestamps && line.time != 0 {
        true if app.now - line.time > 20 * 3600 * SECOND => text::date(line.time, app.offset),
        true => text::clock_millis(line.time, app.offset),
        false => String::new(),
    };
    let time = if time.is_empty() { time } else { format!("{time} ") };
    let room = width.saturating_sub(time.len()).max(1);
    if !manner.wrap {
        let whole = skip(&line.text, app.detail.logs.left);
        return vec![Piece { time, text: text::cut(whole, room, app.theme.glyphs().ellipsis) }];
    }
    let blank = " ".repeat(time.len());
    let mut times = std::iter::once(time).chain(std::iter::repeat(blank));
    let texts = text::wrap(&line.text, room).into_iter();
    texts.map(|text| Piece { time: times.next().unwrap_or_default(), text: text.into() }).collect()
}

impl Piece<'_> {
    /// A mark for standard error, the time, the text with what was searched for underlined.
    fn draw(&self, app: &App, source: Source, line: Rect, buffer: &mut Buffer) {
        let style = |role| app.theme.style(role);
        if source == Source::Error {
            put_at(buffer, line, (0, 0), app.theme.glyphs().gutter, style(Role::Warn));
        }
        let x = put_at(buffer, line, (1, 0), &self.time, style(Role::Dim));
        put_at(buffer, line, (x, 0), &self.text, style(Role::Plain));
        for (at, cells) in app.detail.logs.words.hits(&self.text) {
            let left = (line.x + x).saturating_add(at).min(line.right());
            let width = cells.min(line.right() - left);
            let hit = style(Role::Accent).add_modifier(Modifier::UNDERLINED);
            buffer.set_style(Rect { x: left, width, ..line }, hit);
        }
    }
}

/// Why no line is shown.
fn nothing(app: &App) -> &'static str {
    let logs = &app.detail.logs;
    match (logs.lines.is_empty(), logs.ended, app.detail.load.is_some()) {
        (false, ..) => "no line passes the filter; esc clears it",
        (_, true, _) => "it wrote nothing",
        (_, _, true) => "nothing yet: what it writes appears here",
        _ => "loading",
    }
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
        (false, true) => ", frozen (f follows)",
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
        assert_eq!(skip("日本", 2), "本");
        assert_eq!(Words { text: "Or".into() }.hits("日 orforge"), [(3, 2), (6, 2)]);
    }
}
