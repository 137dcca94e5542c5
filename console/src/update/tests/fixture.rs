//! A console with containers, without a daemon.

use crate::app::{App, SECOND};
use crate::command::Command;
use crate::message::Message;
use crate::screen;
use crate::theme::{Charset, Palette, Theme};
use crate::update::update;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use shared::watch::{Container, Event, Frame, Hello, Object, Sample};

/// When every test takes place: 2026-11-21T02:44:10Z.
pub const NOW: i64 = 1_795_229_050 * SECOND;
/// Cells of a colourful terminal.
pub const ANSI: Theme = Theme { palette: Palette::Ansi, charset: Charset::Unicode };

/// An app before anything is known.
pub fn blank(size: (u16, u16), theme: Theme) -> App {
    App::new(theme, size, NOW, 0, "unix:///run/coffer.sock".into())
}

/// Who the daemon is; `start` tells two runs of it apart.
pub fn hello(start: i64) -> Frame {
    Frame::Hello {
        hello: Hello {
            id: "w1".into(),
            store: "5707e".into(),
            version: "0.1.0".into(),
            host: "prod-1".into(),
            cpus: 8,
            memory_bytes: 24 << 30,
            started_at_nanos: NOW - start * SECOND,
            adopted: 3,
        },
    }
}

/// A running container.
pub fn container(id: usize, name: &str) -> Container {
    Container {
        id: format!("{id:064x}"),
        name: name.into(),
        image: "corp/web:3.1".into(),
        command: vec!["serve".into(), "--port".into(), "80".into()],
        state: "running".into(),
        pid: 4000 + id as i32,
        created_at_nanos: NOW - 90_000 * SECOND,
        started_at_nanos: NOW - 7_500 * SECOND,
        restart_policy: "always".into(),
        memory_limit_bytes: 512 << 20,
        network_mode: "none".into(),
        ..Container::default()
    }
}

/// The usual suspects: one of each kind of trouble among healthy ones.
pub fn fleet() -> Vec<Container> {
    let ended = |c: Container, code| Container {
        state: "exited".into(),
        exit_code: code,
        finished_at_nanos: NOW - 150 * SECOND,
        ..c
    };
    vec![
        container(1, "web-1"),
        Container { health: "unhealthy".into(), ..container(2, "cache-1") },
        Container {
            oom_killed: true,
            oom_kills: 5,
            reason: "out of memory".into(),
            ..ended(container(3, "tui-oom"), 137)
        },
        Container {
            state: "restarting".into(),
            restarts: 4,
            restart_max: 5,
            restart_policy: "on-failure".into(),
            ..ended(container(4, "batch-etl"), 1)
        }
        .also_restarting(),
        Container { ports: vec!["0.0.0.0:8080->80/tcp".into()], ..container(5, "db-main") },
        Container { state: "paused".into(), ..container(6, "mail") },
        Container { state: "created".into(), ..container(7, "later") },
        container(8, "日本語-batch"),
        container(9, "evil\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}name"),
        ended(container(10, "done"), 0),
        container(11, "api-7"),
    ]
}

trait Also {
    fn also_restarting(self) -> Self;
}

impl Also for Container {
    fn also_restarting(mut self) -> Self {
        self.state = "restarting".into();
        self
    }
}

/// Figures that depend on the number of the container only.
pub fn sample(id: usize, at: i64) -> Sample {
    Sample {
        id: format!("{id:064x}"),
        time_nanos: at,
        cpu_percent: (id * 7 % 89) as f64 + 0.4,
        working_set_bytes: (20 + id as u64 * 37 % 440) << 20,
        memory_bytes: (30 + id as u64 * 37 % 440) << 20,
        memory_limit_bytes: 512 << 20,
        pids: 1 + id as u64 % 40,
        oom_score: 666 + id as i32 % 60,
        oom_score_adj: if id.is_multiple_of(5) { -500 } else { 0 },
        ..Sample::default()
    }
}

/// An app that is connected and has these containers with figures.
pub fn live(size: (u16, u16), theme: Theme, containers: Vec<Container>) -> App {
    let mut app = blank(size, theme);
    let count = containers.len();
    let objects = containers.into_iter().map(|c| Object::Container(Box::new(c))).collect();
    let mut frames = vec![
        hello(10_000),
        Frame::Snapshot { snapshot: objects },
        Frame::End { end: true, seq: 40 },
    ];
    frames.push(event(41, "start", "web-1"));
    frames.push(event(42, "oom", "tui-oom"));
    frames.push(event(43, "die", "tui-oom"));
    update(&mut app, Message::Frames(frames));
    for second in 0..12 {
        let samples = (1..=count).map(|id| {
            let mut s = sample(id, NOW);
            s.cpu_percent = (s.cpu_percent + f64::from(second * 9)) % 100.0;
            s
        });
        update(&mut app, Message::Frames(vec![Frame::Sample { sample: samples.collect() }]));
    }
    app
}

/// A fact.
pub fn event(seq: u64, action: &str, name: &str) -> Frame {
    let mut attributes = std::collections::BTreeMap::new();
    attributes.insert("name".to_string(), name.to_string());
    attributes.insert("image".to_string(), "corp/web:3.1".to_string());
    if action == "die" {
        attributes.insert("exitCode".into(), "137".into());
    }
    Frame::Event {
        seq,
        event: Event {
            seq,
            time_nanos: NOW - 60 * SECOND + seq as i64 * SECOND,
            kind: "container".into(),
            action: action.into(),
            id: "0".repeat(64),
            attributes,
        },
    }
}

/// Types keys: letters, and `<enter>`, `<esc>`, `<tab>`, `<down>`, `<^x>`.
pub fn keys(app: &mut App, typed: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut rest = typed;
    while !rest.is_empty() {
        let named = rest.strip_prefix('<').and_then(|r| r.split_once('>'));
        let (code, modifiers, after) = match named {
            Some(("enter", after)) => (KeyCode::Enter, KeyModifiers::NONE, after),
            Some(("esc", after)) => (KeyCode::Esc, KeyModifiers::NONE, after),
            Some(("tab", after)) => (KeyCode::Tab, KeyModifiers::NONE, after),
            Some(("down", after)) => (KeyCode::Down, KeyModifiers::NONE, after),
            Some((control, after)) if control.starts_with('^') => {
                (KeyCode::Char(control.chars().nth(1).unwrap()), KeyModifiers::CONTROL, after)
            }
            _ => {
                let letter = rest.chars().next().unwrap();
                (KeyCode::Char(letter), KeyModifiers::NONE, &rest[letter.len_utf8()..])
            }
        };
        commands.extend(update(app, Message::Key(KeyEvent::new(code, modifiers))));
        rest = after;
    }
    commands
}

/// Lets time pass.
pub fn wait(app: &mut App, nanos: i64) -> Vec<Command> {
    let now = app.now + nanos;
    update(app, Message::Tick { now })
}

/// The screen as text.
pub fn shown(app: &App) -> String {
    let mut terminal = Terminal::new(TestBackend::new(app.size.0, app.size.1)).unwrap();
    terminal.draw(|frame| screen::draw(app, frame)).unwrap();
    terminal.backend().to_string()
}
