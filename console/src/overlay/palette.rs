//! Draws the command palette.

use super::input;
use crate::app::App;
use crate::app::palette::Palette;
use crate::paint::{popup, put_at};
use crate::text;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Lines shown at most.
const ROWS: u16 = 14;

/// Draws the palette.
pub fn draw(app: &App, palette: &Palette, area: Rect, buffer: &mut Buffer) {
    let inner = popup(app.theme, area, (72, ROWS + 3), " Commands ", buffer);
    let x = put_at(buffer, inner, (0, 0), ":", app.theme.style(Role::Accent));
    let line = Rect {
        x: inner.x + x,
        width: inner.width.saturating_sub(x),
        height: inner.height.min(1),
        ..inner
    };
    input::typed(&palette.input, line, app, buffer);
    let rows = usize::from(inner.height.saturating_sub(1)).max(1);
    let skip = (palette.index + 1).saturating_sub(rows);
    let found = palette.found.iter().enumerate().skip(skip);
    for (row, (at, entry)) in (1..inner.height).zip(found) {
        let entry = &palette.all[*entry];
        put_at(buffer, inner, (1, row), &entry.label, app.theme.style(Role::Plain));
        let hint = u16::try_from(text::width(&entry.hint)).unwrap_or(0) + 1;
        put_at(
            buffer,
            inner,
            (inner.width.saturating_sub(hint), row),
            &entry.hint,
            app.theme.style(Role::Dim),
        );
        if at == palette.index {
            let line = Rect { y: inner.y + row, height: 1, ..inner };
            buffer.set_style(line, app.theme.bar(Role::Selected));
        }
    }
}
