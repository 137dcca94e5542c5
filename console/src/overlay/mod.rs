//! Draws what stands over a view: help, confirmation, input line, palette, menu, text.

mod confirm;
mod help;
mod input;
mod menu;
mod palette;

use crate::app::App;
use crate::app::overlay::Overlay;
use crate::paint::{popup, put_at};
use crate::text;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

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
                let inner = popup(app.theme, area, (100, height), &format!(" {title} "), buffer);
                for (row, line) in (0..inner.height).zip(wrapped.iter().skip(*offset)) {
                    put_at(buffer, inner, (1, row), line, app.theme.style(Role::Plain));
                }
            }
        }
    }
}
