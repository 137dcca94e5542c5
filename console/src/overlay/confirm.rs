//! Are you sure? Shows what would be hit, what follows, and the same thing on the command line. The
//! focus begins on Cancel; the most destructive things want the name or the number typed.

use super::input;
use crate::app::App;
use crate::app::overlay::{Button, Confirm, Proof};
use crate::paint::{popup_in, put_at};
use crate::text;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws the dialog.
pub fn draw(app: &App, confirm: &Confirm, area: Rect, buffer: &mut Buffer) {
    let width = area.width.min(80);
    let room = usize::from(width.saturating_sub(4));
    let cut = app.theme.glyphs().ellipsis;
    let command =
        format!("{} {}", app.theme.glyphs().command, confirm.verb.command_line(&confirm.targets));
    let mut lines: Vec<(String, Role)> =
        confirm.hit.iter().map(|l| (text::cut(l, room, cut).into_owned(), Role::Plain)).collect();
    lines.extend(
        text::fold(&confirm.warning, room).into_iter().map(|l| (l.to_string(), Role::Warn)),
    );
    lines.push((text::cut(&command, room, cut).into_owned(), Role::Dim));
    let typed = u16::from(matches!(confirm.proof, Proof::Typed { .. }));
    let height = u16::try_from(lines.len() + 4).unwrap_or(u16::MAX).saturating_add(typed * 2);
    let role = if typed == 1 { Role::Bad } else { Role::Warn };
    let size = (width, height);
    let inner = popup_in(app.theme, area, size, &confirm.title(), app.theme.style(role), buffer);
    let last = inner.height.saturating_sub(1);
    // What has to be typed and the buttons stay when there is no room for everything.
    for (row, (line, role)) in (0..last.saturating_sub(typed)).zip(&lines) {
        put_at(buffer, inner, (1, row), line, app.theme.style(*role));
    }
    if let Proof::Typed { word, input } = &confirm.proof {
        let asked = format!("Type {word} to confirm: ");
        let asked = text::cut(&asked, room.saturating_sub(12), cut);
        let y = last.saturating_sub(2);
        let x = put_at(buffer, inner, (1, y), &asked, app.theme.style(Role::Plain));
        let width = inner.width.saturating_sub(x + 1);
        let place = Rect { x: inner.x + x, y: inner.y + y, width, height: 1 };
        input::typed(input, place, app, buffer);
    }
    buttons(app, confirm, inner, buffer);
}

fn buttons(app: &App, confirm: &Confirm, inner: Rect, buffer: &mut Buffer) {
    let last = inner.height.saturating_sub(1);
    let go = match (&confirm.proof, confirm.unlocked()) {
        (_, false) => " Do it (locked) ",
        (Proof::Yes, true) => " Do it (y) ",
        (Proof::Typed { .. }, true) => " Do it ",
    };
    let buttons = [(Button::Cancel, " Cancel "), (Button::Go, go)];
    let mut x = inner.width.saturating_sub(u16::try_from(text::width(go)).unwrap_or(0) + 13);
    for (button, label) in buttons {
        let (open, close) = if confirm.button == button { ("[", "]") } else { (" ", " ") };
        let role = match (confirm.button == button, button) {
            (false, Button::Go) if !confirm.unlocked() => Role::Dim,
            (false, _) => Role::Plain,
            (true, Button::Cancel) => Role::Selected,
            (true, Button::Go) => Role::SelectedBad,
        };
        x = put_at(
            buffer,
            inner,
            (x, last),
            &format!("{open}{label}{close}"),
            app.theme.style(role),
        ) + 1;
    }
}
