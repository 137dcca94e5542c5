//! Figures of the container with their recent history.

use crate::app::App;
use crate::fleet::Entry;
use crate::screen::containers::{CPU_TOP, limit};
use crate::screen::{put_at, put_parts};
use crate::text;
use crate::theme::{Role, sparkline};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws the tab.
pub fn draw(app: &App, entry: &Entry, area: Rect, buffer: &mut Buffer) {
    let Some(s) = entry.figures() else {
        put_at(buffer, area, (1, 0), "no figures: it is not running", app.theme.style(Role::Dim));
        return;
    };
    let cells = usize::from(area.width.saturating_sub(12));
    let cpu = entry.history.iter().map(|p| f64::from(p.cpu));
    let memory = entry.history.iter().map(|p| p.memory as f64);
    let top = if entry.limit() > 0 { entry.limit() as f64 } else { 0.0 };
    let peak = entry.history.iter().map(|p| p.cpu).fold(0.0f32, f32::max);
    let io = (text::bytes(s.io_read_bytes), text::bytes(s.io_write_bytes));
    let net = (text::bytes(s.net_rx_bytes), text::bytes(s.net_tx_bytes));
    let lines: [(&str, String, Role); 10] = [
        (
            "cpu",
            format!(
                "{}%  highest {}%",
                text::percent(s.cpu_percent),
                text::percent(f64::from(peak))
            ),
            Role::Plain,
        ),
        ("", sparkline(app.theme, cpu, cells, CPU_TOP), Role::Good),
        (
            "throttled",
            format!("{:.0}% of periods, {} in all", entry.throttled, s.throttled_periods),
            Role::Plain,
        ),
        (
            "memory",
            format!("{} of {}", text::bytes(s.working_set_bytes), limit(entry)),
            Role::Plain,
        ),
        ("", sparkline(app.theme, memory, cells, top), Role::Info),
        ("", bar(app, entry, cells), Role::Info),
        ("charged", format!("{} with page cache", text::bytes(s.memory_bytes)), Role::Plain),
        (
            "oom",
            format!("score {}  adj {:+}  kills {}", s.oom_score, s.oom_score_adj, s.oom_kills),
            Role::Plain,
        ),
        ("pids", pids(entry, s.pids), Role::Plain),
        (
            "io, net",
            format!("read {} written {}  received {} sent {}", io.0, io.1, net.0, net.1),
            Role::Plain,
        ),
    ];
    let shown = lines.into_iter().filter(|l| !(l.0.is_empty() && l.1.is_empty()));
    for (row, (title, words, role)) in (0u16..).zip(shown.skip(app.detail.scroll)) {
        let parts =
            [(format!(" {title:<10}"), app.theme.style(Role::Dim)), (words, app.theme.style(role))];
        put_parts(buffer, area, (0, row), &parts);
    }
}

fn pids(entry: &Entry, now: u64) -> String {
    match entry.container.pids_limit {
        limit if limit > 0 => format!("{now} of {limit}"),
        _ => now.to_string(),
    }
}

fn bar(app: &App, entry: &Entry, cells: usize) -> String {
    let Some(percent) = entry.memory_percent() else { return String::new() };
    let glyphs = app.theme.glyphs();
    let room = cells.saturating_sub(6).min(40);
    let full = ((percent / 100.0 * room as f64).round() as usize).min(room);
    format!("{}{} {percent:.0}%", glyphs.full.repeat(full), glyphs.empty.repeat(room - full))
}
