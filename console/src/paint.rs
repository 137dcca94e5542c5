//! Text, frames and room for popups on the screen's buffer. Knows no state.

use crate::text;
use crate::theme::{Charset, Role, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

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

/// Clears room for a popup in the middle, frames it and returns its inside.
pub fn popup(theme: Theme, area: Rect, size: (u16, u16), title: &str, buffer: &mut Buffer) -> Rect {
    popup_in(theme, area, size, title, theme.style(Role::Accent), buffer)
}

/// The same with a border of another meaning.
pub fn popup_in(
    theme: Theme,
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
    frame(buffer, outer, title, theme, border);
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
