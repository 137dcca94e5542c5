//! The list of containers.

use crate::app::{App, Link, Pane};
use crate::fleet::{Entry, Level, Order, Sort};
use crate::layout::{self, Areas, Frame};
use crate::paint::{frame, put_at};
use crate::table::{self, Cell, Column, Look, Side};
use crate::text;
use crate::theme::{Role, sparkline};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const fn column(title: &'static str, width: u16, side: Side, priority: u8) -> Column {
    Column { title, width, grow: 0, most: width, side, priority }
}

const fn wide(title: &'static str, width: u16, grow: u16, most: u16, priority: u8) -> Column {
    Column { title, width, grow, most, side: Side::Left, priority }
}

/// The columns. At 80 cells: name, state, CPU, memory with limit and share, OOM score and adjustment,
/// processes, age.
pub static COLUMNS: [Column; 13] = [
    wide("   NAME", 17, 3, 40, 99),
    wide("IMAGE", 12, 2, 32, 20),
    wide("STATE", 13, 0, 13, 95),
    column("CPU%", 5, Side::Right, 90),
    wide("HISTORY", 8, 2, 16, 25),
    column("  MEM / LIMIT", 13, Side::Left, 85),
    column("MEM%", 5, Side::Right, 70),
    column("OOM", 4, Side::Right, 60),
    column("ADJ", 5, Side::Right, 55),
    column("PIDS", 4, Side::Right, 50),
    column("AGE", 4, Side::Right, 65),
    wide("REASON", 12, 3, 40, 15),
    wide("PORTS", 10, 2, 30, 10),
];

/// Per cent of one CPU that fill a sparkline at least: an idle container shows a flat line.
pub const CPU_TOP: f64 = 10.0;

/// What the kernel gives a process that uses next to nothing (`oom_score`, two thirds of a thousand).
const OOM_BASE: i32 = 667;
/// From here on a process is among the first that the kernel kills.
const OOM_HIGH: i32 = 800;

/// The column that shows what the list is sorted by.
fn sorted_column(sort: Sort) -> Option<usize> {
    match sort {
        Sort::Attention => None,
        Sort::Name => Some(0),
        Sort::Image => Some(1),
        Sort::State => Some(2),
        Sort::Cpu => Some(3),
        Sort::Memory => Some(5),
        Sort::MemoryPercent => Some(6),
        Sort::Oom => Some(7),
        Sort::Adjustment => Some(8),
        Sort::Pids => Some(9),
        Sort::Age => Some(10),
    }
}

/// Draws the list.
pub fn draw(app: &App, areas: &Areas, buffer: &mut Buffer) {
    if let Some(bar) = areas.bar {
        put_at(
            buffer,
            bar,
            (1, 0),
            &summary(app, usize::from(bar.width - 1)),
            app.theme.style(Role::Dim),
        );
    }
    if areas.list.outer.height == 0 {
        return;
    }
    if areas.list.frame == Frame::Box {
        let style = app.theme.style(app.border(Pane::List));
        let title =
            format!(" {} ", summary(app, usize::from(areas.list.outer.width.saturating_sub(6))));
        frame(buffer, areas.list.outer, &title, app.theme, style);
    }
    let list = &app.containers.list;
    let places = table::place(&COLUMNS, areas.head.width, app.containers.skip);
    let selected = if app.pane == Pane::List { Role::Selected } else { Role::SelectedIdle };
    let look = Look {
        columns: &COLUMNS,
        places: &places,
        theme: app.theme,
        selected,
        stale: app.freshness(),
    };
    let marked = sorted_column(app.containers.sort).map(|at| (at, arrow(app)));
    table::draw_head(look, areas.head, buffer, marked);
    if list.order().is_empty() {
        empty(app, areas.rows, buffer);
        return;
    }
    table::draw_rows(look, list, areas.rows, buffer, |id, column| {
        let Some(entry) = app.fleet.get(id) else { return Cell::new("", Role::Plain) };
        let width = places.iter().find(|p| p.column == column).map_or(0, |p| p.width);
        cell(app, entry, list.marks().contains(id), column, width)
    });
}

/// Which way the sorted column runs.
fn arrow(app: &App) -> &'static str {
    let (sort, order) = (app.containers.sort, app.containers.order);
    match sort.rises() == (order == Order::Natural) {
        true => app.theme.glyphs().ascending,
        false => app.theme.glyphs().descending,
    }
}

fn summary(app: &App, room: usize) -> String {
    let c = &app.containers;
    let list = &c.list;
    let filter = if c.query.is_empty() {
        "no filter".to_string()
    } else {
        format!("filter {}", c.query.text())
    };
    let arrow = arrow(app);
    let first = if list.order().is_empty() { 0 } else { list.offset() + 1 };
    let last = (list.offset() + layout::list_height(app)).min(list.order().len());
    let mut out = format!("{first}-{last} of {}", list.order().len());
    if list.order().len() != app.fleet.len() {
        out.push_str(&format!(" ({} in all)", app.fleet.len()));
    }
    out.push_str(&format!("  sort {}{arrow}  {filter}", c.sort.name()));
    if !list.marks().is_empty() {
        out = format!("marked {}  {out}", list.marks().len());
    }
    text::cut(&out, room, app.theme.glyphs().ellipsis).into_owned()
}

fn empty(app: &App, area: Rect, buffer: &mut Buffer) {
    let lines: &[&str] = if app.hello.is_none() {
        match app.link {
            Link::Connecting => &["waiting for the daemon"],
            _ => &[
                "no daemon answers there",
                "",
                "sudo cofferd",
                "coffer -H unix:///path/to/its.sock",
            ],
        }
    } else if app.fleet.len() > 0 {
        &["nothing passes the filter; esc clears it"]
    } else {
        &["no containers yet", "", "coffer load -i image.tar", "coffer run -d --name hello IMAGE"]
    };
    for (row, line) in (1u16..).zip(lines) {
        put_at(buffer, area, (3, row), line, app.theme.style(Role::Dim));
    }
}

fn cell(app: &App, entry: &Entry, marked: bool, column: usize, width: u16) -> Cell {
    let c = &entry.container;
    let figures = entry.figures();
    let plain = |text: String| Cell::new(text, Role::Plain);
    let none = || Cell::new("-", Role::Dim);
    match column {
        0 => {
            let mark = if marked { app.theme.glyphs().mark } else { " " };
            let (glyph, role) = sign(app, entry);
            let name = match role {
                _ if marked => Role::Accent,
                Role::Good | Role::Info => Role::Plain,
                role => role,
            };
            Cell::new(c.name.clone(), name).signed(format!("{mark}{glyph} "), role)
        }
        1 => Cell::new(c.image.clone(), Role::Info),
        2 => Cell::new(state(entry), sign(app, entry).1),
        3 => figures.map_or_else(none, |s| {
            let role = match s.cpu_percent {
                percent if percent > 80.0 => Role::Warn,
                percent if percent < 0.05 => Role::Dim,
                _ => Role::Plain,
            };
            Cell::new(text::percent(s.cpu_percent), role)
        }),
        4 => {
            let points = entry.history.iter().map(|p| f64::from(p.cpu));
            Cell::new(sparkline(app.theme, points, usize::from(width), CPU_TOP), Role::Good)
        }
        5 => {
            let role = if entry.is_alive() { Role::Plain } else { Role::Dim };
            let used = if entry.is_alive() { used(entry) } else { "-".into() };
            Cell::new(format!("{used:>5} / {}", limit(entry)), role)
        }
        6 => entry.memory_percent().map_or_else(none, |p| {
            let role = if p > 90.0 {
                Role::Bad
            } else if p > 75.0 {
                Role::Warn
            } else {
                Role::Plain
            };
            Cell::new(format!("{p:.0}%"), role)
        }),
        7 => figures.map_or_else(none, |s| {
            let role = match s.oom_score {
                score if score >= OOM_HIGH => Role::Warn,
                score if score <= OOM_BASE => Role::Dim,
                _ => Role::Plain,
            };
            Cell::new(s.oom_score.to_string(), role)
        }),
        8 => {
            let adj = figures.map_or(c.oom_score_adj, |s| s.oom_score_adj);
            match adj {
                0 => Cell::new("0", Role::Dim),
                adj if adj > 0 => Cell::new(format!("{adj:+}"), Role::Warn),
                adj => Cell::new(format!("{adj:+}"), Role::Info),
            }
        }
        9 => figures.map_or_else(none, |s| {
            let full = c.pids_limit > 0 && s.pids * 10 >= c.pids_limit.unsigned_abs() * 9;
            Cell::new(s.pids.to_string(), if full { Role::Bad } else { Role::Plain })
        }),
        10 => plain(text::age(app.now - entry.since())),
        11 => plain(c.reason.clone()),
        _ => plain(c.ports.join(" ")),
    }
}

/// Memory in use, in words.
pub fn used(entry: &Entry) -> String {
    entry.figures().map_or_else(|| "0".into(), |s| text::bytes(s.working_set_bytes))
}

/// The memory limit, in words.
pub fn limit(entry: &Entry) -> String {
    if entry.limit() == 0 { "none".into() } else { text::bytes(entry.limit()) }
}

/// The glyph of a container's state, and how it is meant.
pub fn sign(app: &App, entry: &Entry) -> (&'static str, Role) {
    let glyphs = app.theme.glyphs();
    match (entry.attention.level, entry.container.state.as_str()) {
        (Level::OomKilled, _) => (glyphs.failed, Role::Bad),
        (_, "restarting") | (Level::CrashLoop, _) => (glyphs.restarting, Role::Warn),
        (Level::Unhealthy, _) => (glyphs.unhealthy, Role::Bad),
        (Level::NearLimit, _) => (glyphs.alarm, Role::Bad),
        (Level::Throttled, _) => (glyphs.alarm, Role::Warn),
        (Level::Failed, _) => (glyphs.failed, Role::Bad),
        (_, "running") => (glyphs.running, Role::Good),
        (_, "paused") => (glyphs.paused, Role::Info),
        (_, "created") => (glyphs.created, Role::Dim),
        _ => (glyphs.stopped, Role::Dim),
    }
}

/// The state with its reason, in at most thirteen cells.
pub fn state(entry: &Entry) -> String {
    let c = &entry.container;
    match c.state.as_str() {
        "running" if !c.health.is_empty() && c.health != "healthy" => c.health.clone(),
        "restarting" if c.restart_max > 0 && c.restart_max < 100 => {
            format!("restart {}/{}", c.restarts, c.restart_max)
        }
        "restarting" => format!("restart {}", c.restarts),
        "exited" if c.oom_killed => format!("OOM-kill {}", c.exit_code),
        "exited" => format!("exited {}", c.exit_code),
        other => other.to_string(),
    }
}
