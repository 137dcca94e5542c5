//! Keys, sizes, colours, and a daemon that goes and comes back.

use super::fake::Fake;
use super::screen::{Console, command};
use harness::wait;
use std::time::Duration;

#[test]
fn no_key_is_dropped() {
    let fake = Fake::start(100);
    let mut console = Console::open(&fake, 24, 80);
    // By name, so that no figure moves a row.
    console.terminal.send("N");
    console.until("it is sorted by name", |screen| screen.contains("sort name"));
    for _ in 0..40 {
        console.terminal.send("j");
        std::thread::sleep(Duration::from_millis(10));
    }
    console.until("the cursor has moved", |_| {
        console.selected().is_some_and(|(row, _)| row.contains("svc-0040"))
    });
    console.terminal.send("\u{1b}[A\u{1b}[A");
    console.until("arrows are keys", |_| {
        console.selected().is_some_and(|(row, _)| row.contains("svc-0038"))
    });
}

#[test]
fn every_tab_is_filled() {
    let fake = Fake::start(20);
    let mut console = Console::open(&fake, 50, 160);
    for (key, shown) in [
        ("l", "and another one"),
        ("t", "serve --all"),
        ("i", "Config"),
        ("m", "throttled"),
        ("w", "as it should be"),
        ("2", "following"),
        ("1", "svc-0000"),
        ("?", "send a signal"),
    ] {
        console.terminal.send(key);
        console.until(shown, |screen| screen.contains(shown));
    }
}

#[test]
fn an_action_reaches_the_daemon_after_the_question() {
    let fake = Fake::start(5);
    let mut console = Console::open(&fake, 24, 80);
    console.terminal.send("Ns");
    console.until("it asks", |screen| screen.contains("Stop svc-0000"));
    console.terminal.send("y");
    console.until("it is done", |screen| screen.contains("stopped svc-0000"));
    let stop = format!("POST /containers/{}/stop", super::fake::id(0));
    assert!(fake.asked().contains(&stop), "{:?}", fake.asked());
}

#[test]
fn sizes_may_change_at_any_time() {
    let fake = Fake::start(100);
    let mut console = Console::open(&fake, 24, 80);
    for turn in 0..30u16 {
        console.resize(10 + turn, 50 + turn * 4);
        std::thread::sleep(Duration::from_millis(5));
    }
    console.resize(50, 160);
    console
        .until("the wide layout", |screen| screen.contains("Events ─") && screen.contains("IMAGE"));
    console.resize(15, 60);
    console.until("the small layout", |screen| {
        screen.contains("svc-0000") && !screen.contains("IMAGE")
    });
}

#[test]
fn a_terminal_of_one_cell_is_no_end() {
    let fake = Fake::start(10);
    let mut console = Console::with(&command(&fake), 1, 1);
    console.until("something is shown", |screen| !screen.trim().is_empty());
    for (rows, columns) in [(1, 200), (200, 1), (2, 2), (8, 40), (7, 39), (24, 80)] {
        console.resize(rows, columns);
        for key in ["j", "l", "m", "?", "G", "X", "z", ":", "/"] {
            console.terminal.send(key);
            console.terminal.send("\u{1b}");
            console.terminal.send("\u{1b}");
        }
    }
    console.until("it is whole again", |screen| {
        screen.contains("svc-00") && screen.contains("? help")
    });
}

#[test]
fn without_colour_the_selection_is_still_whole() {
    let fake = Fake::start(10);
    let mut program = command(&fake);
    program.env("NO_COLOR", "1");
    let console = Console::with(&program, 24, 80);
    console.until("the containers are there", |screen| screen.contains("svc-0000"));
    console.until("a row is selected to its last cell", |_| {
        console.selected().is_some_and(|(_, whole)| whole)
    });
    let parser = console.parsed();
    for (row, column) in (0..24).flat_map(|row| (0..80).map(move |column| (row, column))) {
        let cell = parser.screen().cell(row, column).expect("a cell");
        assert_eq!(
            (cell.fgcolor(), cell.bgcolor()),
            (vt100::Color::Default, vt100::Color::Default)
        );
    }
}

#[test]
fn a_daemon_that_dies_is_told_and_its_return_too() {
    let mut fake = Fake::start(10);
    let console = Console::open(&fake, 24, 100);
    fake.stop();
    console.until("the daemon is gone", |screen| {
        screen.contains("DAEMON GONE") && screen.contains("svc-0000")
    });
    fake.resume();
    console.until("it is back", |screen| screen.contains("daemon restarted, 10 re-adopted"));
    console.until("it is live", |screen| screen.contains("live"));
    assert!(fake.asked().iter().any(|r| r.contains("after=store-13")), "{:?}", fake.asked());
}

#[test]
fn in_steady_state_nothing_is_asked() {
    let fake = Fake::start(200);
    let console = Console::open(&fake, 24, 80);
    wait::until_true("the daemon was told what is looked at", || {
        fake.asked().iter().any(|r| r.ends_with("/interest"))
    });
    let before = fake.asked();
    assert!(before.len() <= 4, "{before:?}");
    // Attention is a matter of the container's state only: three seconds of figures change no row.
    let begin = std::time::Instant::now();
    let first = console.terminal.seen().len();
    wait::until_true("figures have come", || {
        begin.elapsed() > Duration::from_secs(3) && console.terminal.seen().len() > first
    });
    assert_eq!(fake.asked(), before);
}
