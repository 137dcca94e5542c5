//! Draws the detail pane: tabs about the selected container.

mod chart;
mod inspect;
mod logs;
pub mod overview;
mod processes;
mod stats;

use crate::app::detail::Tab;
use crate::app::{App, Pane};
use crate::layout::{Frame, Pane as Place};
use crate::paint::{frame, put_at};
use crate::table::Freshness;
use crate::text;
use crate::theme::Role;
use ratatui::buffer::Buffer;

/// Draws the pane.
pub fn draw(app: &App, place: Place, buffer: &mut Buffer) {
    let style = app.theme.style(app.border(Pane::Detail));
    match place.frame {
        Frame::Box => frame(buffer, place.outer, "", app.theme, style),
        _ => {
            let rule = app.theme.glyphs().rule.repeat(usize::from(place.outer.width));
            put_at(buffer, place.outer, (0, 0), &rule, style);
        }
    }
    let Some((_, entry)) = app.selected() else {
        put_at(buffer, place.inner, (1, 0), "nothing selected", app.theme.style(Role::Dim));
        return;
    };
    let tabs: usize = Tab::ALL.iter().map(|tab| tab.title().len() + 1).sum::<usize>() + 4;
    let room = usize::from(place.outer.width).saturating_sub(tabs + 3).clamp(5, 30);
    let name = text::cut(&entry.container.name, room, app.theme.glyphs().ellipsis);
    let mut x =
        put_at(buffer, place.outer, (1, 0), &format!(" {name} "), app.theme.style(Role::Title));
    for tab in Tab::ALL {
        let active = tab == app.detail.tab;
        let title =
            if active { format!("[{}] ", tab.title()) } else { format!("{} ", tab.title()) };
        let role = if active { Role::Accent } else { Role::Plain };
        x = put_at(buffer, place.outer, (x, 0), &title, app.theme.style(role));
    }
    if let Some(error) = app.detail.error.as_ref().filter(|_| app.detail.tab.loads()) {
        for (row, line) in
            (0u16..).zip(text::fold(error, usize::from(place.inner.width.max(3) - 2)))
        {
            put_at(buffer, place.inner, (1, row), line, app.theme.style(Role::Bad));
        }
        return;
    }
    match app.detail.tab {
        Tab::Overview => overview::draw(app, entry, place.inner, buffer),
        Tab::Logs => logs::draw(app, place.inner, buffer),
        Tab::Processes => processes::draw(app, entry, place.inner, buffer),
        Tab::Stats => stats::draw(app, entry, place.inner, buffer),
        Tab::Inspect => inspect::draw(app, place.inner, buffer),
    }
    if app.freshness() == Freshness::Stale {
        buffer.set_style(place.inner, app.theme.style(Role::Dim));
    }
}
