//! The help: the key table, the scopes that hold now first.

use crate::app::App;
use crate::keys::{Scope, TABLE};
use crate::screen::put_at;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

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

/// Draws the popup, in two columns when there is room.
pub fn draw(app: &App, offset: usize, area: Rect, buffer: &mut Buffer) {
    let lines = lines(app);
    let columns: u16 = if area.width >= 100 { 2 } else { 1 };
    let height = area.height.saturating_sub(2);
    let title = " Help: esc closes, j k scroll ";
    let inner = super::popup(app, area, (columns * 50, height), title, buffer);
    let rows = usize::from(inner.height);
    let most = lines.len().saturating_sub(rows * usize::from(columns));
    let mut shown = lines.iter().skip(offset.min(most));
    for column in 0..columns {
        for row in 0..inner.height {
            let Some((keys, help)) = shown.next() else { return };
            let x = column * 49;
            if keys.is_empty() {
                put_at(buffer, inner, (x + 1, row), help, app.theme.style(Role::Title));
            } else {
                put_at(buffer, inner, (x + 2, row), keys, app.theme.style(Role::Accent));
                put_at(buffer, inner, (x + 16, row), help, app.theme.style(Role::Plain));
            }
        }
    }
}
