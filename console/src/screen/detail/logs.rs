//! Draws the log of the container, the newest line at the bottom.

use crate::app::logs::{Logs, Since};
use crate::app::{App, SECOND};
use crate::message::{LogLine, Source};
use crate::paint::put_at;
use crate::text;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use std::borrow::Cow;

/// Draws the tab: the newest line at the bottom.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let logs = &app.detail.logs;
    if area.height == 0 || area.width < 3 {
        return;
    }
    let body = Rect { height: area.height - 1, ..area };
    let mut row = body.height;
    let shown = logs.lines().rev().filter(|l| logs.words.keep(&l.text)).skip(logs.back);
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
    match (logs.len() == 0, logs.ended, app.detail.load.is_some()) {
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

    #[test]
    fn cells_are_left_out_by_their_width() {
        assert_eq!((skip("日本", 2), skip("ab", 0), skip("ab", 5)), ("本", "ab", ""));
    }
}
