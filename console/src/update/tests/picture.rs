//! The picture of the console in README, as text and as SVG, drawn from the cells of a frame. The test
//! keeps it true; `COFFER_PICTURE=write` draws it anew.

use super::fixture::{ANSI, NOW, container, keys, live, sample, shown};
use crate::app::{App, SECOND};
use crate::message::Message;
use crate::screen;
use crate::update::update;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use shared::watch::{Container, Frame};
use std::fmt::Write;
use std::path::Path;

const BACK: &str = "#16181d";
const FRONT: &str = "#d5d8de";
/// Pixels of a cell.
const CELL: (f64, f64) = (8.4, 18.0);

/// A host on an ordinary day.
fn host(size: (u16, u16)) -> App {
    let names = [
        "api-1",
        "api-2",
        "api-3",
        "web-1",
        "web-2",
        "db-main",
        "db-replica",
        "cache",
        "queue",
        "search",
        "mail",
        "metrics",
        "ingest",
        "batch-etl",
        "report",
        "backup",
        "gateway",
        "日本語-batch",
    ];
    let mut all: Vec<Container> =
        names.iter().enumerate().map(|(n, name)| container(n + 1, name)).collect();
    for (n, c) in all.iter_mut().enumerate() {
        c.image = ["corp/api:7.2", "corp/web:3.1", "postgres:16", "redis:7"][n % 4].into();
        c.started_at_nanos = NOW - (n as i64 * 31_000 + 2_400) * SECOND;
    }
    all[7].health = "unhealthy".into();
    all[12] = Container {
        state: "exited".into(),
        exit_code: 137,
        oom_killed: true,
        oom_kills: 3,
        memory_limit_bytes: 64 << 20,
        finished_at_nanos: NOW - 152 * SECOND,
        reason: "out of memory".into(),
        ..all[12].clone()
    };
    all[13].state = "restarting".into();
    (all[13].restarts, all[13].restart_max, all[13].restart_policy) = (4, 5, "on-failure".into());
    all[14] = Container {
        state: "exited".into(),
        finished_at_nanos: NOW - 9_000 * SECOND,
        ..all[14].clone()
    };
    let mut app = live(size, ANSI, all);
    let calm = (1..=18).map(|id| {
        let mut s = sample(id, NOW);
        s.cpu_percent = (id * id % 23) as f64 / 2.0 + 0.3;
        s
    });
    update(&mut app, Message::Frames(vec![Frame::Sample { sample: calm.collect() }]));
    app
}

fn hex(color: Color, plain: &'static str) -> &'static str {
    match color {
        Color::Green => "#7ec699",
        Color::Yellow => "#e5c07b",
        Color::Red => "#f0707a",
        Color::Cyan => "#66c7d0",
        Color::DarkGray => "#7b8494",
        _ => plain,
    }
}

/// Neighbouring cells that look alike, as one piece of text.
fn svg(buffer: &Buffer) -> String {
    let area = buffer.area;
    let (width, height) =
        (f64::from(area.width) * CELL.0 + 20.0, f64::from(area.height) * CELL.1 + 20.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACK}\"/>\n"
    );
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let first = &buffer[(x, y)];
            let same = |c: &Cell| (c.fg, c.bg, c.modifier) == (first.fg, first.bg, first.modifier);
            let end = (x..area.width).find(|at| !same(&buffer[(*at, y)])).unwrap_or(area.width);
            let text = symbols(buffer, x..end, y);
            piece(&mut out, first, &text, (x, y), end - x);
            x = end;
        }
    }
    out.push_str("</svg>\n");
    out
}

/// The text of some cells; a wide character hides the cell behind it.
fn symbols(buffer: &Buffer, cells: std::ops::Range<u16>, y: u16) -> String {
    let (mut out, mut next) = (String::new(), cells.start);
    for x in cells {
        let symbol = buffer[(x, y)].symbol();
        if x >= next {
            out.push_str(symbol);
            next = x + u16::try_from(crate::text::width(symbol)).unwrap_or(1).max(1);
        }
    }
    out
}

fn piece(out: &mut String, look: &Cell, text: &str, at: (u16, u16), cells: u16) {
    let reversed = look.modifier.contains(Modifier::REVERSED);
    if text.trim().is_empty() && !reversed {
        return;
    }
    let (x, y) = (10.0 + f64::from(at.0) * CELL.0, 10.0 + f64::from(at.1) * CELL.1);
    let width = f64::from(cells) * CELL.0;
    let (front, back) = match reversed {
        true => (BACK, hex(look.fg, FRONT)),
        false => (hex(look.fg, FRONT), BACK),
    };
    if reversed {
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{}\" fill=\"{back}\"/>",
            CELL.1
        );
    }
    let weight = if look.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let base = y + 13.5;
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{base:.1}\" textLength=\"{width:.1}\" fill=\"{front}\"{weight} xml:space=\"preserve\">{text}</text>"
    );
}

fn kept(name: &str, drawn: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/doc").join(name);
    if std::env::var("COFFER_PICTURE").is_ok_and(|v| v == "write") {
        std::fs::write(&path, drawn).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == drawn, "{name} is no longer true: run the test with COFFER_PICTURE=write");
}

#[test]
fn the_picture_in_readme_is_true() {
    let app = host((80, 24));
    let text: String = shown(&app)
        .lines()
        .map(|line| {
            format!(
                "{}\n",
                line.split(" Hidden by").next().unwrap_or(line).trim_matches('"').trim_end()
            )
        })
        .collect();
    kept("console.txt", &text);
    let mut app = host((140, 34));
    keys(&mut app, "jj");
    let mut terminal = Terminal::new(TestBackend::new(140, 34)).unwrap();
    terminal.draw(|frame| screen::draw(&app, frame)).unwrap();
    kept("console.svg", &svg(terminal.backend().buffer()));
}
