//! A choice with one key each.

use crate::app::App;
use crate::app::menu::Menu;
use crate::paint::{popup, put_at};
use crate::text;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws the menu.
pub fn draw(app: &App, menu: &Menu, area: Rect, buffer: &mut Buffer) {
    let widest = menu.items.iter().map(|i| text::width(&i.label)).max().unwrap_or(0);
    let width = u16::try_from(widest.max(text::width(&menu.title)) + 10).unwrap_or(60).min(100);
    let height = u16::try_from(menu.items.len() + 2).unwrap_or(u16::MAX);
    let inner = popup(app.theme, area, (width, height), &format!(" {} ", menu.title), buffer);
    let rows = usize::from(inner.height).max(1);
    let skip = (menu.index + 1).saturating_sub(rows);
    for (row, (at, item)) in (0..inner.height).zip(menu.items.iter().enumerate().skip(skip)) {
        put_at(buffer, inner, (1, row), &item.key.to_string(), app.theme.style(Role::Accent));
        put_at(buffer, inner, (4, row), &item.label, app.theme.style(Role::Plain));
        if at == menu.index {
            let line = Rect { y: inner.y + row, height: 1, ..inner };
            buffer.set_style(line, app.theme.bar(Role::Selected));
        }
    }
}
