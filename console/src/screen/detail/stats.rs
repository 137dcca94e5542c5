//! Figures of the container over the last minutes: what the daemon remembers from before the console
//! was opened, then what the stream has brought.

use super::chart::Chart;
use crate::app::{App, SECOND};
use crate::fleet::{Entry, Point};
use crate::paint::put_parts;
use crate::screen::containers::{CPU_TOP, limit};
use crate::text;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use shared::watch::Sample;

/// Lines beside the two charts.
const OTHERS: u16 = 8;
/// Cells of the titles.
const TITLE: usize = 11;
/// What both charts show at least, in seconds.
const WINDOW: i64 = 300;

type Line = Vec<(String, Role)>;

/// Draws the tab.
pub fn draw(app: &App, entry: &Entry, area: Rect, buffer: &mut Buffer) {
    for (row, line) in (0..area.height).zip(lines(app, entry, area).iter().skip(app.detail.scroll))
    {
        let parts: Vec<_> =
            line.iter().map(|(text, role)| (text.clone(), app.theme.style(*role))).collect();
        put_parts(buffer, area, (0, row), &parts);
    }
}

fn lines(app: &App, entry: &Entry, area: Rect) -> Vec<Line> {
    let points = points(app, entry);
    let Some(last) = points.last() else {
        let words = if entry.is_alive() { " waiting for the first figures" } else { NONE };
        return vec![vec![(words.into(), Role::Dim)]];
    };
    let height = (area.height.saturating_sub(OTHERS) / 2).clamp(1, 8);
    let width = usize::from(area.width).saturating_sub(TITLE + 2).max(1);
    let end = if entry.is_alive() { app.now / SECOND } else { i64::from(last.second) };
    let cpu = Chart::new(&points, end, WINDOW, width, |p| f64::from(p.cpu));
    let memory = Chart::new(&points, end, WINDOW, width, |p| p.memory() as f64);

    let figures = entry.figures();
    let now = figures.map_or(f64::from(last.cpu), |s| s.cpu_percent);
    let highest = text::percent(cpu.highest());
    let mut out = vec![titled("cpu", format!("{}%, highest {highest}%", text::percent(now)))];
    out[0].push((quota(entry), Role::Dim));
    let top = nice(cpu.highest().max(CPU_TOP));
    chart(app, &cpu, top, height, &format!("{top:.0}%"), Role::Good, &mut out);

    let used = figures.map_or(last.memory(), |s| s.working_set_bytes);
    let share = entry.memory_percent().map_or(String::new(), |p| format!(" ({p:.0}%)"));
    let highest = text::bytes(memory.highest() as u64);
    let words = format!("{} of {}{share}, highest {highest}", text::bytes(used), limit(entry));
    out.push(titled("memory", words));
    let limit = entry.limit() as f64;
    // Without a limit there is some room above the highest value.
    let top = if limit > 0.0 { limit } else { memory.highest().max(1.0) * 4.0 / 3.0 };
    chart(app, &memory, top, height, &text::bytes(top as u64), Role::Info, &mut out);
    out.push(axis(cpu.seconds(), width, entry));
    match figures {
        Some(sample) => out.extend(rest(entry, sample)),
        None => out.push(titled("", "it is not running: this is how it ended")),
    }
    out
}

const NONE: &str = " no figures: it is not running";

/// What the daemon remembers, then what has come since.
fn points(app: &App, entry: &Entry) -> Vec<Point> {
    let first = entry.history.front().map_or(u32::MAX, |p| p.second);
    let before = app.detail.past.iter().filter(|p| p.second < first);
    before.chain(&entry.history).copied().collect()
}

fn titled(title: &str, words: impl Into<String>) -> Line {
    vec![(format!(" {title:<10}"), Role::Dim), (words.into(), Role::Plain)]
}

fn chart(
    app: &App,
    chart: &Chart,
    top: f64,
    height: u16,
    label: &str,
    role: Role,
    out: &mut Vec<Line>,
) {
    let rows = chart.rows(app.theme, usize::from(height), top);
    let last = rows.len().saturating_sub(1);
    for (at, row) in rows.into_iter().enumerate() {
        let label = match at {
            0 => label,
            at if at == last => "0",
            _ => "",
        };
        out.push(vec![(format!("{label:>10} "), Role::Dim), (row, role)]);
    }
}

/// The line below both charts: how long ago its left end was.
fn axis(seconds: i64, width: usize, entry: &Entry) -> Line {
    let ago = format!("{} ago", text::age(seconds * SECOND));
    let end = if entry.is_alive() { "now" } else { "end" };
    let gap = width.saturating_sub(ago.len() + end.len()).max(1);
    vec![(format!("{:TITLE$}{ago}{}{end}", "", " ".repeat(gap)), Role::Dim)]
}

/// The next of 10, 20, 50, 100, 200, ...: a scale that does not change with every sample.
fn nice(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0].iter().map(|n| n * power).find(|n| *n >= value).unwrap_or(power * 10.0)
}

fn quota(entry: &Entry) -> String {
    match entry.container.nano_cpus {
        0 => String::new(),
        nanos => format!(", limit {} cpus", nanos as f64 / 1e9),
    }
}

fn rest(entry: &Entry, s: &Sample) -> Vec<Line> {
    let bytes = text::bytes;
    let pids = match entry.container.pids_limit {
        limit if limit > 0 => format!("{} of {limit}", s.pids),
        _ => s.pids.to_string(),
    };
    let mut throttled = titled("throttled", format!("{:.0}% of its periods", entry.throttled));
    if entry.throttled > 25.0 {
        throttled[1].1 = Role::Warn;
    }
    let (read, written) = (bytes(s.io_read_bytes), bytes(s.io_write_bytes));
    let (received, sent) = (bytes(s.net_rx_bytes), bytes(s.net_tx_bytes));
    vec![
        throttled,
        titled("charged", format!("{} with page cache", bytes(s.memory_bytes))),
        titled(
            "oom",
            format!("score {}  adj {}  kills {}", s.oom_score, adjustment(s), s.oom_kills),
        ),
        titled("pids", pids),
        titled("disk, net", format!("read {read} written {written}  in {received} out {sent}")),
    ]
}

/// The OOM score adjustment as it was asked for.
pub fn adjustment(sample: &Sample) -> String {
    match sample.oom_score_adj {
        0 => "0".into(),
        adjustment => format!("{adjustment:+}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round() {
        let of = [10.0, 11.0, 20.0, 49.0, 100.0, 199.0, 801.0];
        assert_eq!(of.map(nice), [10.0, 20.0, 20.0, 50.0, 100.0, 200.0, 1000.0]);
    }
}
