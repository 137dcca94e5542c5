//! The input line at the bottom: the filter of the list, the log or the tree.

use crate::app::App;
use crate::app::overlay::{Line, Place};
use crate::layout::Areas;
use crate::paint::put_at;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_input::Input;

/// Draws the line over the status line.
pub fn draw(app: &App, line: &Line, buffer: &mut Buffer) {
    let area = Areas::of(app).notice;
    let blank = " ".repeat(usize::from(area.width));
    put_at(buffer, area, (0, 0), &blank, ratatui::style::Style::reset());
    let x = put_at(buffer, area, (0, 0), "/", app.theme.style(Role::Accent));
    let x =
        typed(&line.input, Rect { x: area.x + x, width: area.width - x, ..area }, app, buffer) + x;
    let (words, role) = match &line.error {
        Some(error) => (error.as_str(), Role::Bad),
        None => (hint(line.place), Role::Dim),
    };
    put_at(buffer, area, (x + 2, 0), words, app.theme.style(role));
}

/// Draws what is typed with its cursor; returns the cell behind it.
pub fn typed(input: &Input, area: Rect, app: &App, buffer: &mut Buffer) -> u16 {
    let room = usize::from(area.width.saturating_sub(1));
    let skip = input.visual_scroll(room);
    let shown: String = input.value().chars().skip(skip).collect();
    let end = put_at(buffer, area, (0, 0), &shown, app.theme.style(Role::Plain));
    let cursor = u16::try_from(input.visual_cursor().saturating_sub(skip)).unwrap_or(0);
    if cursor < area.width {
        let cell = Rect { x: area.x + cursor, width: 1, height: 1, ..area };
        buffer.set_style(cell, app.theme.style(Role::Selected));
    }
    end.max(cursor + 1)
}

fn hint(place: Place) -> &'static str {
    match place {
        Place::Containers => "web  !x  state=running  mem%>80  name~^api  label=k:v",
        Place::Events => "web  !x  action=die  type=container  name~^api",
        Place::Logs => "words, or !words to hide them",
        Place::Inspect => "words in names and values",
    }
}
