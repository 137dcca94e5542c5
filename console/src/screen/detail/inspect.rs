//! Draws the inspected object as a tree.

use crate::app::tree::Branch;
use crate::app::{App, Pane};
use crate::paint::{put_at, put_parts};
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws the tab.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let tree = &app.detail.tree;
    let glyphs = app.theme.glyphs();
    if !tree.is_loaded() {
        put_at(buffer, area, (1, 0), "loading", app.theme.style(Role::Dim));
    }
    let lines = tree.lines().iter().enumerate().skip(tree.offset);
    for (row, (at, line)) in (0..area.height).zip(lines) {
        let sign = match line.branch {
            Branch::Leaf => " ",
            Branch::Folded => glyphs.folded,
            Branch::Unfolded => glyphs.unfolded,
        };
        let role = if line.branch == Branch::Leaf { Role::Plain } else { Role::Dim };
        let parts = [
            (
                format!(" {}{sign} {}: ", "  ".repeat(line.depth), line.key),
                app.theme.style(Role::Info),
            ),
            (line.value.clone(), app.theme.style(role)),
        ];
        put_parts(buffer, area, (0, row), &parts);
        if at == tree.index && app.pane == Pane::Detail {
            let whole = Rect { y: area.y + row, height: 1, ..area };
            buffer.set_style(whole, app.theme.bar(Role::Selected));
        }
    }
}
