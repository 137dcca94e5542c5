//! The help: the key table, the scopes that hold now first.

use crate::app::App;
use crate::keys::{Scope, TABLE};
use crate::paint::{popup, put_at};
use crate::text;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Cells of a column, and of the keys in it.
const COLUMN: u16 = 39;
const KEYS: u16 = 11;

const SCOPES: [Scope; 8] = [
    Scope::Containers,
    Scope::Container,
    Scope::Logs,
    Scope::Inspect,
    Scope::Events,
    Scope::Detail,
    Scope::Motion,
    Scope::Global,
];

/// One line: keys and what they do, or a heading.
fn lines(app: &App) -> Vec<(String, String)> {
    let active = app.scopes();
    let mut scopes: Vec<Scope> = active.clone();
    scopes.extend(SCOPES.iter().filter(|s| !active.contains(s)));
    let mut out = Vec::new();
    for scope in scopes {
        let bindings: Vec<_> = TABLE.iter().filter(|b| b.scope == scope).collect();
        if bindings.is_empty() {
            continue;
        }
        let here = if active.contains(&scope) { "" } else { " (not here)" };
        out.push((String::new(), format!("{}{here}", scope.title())));
        for b in bindings {
            let keys: Vec<String> = b.keys.iter().map(|k| k.name()).collect();
            out.push((keys.join(" "), b.help.to_string()));
        }
    }
    out
}

/// Draws the popup in as many columns as there is room for.
pub fn draw(app: &App, offset: usize, area: Rect, buffer: &mut Buffer) {
    let lines = lines(app);
    let count = area.width.saturating_sub(2) / COLUMN;
    let columns = usize::from(count.max(1));
    // No higher than needed: on a large terminal it is a box in the middle.
    let needed = u16::try_from(lines.len().div_ceil(columns) + 3).unwrap_or(u16::MAX);
    let height = needed.min(area.height.saturating_sub(2));
    let rows = usize::from(height.saturating_sub(2)).max(1);
    let most = lines.len().saturating_sub(rows * columns);
    let title = match most {
        0 => " Help ".to_string(),
        _ => format!(" Help {}/{} (j k) ", offset.min(most) + 1, most + 1),
    };
    let width = (count * COLUMN + 2).max(COLUMN.min(area.width));
    let inner = popup(app.theme, area, (width, height), &title, buffer);
    let mut rest = &lines[offset.min(most)..];
    for column in 0..count.max(1) {
        let mut taken = rest.len().min(rows);
        // A heading does not stand alone at the foot of a column.
        if taken < rest.len() && rest[taken - 1].0.is_empty() && most == 0 {
            taken -= 1;
        }
        let (now, later) = rest.split_at(taken);
        for (row, (keys, help)) in (0..inner.height).zip(now) {
            line(app, (column * COLUMN, row), (keys, help), inner, buffer);
        }
        rest = later;
    }
}

fn line(app: &App, at: (u16, u16), words: (&str, &str), inner: Rect, buffer: &mut Buffer) {
    let (keys, help) = words;
    let room = usize::from(COLUMN - KEYS - 2);
    let cut = app.theme.glyphs().ellipsis;
    if keys.is_empty() {
        put_at(buffer, inner, (at.0 + 1, at.1), help, app.theme.style(Role::Title));
    } else {
        put_at(buffer, inner, (at.0 + 1, at.1), keys, app.theme.style(Role::Accent));
        let help = text::cut(help, room, cut);
        put_at(buffer, inner, (at.0 + KEYS + 1, at.1), &help, app.theme.style(Role::Plain));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_help_is_cut() {
        for binding in TABLE {
            let keys: Vec<String> = binding.keys.iter().map(|k| k.name()).collect();
            assert!(keys.join(" ").len() <= usize::from(KEYS), "{binding:?}");
            assert!(binding.help.len() <= usize::from(COLUMN - KEYS - 2), "{binding:?}");
        }
    }
}
