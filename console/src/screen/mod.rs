//! What is on the screen. Drawing reads the state and nothing else: no clock, no terminal, no network.

pub mod chrome;
pub mod containers;
pub mod detail;
pub mod events;
pub mod layout;

use crate::app::{App, View};
use crate::overlay;
use crate::theme::Role;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Smallest terminal on which anything useful fits.
pub const MIN: (u16, u16) = (40, 8);

/// Draws everything.
pub fn draw(app: &App, frame: &mut Frame) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if (area.width, area.height) != app.size {
        // The state is for a terminal of another size; the next frame is for this one.
        return;
    }
    if area.width < MIN.0 || area.height < MIN.1 {
        put(buffer, area, 0, &format!("at least {}x{}", MIN.0, MIN.1), app.theme.style(Role::Warn));
        return;
    }
    let areas = app.areas();
    chrome::draw(app, &areas, buffer);
    match app.view {
        View::Containers => {
            containers::draw(app, &areas, buffer);
            if let Some(strip) = areas.strip {
                events::draw_strip(app, strip, buffer);
            }
            if let Some(pane) = areas.detail {
                detail::draw(app, pane, buffer);
            }
        }
        View::Events => events::draw(app, &areas, buffer),
    }
    overlay::draw(app, area, buffer);
}

/// Writes one line of text at line `row` of `area`, cut at its right edge; returns the cell behind it.
pub fn put(buffer: &mut Buffer, area: Rect, row: u16, text: &str, style: Style) -> u16 {
    put_at(buffer, area, (0, row), text, style)
}

/// The same, beginning at a cell of `area`.
pub fn put_at(buffer: &mut Buffer, area: Rect, at: (u16, u16), text: &str, style: Style) -> u16 {
    let (x, y) = (area.x + at.0.min(area.width), area.y + at.1);
    if at.1 >= area.height || x >= area.right() {
        return at.0;
    }
    let (end, _) = buffer.set_stringn(x, y, text, usize::from(area.right() - x), style);
    end - area.x
}

/// Writes pieces of text one after the other; returns the cell behind the last.
pub fn put_parts(
    buffer: &mut Buffer,
    area: Rect,
    at: (u16, u16),
    parts: &[(String, Style)],
) -> u16 {
    let mut x = at.0;
    for (text, style) in parts {
        x = put_at(buffer, area, (x, at.1), text, *style);
    }
    x
}
