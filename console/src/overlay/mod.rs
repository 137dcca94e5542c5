//! What is drawn over a view: help, confirmation, input line, palette, menu, text. A stack: the
//! uppermost has the keys, and Esc removes it.

pub mod confirm;
mod help;
pub mod input;
pub mod menu;
pub mod palette;

use crate::app::App;
use crate::screen::put_at;
use crate::text;
use crate::theme::{Charset, Role, Theme};
use confirm::Confirm;
use input::Line;
use menu::Menu;
use palette::Palette;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A popup.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// The key table.
    Help {
        /// First line shown.
        offset: usize,
    },
    /// Are you sure?
    Confirm(Box<Confirm>),
    /// The filter line.
    Filter(Line),
    /// The command palette.
    Palette(Palette),
    /// A choice.
    Menu(Menu),
    /// Something to read.
    Text {
        /// Its title.
        title: String,
        /// Lines, cleaned.
        lines: Vec<String>,
        /// First line shown.
        offset: usize,
    },
}

/// Draws all of them, the uppermost last.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    for overlay in &app.overlays {
        match overlay {
            Overlay::Help { offset } => help::draw(app, *offset, area, buffer),
            Overlay::Confirm(confirm) => confirm::draw(app, confirm, area, buffer),
            Overlay::Filter(line) => input::draw(app, line, buffer),
            Overlay::Palette(palette) => palette::draw(app, palette, area, buffer),
            Overlay::Menu(menu) => menu::draw(app, menu, area, buffer),
            Overlay::Text { title, lines, offset } => {
                let wrapped: Vec<&str> = lines
                    .iter()
                    .flat_map(|l| text::wrap(l, usize::from(area.width.min(100)) - 6))
                    .collect();
                let height = u16::try_from(wrapped.len() + 2).unwrap_or(u16::MAX);
                let inner = popup(app, area, (100, height), &format!(" {title} "), buffer);
                for (row, line) in (0..inner.height).zip(wrapped.iter().skip(*offset)) {
                    put_at(buffer, inner, (1, row), line, app.theme.style(Role::Plain));
                }
            }
        }
    }
}

/// Clears room for a popup in the middle, frames it and returns its inside.
pub fn popup(app: &App, area: Rect, size: (u16, u16), title: &str, buffer: &mut Buffer) -> Rect {
    popup_in(app, area, size, title, app.theme.style(Role::Accent), buffer)
}

/// The same with a border of another meaning.
pub fn popup_in(
    app: &App,
    area: Rect,
    size: (u16, u16),
    title: &str,
    border: Style,
    buffer: &mut Buffer,
) -> Rect {
    let width = size.0.min(area.width);
    let height = size.1.min(area.height.saturating_sub(2)).max(3);
    let outer = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + area.height.saturating_sub(height) / 2,
        width,
        height,
    };
    let blank = " ".repeat(usize::from(width));
    for row in 0..height {
        put_at(buffer, outer, (0, row), &blank, Style::reset());
    }
    frame(buffer, outer, title, app.theme, border);
    Rect { x: outer.x + 1, y: outer.y + 1, width: width.saturating_sub(2), height: height - 2 }
}

/// Draws a border with a title in its upper edge.
pub fn frame(buffer: &mut Buffer, area: Rect, title: &str, theme: Theme, style: Style) {
    if area.width < 2 || area.height < 2 {
        return;
    }
    let [tl, tr, bl, br, h, v] = match theme.charset {
        Charset::Unicode => ["╭", "╮", "╰", "╯", "─", "│"],
        Charset::Ascii => ["+", "+", "+", "+", "-", "|"],
    };
    let inner = usize::from(area.width - 2);
    put_at(buffer, area, (0, 0), &format!("{tl}{}{tr}", h.repeat(inner)), style);
    put_at(buffer, area, (0, area.height - 1), &format!("{bl}{}{br}", h.repeat(inner)), style);
    for row in 1..area.height - 1 {
        put_at(buffer, area, (0, row), v, style);
        put_at(buffer, area, (area.width - 1, row), v, style);
    }
    let title = text::cut(title, inner.saturating_sub(2), theme.glyphs().ellipsis);
    put_at(buffer, area, (2, 0), &title, style);
}
