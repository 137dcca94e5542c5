//! Every view as text, at three sizes, in every state of the connection.

use super::fixture::{ANSI, blank, container, fleet, keys, live, shown, wait};
use crate::app::{App, SECOND};
use crate::layout::Areas;
use crate::message::{Answer, LogLine, Message, Source};
use crate::theme::{Charset, Palette, Theme};
use crate::update::update;

const SIZES: [(u16, u16); 3] = [(60, 15), (80, 24), (160, 50)];

fn snap(name: &str, make: impl Fn((u16, u16)) -> App) {
    for size in SIZES {
        insta::assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), shown(&make(size)));
    }
}

fn answer(app: &mut App, answer: Answer) {
    wait(app, SECOND);
    let generation = app.detail.generation;
    update(app, Message::Detail { generation, answer });
}

#[test]
fn containers() {
    snap("containers", |size| live(size, ANSI, fleet()));
    snap("containers-empty", |size| live(size, ANSI, Vec::new()));
    snap("containers-connecting", |size| blank(size, ANSI));
    snap("containers-marked", |size| {
        let mut app = live(size, ANSI, fleet());
        keys(&mut app, "C  j");
        app
    });
}

#[test]
fn disconnected() {
    snap("disconnected", |size| {
        let mut app = live(size, ANSI, fleet());
        update(&mut app, Message::Lost { reason: "the daemon closed the stream".into() });
        app
    });
}

#[test]
fn events() {
    snap("events", |size| {
        let mut app = live(size, ANSI, fleet());
        keys(&mut app, "2");
        app
    });
}

#[test]
fn details() {
    snap("overview", |size| {
        let mut app = live(size, ANSI, fleet());
        keys(&mut app, "<enter>");
        app
    });
    snap("stats", |size| {
        let mut app = live(size, ANSI, fleet());
        keys(&mut app, "/api<enter>m");
        app
    });
    snap("logs", |size| {
        let mut app = live(size, ANSI, fleet());
        keys(&mut app, "/api<enter>lT");
        let line = |text: &str, source| LogLine {
            time: 1_795_228_898 * SECOND,
            text: text.into(),
            source,
        };
        let lines = vec![
            line("listening on 80", Source::Output),
            line("日本語のログ", Source::Output),
            line(
                "connection refused by upstream after a very long time and with a very long sentence",
                Source::Error,
            ),
        ];
        answer(&mut app, Answer::Lines(lines));
        app
    });
    snap("processes", |size| {
        let mut app = live(size, ANSI, fleet());
        keys(&mut app, "/api<enter>t");
        let strings = |cells: [&str; 3]| cells.map(str::to_string).to_vec();
        let rows =
            vec![strings(["root", "4121", "java -jar api.jar"]), strings(["root", "4200", "sh"])];
        answer(&mut app, Answer::Processes { titles: strings(["UID", "PID", "CMD"]), rows });
        app
    });
    snap("inspect", |size| {
        let mut app = live(size, ANSI, fleet());
        keys(&mut app, "/api<enter>i");
        let object = serde_json::json!({"Id": "b".repeat(64), "State": {"Running": true, "Pid": 4121}, "Args": ["-jar", "x"]});
        answer(&mut app, Answer::Object(Box::new(object)));
        app
    });
}

#[test]
fn popups() {
    snap("help", |size| {
        let mut app = live(size, ANSI, fleet());
        keys(&mut app, "?");
        app
    });
    snap("confirm", |size| {
        let mut app = live(size, ANSI, fleet());
        keys(&mut app, "/db-main<enter>X");
        app
    });
    snap("palette", |size| {
        let mut app = live(size, ANSI, fleet());
        keys(&mut app, ":st");
        app
    });
    snap("menu", |size| {
        let mut app = live(size, ANSI, fleet());
        keys(&mut app, "K");
        app
    });
    snap("filter", |size| {
        let mut app = live(size, ANSI, fleet());
        keys(&mut app, "/mem%>10 !w");
        app
    });
}

#[test]
fn ascii_and_mono_have_neither_glyphs_nor_colours() {
    let theme = Theme { palette: Palette::Mono, charset: Charset::Ascii };
    let mut ascii = fleet();
    ascii.retain(|c| c.name.is_ascii());
    let app = live((80, 24), theme, ascii);
    let screen = shown(&app);
    let text: String = screen.chars().filter(|c| !c.is_ascii()).collect();
    assert_eq!(text, "", "{screen}");
    let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| crate::screen::draw(&app, frame)).unwrap();
    for cell in terminal.backend().buffer().content() {
        let reset = ratatui::style::Color::Reset;
        assert!(cell.fg == reset && cell.bg == reset, "{cell:?}");
    }
}

#[test]
fn the_selection_reaches_the_last_column() {
    let app = live((80, 24), ANSI, vec![container(1, "web")]);
    let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| crate::screen::draw(&app, frame)).unwrap();
    let row = Areas::of(&app).rows.y;
    for x in 0..80 {
        let cell = &terminal.backend().buffer()[(x, row)];
        assert!(cell.modifier.contains(ratatui::style::Modifier::REVERSED), "cell {x}");
    }
}

#[test]
fn nothing_hostile_reaches_a_cell() {
    for view in ["", "2", "<enter>", "m"] {
        let mut app = live((160, 50), ANSI, fleet());
        keys(&mut app, &format!("/evil<enter>{view}"));
        let screen = shown(&app);
        assert!(!screen.chars().any(|c| c.is_control() && c != '\n'), "{screen}");
        assert!(screen.contains("evilname") || view == "2", "{screen}");
    }
}
