//! Processes of the container, as the daemon lists them again and again.

use crate::app::App;
use crate::fleet::Entry;
use crate::paint::put_at;
use crate::text;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws the tab.
pub fn draw(app: &App, entry: &Entry, area: Rect, buffer: &mut Buffer) {
    let Some(table) = app.detail.processes.as_ref().filter(|_| entry.is_alive()) else {
        let words = if entry.is_alive() { "loading" } else { "no processes: it is not running" };
        put_at(buffer, area, (1, 0), words, app.theme.style(Role::Dim));
        return;
    };
    let widths: Vec<usize> = (0..table.titles.len())
        .map(|column| {
            let cells = table.rows.iter().filter_map(|row| row.get(column));
            cells.chain([&table.titles[column]]).map(|c| text::width(c)).max().unwrap_or(0)
        })
        .collect();
    let line = |cells: &[String]| -> String {
        cells.iter().zip(&widths).fold(String::from(" "), |mut out, (cell, width)| {
            out.push_str(cell);
            out.extend(std::iter::repeat_n(' ', width + 1 - text::width(cell).min(*width)));
            out
        })
    };
    put_at(buffer, area, (0, 0), &line(&table.titles), app.theme.style(Role::Title));
    let height = usize::from(area.height.saturating_sub(1));
    let skip = app.detail.scroll.min(table.rows.len().saturating_sub(height));
    for (row, cells) in (1u16..area.height).zip(table.rows.iter().skip(skip)) {
        put_at(buffer, area, (0, row), &line(cells), app.theme.style(Role::Plain));
    }
}
