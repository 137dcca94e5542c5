//! Draws the events, newest first: the view, and the strip below another one.

use crate::app::events::{Fact, Follow, Line, explain, name};
use crate::app::{App, Pane};
use crate::layout::{Areas, Frame, Pane as Place};
use crate::paint::{frame, put_at};
use crate::table::{self, Cell, Column, List, Look, Side};
use crate::text;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use shared::watch::Event;

fn role(event: &Event) -> Role {
    match event.action.as_str() {
        "oom" => Role::Bad,
        "die" if event.attributes.get("exitCode").is_some_and(|code| code != "0") => Role::Bad,
        "kill" | "die" | "stop" | "destroy" | "delete" | "pause" => Role::Warn,
        action if action.contains("unhealthy") => Role::Bad,
        "start" | "create" | "unpause" => Role::Good,
        _ => Role::Plain,
    }
}

const fn column(title: &'static str, width: u16, grow: u16, most: u16, priority: u8) -> Column {
    Column { title, width, grow, most, side: Side::Left, priority }
}

static COLUMNS: [Column; 5] = [
    column(" TIME", 9, 0, 9, 99),
    column("TYPE", 9, 0, 9, 10),
    column("ACTION", 13, 1, 24, 90),
    column("NAME", 16, 1, 28, 80),
    column("DETAIL", 30, 6, 200, 70),
];

fn cell(app: &App, line: &Line, column: usize) -> Cell {
    let time = || Cell::new(format!(" {}", text::clock(line.time, app.offset)), Role::Dim);
    match (&line.fact, column) {
        (_, 0) => time(),
        (Fact::Mark(_), 1) => Cell::new("stream", Role::Warn),
        (Fact::Mark(words), 4) => Cell::new(words.clone(), Role::Warn),
        (Fact::Mark(_), _) => Cell::new("", Role::Plain),
        (Fact::Event(event), 1) => Cell::new(event.kind.clone(), Role::Dim),
        (Fact::Event(event), 2) => Cell::new(event.action.clone(), role(event)),
        (Fact::Event(event), 3) => Cell::new(name(event), Role::Plain),
        (Fact::Event(event), _) => Cell::new(explain(event), Role::Plain),
    }
}

fn look<'a>(app: &App, places: &'a [table::Place], selected: Role) -> Look<'a> {
    Look { columns: &COLUMNS, places, theme: app.theme, selected, stale: app.freshness() }
}

/// Draws the view.
pub fn draw(app: &App, areas: &Areas, buffer: &mut Buffer) {
    let summary = summary(app);
    if let Some(bar) = areas.bar {
        put_at(buffer, bar, (1, 0), &summary, app.theme.style(Role::Dim));
    }
    if areas.list.frame == Frame::Box {
        let style = app.theme.style(app.border(Pane::List));
        frame(buffer, areas.list.outer, &format!(" {summary} "), app.theme, style);
    }
    let places = table::place(&COLUMNS, areas.head.width, 0);
    let look = look(app, &places, Role::Selected);
    table::draw_head(look, areas.head, buffer, None);
    if app.events.list.order().is_empty() {
        let words = if app.events.query.is_empty() {
            "no events yet"
        } else {
            "nothing passes the filter; esc clears it"
        };
        put_at(buffer, areas.rows, (3, 1), words, app.theme.style(Role::Dim));
    }
    table::draw_rows(look, &app.events.list, areas.rows, buffer, |number, column| {
        let line = app.events.line(*number);
        line.map_or_else(|| Cell::new("", Role::Plain), |line| cell(app, line, column))
    });
}

fn summary(app: &App) -> String {
    let events = &app.events;
    let filter = if events.query.is_empty() {
        "no filter".into()
    } else {
        format!("filter {}", events.query.text())
    };
    let follow = match events.follow {
        Follow::Following => "following".to_string(),
        Follow::Frozen => format!("frozen, {} new", events.waiting),
    };
    format!("{} events  {follow}  {filter}", events.list.order().len())
}

/// What follows from something else or changes nothing: the strip has few lines, the view shows all.
fn is_routine(line: &Line) -> bool {
    let Fact::Event(event) = &line.fact else { return false };
    let quiet = ["top", "resize", "attach", "detach", "archive-path", "extract-to-dir"];
    event.kind == "network"
        || quiet.contains(&event.action.as_str())
        || event.action.starts_with("exec_")
        || event.action == "health_status: healthy"
}

/// Draws the newest events below another view.
pub fn draw_strip(app: &App, pane: Place, buffer: &mut Buffer) {
    frame(buffer, pane.outer, " Events ", app.theme, app.theme.style(Role::Border));
    let places = table::place(&COLUMNS, pane.inner.width, 0);
    let mut list = List::default();
    let lines = app.events.newest().filter(|line| !is_routine(line));
    let lines: Vec<&Line> = lines.take(usize::from(pane.inner.height)).collect();
    list.set_order((0..lines.len() as u64).collect(), lines.len());
    let area: Rect = pane.inner;
    table::draw_rows(look(app, &places, Role::Plain), &list, area, buffer, |row, column| {
        let line = usize::try_from(*row).ok().and_then(|row| lines.get(row));
        line.map_or_else(|| Cell::new("", Role::Plain), |line| cell(app, line, column))
    });
}
