//! The detail pane: tabs about the selected container.

mod chart;
pub mod inspect;
pub mod logs;
mod overview;
mod processes;
mod stats;

pub use overview::why;

use super::layout::{Frame, Pane as Place};
use super::{chrome, put_at};
use crate::app::{App, Pane};
use crate::command::Load;
use crate::fleet::Point;
use crate::keys::Scope;
use crate::overlay;
use crate::table::Id;
use crate::text;
use crate::theme::Role;
use inspect::Tree;
use logs::Logs;
use ratatui::buffer::Buffer;

/// What the pane shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// Why it is as it is.
    #[default]
    Overview,
    /// Its log, followed.
    Logs,
    /// Its processes.
    Processes,
    /// Its figures with their history.
    Stats,
    /// The whole object.
    Inspect,
}

impl Tab {
    /// All, in order.
    pub const ALL: [Tab; 5] = [Tab::Overview, Tab::Logs, Tab::Processes, Tab::Stats, Tab::Inspect];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Tab::Overview => "Overview",
            Tab::Logs => "Logs",
            Tab::Processes => "Procs",
            Tab::Stats => "Stats",
            Tab::Inspect => "Inspect",
        }
    }

    /// The scopes of its own keys.
    pub fn scope(self) -> &'static [Scope] {
        match self {
            Tab::Logs => &[Scope::Logs],
            Tab::Inspect => &[Scope::Inspect],
            Tab::Overview | Tab::Processes | Tab::Stats => &[],
        }
    }

    /// It needs more than the stream brings.
    pub fn loads(self) -> bool {
        self != Tab::Overview
    }

    /// The tab `steps` further.
    pub fn step(self, steps: isize) -> Self {
        let at = Tab::ALL.iter().position(|t| *t == self).unwrap_or(0) as isize + steps;
        Tab::ALL[at.rem_euclid(Tab::ALL.len() as isize) as usize]
    }
}

/// A table of processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processes {
    /// Column titles.
    pub titles: Vec<String>,
    /// One row a process.
    pub rows: Vec<Vec<String>>,
}

/// The state of the pane.
#[derive(Debug, Default)]
pub struct Detail {
    /// What it shows.
    pub tab: Tab,
    /// It was opened; on a wide screen it is always there.
    pub open: bool,
    /// It has the whole screen.
    pub zoom: bool,
    /// What is loaded or being loaded.
    pub loaded: Option<(Id, Tab)>,
    /// What was asked for last; comes back with answers.
    pub load: Option<Load>,
    /// Number of the last request.
    pub generation: u64,
    /// When the next request is due.
    pub load_at: Option<i64>,
    /// First line shown of overview, processes and figures.
    pub scroll: usize,
    /// The log.
    pub logs: Logs,
    /// Figures from before the console was opened, oldest first.
    pub past: Vec<Point>,
    /// The processes.
    pub processes: Option<Processes>,
    /// The object.
    pub tree: Tree,
    /// Why nothing can be shown.
    pub error: Option<String>,
}

/// Draws the pane.
pub fn draw(app: &App, place: Place, buffer: &mut Buffer) {
    let style = app.theme.style(chrome::border(app, Pane::Detail));
    match place.frame {
        Frame::Box => overlay::frame(buffer, place.outer, "", app.theme, style),
        _ => {
            let rule = app.theme.glyphs().rule.repeat(usize::from(place.outer.width));
            put_at(buffer, place.outer, (0, 0), &rule, style);
        }
    }
    let Some((id, entry)) = app.selected() else {
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
        Tab::Inspect => inspect::draw(app, id, place.inner, buffer),
    }
    if app.freshness() == crate::table::Freshness::Stale {
        buffer.set_style(place.inner, app.theme.style(Role::Dim));
    }
}
