//! Every row of the help, on a small and on a large terminal: what the keys are pressed in, and what must
//! be seen. The rows are compared with the help that the console itself shows, so that no key can be
//! bound without a row here.

use super::fake::Fake;
use super::screen::Console;
use harness::wait;
use std::collections::BTreeSet;

/// Containers of the daemon.
const COUNT: usize = 60;

/// What a key must lead to.
enum Must {
    /// This is on the screen.
    Show(&'static str),
    /// This is not.
    Hide(&'static str),
    /// The selected row.
    Select(&'static str),
    /// The selected row is another one than this.
    Leave(&'static str),
    /// The daemon was asked for this, by its end.
    Ask(&'static str),
    /// The program ends with this code.
    End(u32),
    /// The program stops, and goes on when it is told to.
    Stop,
    /// Every cell is written anew.
    Redraw,
}
use Must::{Ask, End, Hide, Leave, Redraw, Select, Show, Stop};

/// Keys and words of the help; what is pressed before, each with what it leads to; what must follow.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)], Must);

const NAMED: (&str, &str) = ("N", "sort name");
const OPEN: (&str, &str) = ("enter", "> next");
const LOGS: (&str, &str) = ("l", "and another one");
const TREE: (&str, &str) = ("i", "Tty");
const EVENTS: (&str, &str) = ("2", "[2 Events]");

const LIST: &[Row] = &[
    ("space", "mark", &[], Show("marked 1")),
    ("enter", "open the detail pane", &[], Show("> next")),
    ("v", "mark up to here", &[NAMED, ("space", "marked 1"), ("j", "")], Show("marked 3")),
    ("*", "mark all that are shown", &[], Show("marked 60")),
    ("u", "clear all marks", &[("*", "marked 60")], Hide("marked")),
    ("o", "choose the sort column", &[], Show("Sort by (again")),
    ("R", "reverse the order", &[NAMED], Show("sort name▼")),
    ("N", "sort by name", &[], Show("sort name▲")),
    ("T", "sort by state", &[], Show("sort state▲")),
    ("C", "sort by CPU", &[], Show("sort cpu▼")),
    ("M", "sort by memory", &[], Show("sort memory▼")),
    ("O", "sort by OOM score", &[], Show("sort oom score▼")),
    ("A", "sort by age", &[], Show("sort age▲")),
    (">", "next container", &[NAMED, OPEN], Show("svc-0001 [Overview]")),
    ("<", "previous container", &[NAMED, ("j", ""), OPEN], Show("svc-0000 [Overview]")),
];

const CONTAINERS: &[Row] = &[
    ("l", "logs", &[], Show("and another one")),
    ("e", "shell inside (exec)", &[], Show("this is a shell")),
    ("s", "stop", &[NAMED], Show("Stop svc-0000")),
    ("S", "start", &[NAMED], Show("svc-0000 runs already")),
    ("r", "restart", &[NAMED], Show("Restart svc-0000")),
    ("p", "pause or unpause", &[NAMED], Show("Pause svc-0000")),
    ("K", "send a signal", &[], Show("SIGUSR1")),
    ("X del", "remove", &[NAMED], Show("Type svc-0000 to confirm")),
    ("a", "attach to the main process", &[], Show("this is the main process")),
    ("x", "menu of actions", &[], Show("Actions")),
    ("y", "copy id, name, JSON, ...", &[], Show("JSON of the whole object")),
    ("t", "processes", &[], Show("serve --all")),
    ("m", "figures with history", &[], Show("throttled")),
    ("i d", "inspect", &[], Show("Tty: true")),
    ("w", "overview: why it is so", &[("m", "throttled")], Show("as it should be")),
];

const MOVING: &[Row] = &[
    ("j down", "down", &[NAMED], Select("svc-0001")),
    ("k up", "up", &[NAMED, ("j", ""), ("j", "")], Select("svc-0001")),
    ("^d", "half a page down", &[NAMED], Leave("svc-0000")),
    ("^u", "half a page up", &[NAMED, ("G", "svc-0059")], Leave("svc-0059")),
    ("^f pgdn", "a page down", &[NAMED], Leave("svc-0000")),
    ("^b pgup", "a page up", &[NAMED, ("G", "svc-0059")], Leave("svc-0059")),
    ("g home", "first", &[NAMED, ("j", "")], Select("svc-0000")),
    ("G end", "last", &[NAMED], Select("svc-0059")),
    ("h left", "scroll to the left", &[("L", "IMAGE"), ("L", "ADJ")], Show("IMAGE")),
    ("L right", "scroll to the right", &[("L", "IMAGE")], Hide("IMAGE")),
    ("tab S-tab", "other pane", &[], Show("> next")),
    ("z", "detail pane full or shared", &[], Hide("AGE")),
    ("]", "next tab", &[OPEN], Show("[Logs]")),
    ("[", "previous tab", &[OPEN], Show("[Inspect]")),
];

const EVERYWHERE: &[Row] = &[
    ("? F1", "this help", &[], Show("Help")),
    (": ^p", "command palette", &[], Show("Commands")),
    ("/", "filter what is shown", &[], Show("name~^api")),
    ("1", "containers", &[EVENTS], Show("[1 Containers]")),
    ("2", "events", &[], Show("[2 Events]")),
    ("esc", "close, clear filter, marks", &[("*", "marked 60")], Hide("marked")),
    ("q", "back; at the top, quit", &[], End(0)),
    ("Q ^c", "quit at once", &[EVENTS], End(0)),
    ("^z", "suspend (fg comes back)", &[], Stop),
    ("^l", "draw everything anew", &[], Redraw),
    // Without a daemon; see `a_daemon_that_dies_is_told_and_its_return_too` for what it does then.
    ("^r", "reconnect now", &[], Show("live")),
];

const TABS: &[Row] = &[
    ("f", "follow or freeze", &[LOGS], Show("frozen (f follows)")),
    ("W", "wrap long lines", &[LOGS], Show("end-of-line")),
    ("T", "timestamps", &[LOGS], Show("11-20 02:41")),
    ("0", "the last lines", &[LOGS, ("8", "from the beginning")], Hide("from the beginning")),
    ("3", "since one minute", &[LOGS], Show("last 1 min")),
    ("4", "since five minutes", &[LOGS], Show("last 5 min")),
    ("5", "since a quarter of an hour", &[LOGS], Show("last 15 min")),
    ("6", "since half an hour", &[LOGS], Show("last 30 min")),
    ("7", "since one hour", &[LOGS], Show("last 60 min")),
    ("8", "from the beginning", &[LOGS], Ask("since=0&tail=all")),
    ("enter space", "fold or unfold", &[TREE], Hide("Tty")),
    ("-", "fold all", &[TREE], Hide("Tty")),
    ("+", "unfold all", &[TREE, ("-", "State: {1}")], Show("Tty")),
    ("f", "follow or freeze", &[EVENTS], Show("frozen")),
    ("enter", "attributes of the event", &[EVENTS], Show("number ")),
];

/// What the terminal sends for a key.
fn bytes(key: &str) -> String {
    let named = match key {
        "space" => " ",
        "enter" => "\r",
        "esc" => "\u{1b}",
        "tab" => "\t",
        "S-tab" => "\u{1b}[Z",
        "up" => "\u{1b}[A",
        "down" => "\u{1b}[B",
        "right" => "\u{1b}[C",
        "left" => "\u{1b}[D",
        "home" => "\u{1b}[H",
        "end" => "\u{1b}[F",
        "pgup" => "\u{1b}[5~",
        "pgdn" => "\u{1b}[6~",
        "del" => "\u{1b}[3~",
        "F1" => "\u{1b}OP",
        _ => "",
    };
    match key.strip_prefix('^').and_then(|rest| rest.chars().next()) {
        Some(letter) if key.len() == 2 => char::from(letter as u8 & 0x1f).to_string(),
        _ if named.is_empty() => key.to_string(),
        _ => named.to_string(),
    }
}

fn selects(console: &Console, name: &str) -> bool {
    console.selected().is_some_and(|(row, _)| row.contains(name))
}

fn press(fake: &Fake, size: (u16, u16), row: &Row, key: &str) {
    let (_, help, before, must) = row;
    let mut console = Console::open(fake, size.0, size.1);
    let what = format!("{key} ({help}) on {} columns", size.1);
    for (key, until) in *before {
        console.terminal.send(&bytes(key));
        console.until(&what, |screen| screen.contains(until));
    }
    let asked = fake.asked().len();
    let seen = console.terminal.seen().len();
    console.terminal.send(&bytes(key));
    match must {
        Show(text) => console.until(&what, |screen| screen.contains(text)),
        Hide(text) => console.until(&what, |screen| !screen.contains(text)),
        Select(name) => console.until(&what, |_| selects(&console, name)),
        Leave(name) => {
            console.until(&what, |_| console.selected().is_some() && !selects(&console, name))
        }
        Ask(end) => wait::until_true(&what, || {
            fake.asked()[asked..].iter().any(|request| request.ends_with(end))
        }),
        End(code) => assert_eq!(console.terminal.status(), *code, "{what}"),
        Stop => super::signals::stops_and_goes_on(&mut console),
        Redraw => wait::until_true(&what, || {
            let mut parser = vt100::Parser::new(size.0, size.1, 0);
            parser.process(&console.terminal.seen().as_bytes()[seen..]);
            let text = parser.screen().contents();
            ["testhost", "svc-0000", "help"].iter().all(|part| text.contains(part))
        }),
    }
}

fn press_all(rows: &[Row]) {
    let fake = Fake::start(COUNT);
    for size in [(24, 80), (50, 160)] {
        for row in rows {
            for key in row.0.split(' ') {
                press(&fake, size, row, key);
            }
        }
    }
}

#[test]
fn keys_of_the_list() {
    press_all(LIST);
}

#[test]
fn keys_of_a_container() {
    press_all(CONTAINERS);
}

#[test]
fn keys_that_move() {
    press_all(MOVING);
}

#[test]
fn keys_that_hold_everywhere() {
    press_all(EVERYWHERE);
}

#[test]
fn keys_of_the_tabs() {
    press_all(TABS);
}

/// Keys and words of every line of the help on the screen.
fn told(console: &Console) -> BTreeSet<(String, String)> {
    let parser = console.parsed();
    let screen = parser.screen();
    let text = |row: u16, from: u16, cells: u16| -> String {
        let cell = |x| screen.cell(row, x).map(vt100::Cell::contents).unwrap_or_default();
        let cells = (from..from + cells).map(|x| if cell(x).is_empty() { " " } else { cell(x) });
        cells.collect::<String>().trim().to_string()
    };
    let frame = |row: &u16| text(*row, 1, 1);
    let rows: Vec<u16> = (0..50).collect();
    let top = rows.iter().position(|row| frame(row) == "╭").expect("the top of the popup");
    let inside = rows[top + 1..].iter().take_while(|row| frame(row) == "│");
    // Columns of 39 cells inside of a border at cell 1: keys, then words.
    let lines = inside.flat_map(|row| (0..4u16).map(move |column| (*row, 2 + column * 39)));
    lines
        .filter(|(row, x)| {
            let whole = text(*row, x + 1, 38);
            !whole.is_empty() && !HEADINGS.contains(&whole.trim_end_matches("(not here)").trim())
        })
        .map(|(row, x)| (text(row, x + 1, 11), text(row, x + 12, 27)))
        .collect()
}

const HEADINGS: [&str; 8] =
    ["everywhere", "moving", "containers", "list", "events", "detail pane", "logs", "inspect"];

#[test]
fn the_help_and_these_rows_are_the_same() {
    let fake = Fake::start(COUNT);
    let mut console = Console::open(&fake, 50, 160);
    console.terminal.send("?");
    console.until("the help is there", |screen| screen.contains("sort by OOM score"));
    let told = told(&console);
    let rows = [LIST, CONTAINERS, MOVING, EVERYWHERE, TABS].into_iter().flatten();
    assert_eq!(told, rows.map(|row| (row.0.into(), row.1.into())).collect());
}
