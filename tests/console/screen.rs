//! The console on its terminal, and what can be seen on it.

use super::fake::Fake;
use harness::terminal::Terminal;
use harness::{program, wait};
use std::cell::{Ref, RefCell};
use std::process::Command;

/// A console and the screen that it draws on.
pub struct Console {
    /// Its terminal.
    pub terminal: Terminal,
    size: (u16, u16),
    /// What was shown so far, and how many bytes of it.
    screen: RefCell<(vt100::Parser, usize)>,
}

/// The program with an environment of its own.
pub fn command(fake: &Fake) -> Command {
    let mut command = Command::new(program::built("coffer"));
    command
        .env("COFFER_HOST", fake.host())
        .env("TERM", "xterm-256color")
        .env("LANG", "C.UTF-8")
        .env("TZ", "UTC");
    command.env_remove("NO_COLOR");
    command
}

impl Console {
    /// Opens it on a terminal of so many lines and columns, and waits until containers are shown.
    pub fn open(fake: &Fake, rows: u16, columns: u16) -> Self {
        let console = Self::with(&command(fake), rows, columns);
        console.until("the containers are there", |screen| screen.contains("svc-0000"));
        console
    }

    /// Opens it as told.
    pub fn with(command: &Command, rows: u16, columns: u16) -> Self {
        let terminal = Terminal::start(command, rows, columns);
        let screen = RefCell::new((vt100::Parser::new(rows, columns, 0), 0));
        Self { terminal, size: (rows, columns), screen }
    }

    /// The screen as a terminal would show it.
    pub fn parsed(&self) -> Ref<'_, vt100::Parser> {
        {
            let (parser, known) = &mut *self.screen.borrow_mut();
            let new = self.terminal.seen_after(*known);
            parser.process(&new);
            *known += new.len();
        }
        Ref::map(self.screen.borrow(), |(parser, _)| parser)
    }

    /// Its text.
    pub fn text(&self) -> String {
        self.parsed().screen().contents()
    }

    /// Waits for the screen to be so.
    #[track_caller]
    pub fn until(&self, what: &str, mut is: impl FnMut(&str) -> bool) {
        let begin = std::time::Instant::now();
        while !is(&self.text()) {
            if begin.elapsed() >= wait::LIMIT {
                let seen = self.terminal.seen();
                let last: String =
                    seen.chars().rev().take(300).collect::<Vec<_>>().iter().rev().collect();
                panic!("{what} is not so on\n{}\nwritten last: {last:?}", self.text());
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Makes the terminal another size.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        self.size = (rows, columns);
        *self.screen.borrow_mut() = (vt100::Parser::new(rows, columns, 0), 0);
        self.terminal.resize(rows, columns);
    }

    /// The text of the reversed line, and whether it is reversed to its last cell.
    pub fn selected(&self) -> Option<(String, bool)> {
        let parser = self.parsed();
        let screen = parser.screen();
        // The first cell may be a border.
        let inverse = |row: &u16| screen.cell(*row, 1).is_some_and(vt100::Cell::inverse);
        let row = (0..self.size.0).find(inverse)?;
        let whole = (0..self.size.1).all(|x| screen.cell(row, x).is_some_and(vt100::Cell::inverse));
        Some((screen.rows(0, self.size.1).nth(usize::from(row))?, whole))
    }
}
