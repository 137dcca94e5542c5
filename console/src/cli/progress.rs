//! Progress on standard error, only when that is a terminal.

use crate::text;
use serde_json::Value;
use shared::error::{Error, Result};
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Shortest time between two lines.
const PERIOD: Duration = Duration::from_millis(100);
/// Cells of a bar.
const CELLS: usize = 30;

/// Whether progress is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// On a terminal.
    Shown,
    /// Never.
    Hidden,
}

impl Wish {
    /// Of a `--quiet` flag.
    pub fn of(quiet: bool) -> Self {
        if quiet { Wish::Hidden } else { Wish::Shown }
    }
}

/// One line that is written over and over.
#[derive(Debug)]
pub struct Progress {
    shown: bool,
    drawn: Option<Instant>,
    begin: Instant,
    written: bool,
}

impl Progress {
    /// Progress, when it is wanted and standard error is a terminal.
    pub fn new(wish: Wish) -> Self {
        let shown = wish == Wish::Shown && stderr().is_terminal();
        Self { shown, drawn: None, begin: Instant::now(), written: false }
    }

    /// So many bytes of a total, 0 when that is not known.
    pub fn bytes(&mut self, label: &str, done: u64, total: u64) {
        if !self.due() {
            return;
        }
        let seconds = self.begin.elapsed().as_secs_f64().max(0.001);
        let rate = text::bytes((done as f64 / seconds) as u64);
        let line = match total {
            0 => format!("{label} {}  {rate}/s", text::bytes(done)),
            total => format!(
                "{label} {} {} / {}  {rate}/s",
                bar(done, total),
                text::bytes(done),
                text::bytes(total)
            ),
        };
        self.draw(&line);
    }

    /// A line of the daemon's progress (JSON): shown, or an error.
    pub fn event(&mut self, line: &Value) -> Result<()> {
        if let Some(error) = line["error"].as_str() {
            return Err(Error::internal(error));
        }
        let Some(status) = line["status"].as_str().filter(|_| self.shown) else { return Ok(()) };
        let id = line["id"].as_str().map(|id| format!("{id}: ")).unwrap_or_default();
        let detail = &line["progressDetail"];
        if let (Some(done), true) = (detail["current"].as_u64(), self.due()) {
            let total = detail["total"].as_u64().unwrap_or(0);
            let words = match total {
                0 => text::bytes(done),
                total => {
                    format!("{} {} / {}", bar(done, total), text::bytes(done), text::bytes(total))
                }
            };
            self.draw(&format!("{id}{} {words}", text::clean(status)));
        }
        Ok(())
    }

    /// Removes the line.
    pub fn finish(&mut self) {
        if self.written {
            self.written = false;
            // A terminal that is gone has nothing to remove.
            let _ = write!(stderr(), "\r\u{1b}[K");
        }
    }

    fn due(&mut self) -> bool {
        let due = self.shown && self.drawn.is_none_or(|at| at.elapsed() >= PERIOD);
        if due {
            self.drawn = Some(Instant::now());
        }
        due
    }

    fn draw(&mut self, line: &str) {
        self.written = true;
        let width = crossterm::terminal::size().map_or(80, |(width, _)| usize::from(width));
        // Progress that cannot be shown must not end the work.
        let _ = write!(stderr(), "\r{}\u{1b}[K", text::cut(line, width.saturating_sub(1), "…"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn bar(done: u64, total: u64) -> String {
    let full = ((done.min(total) as f64 / total as f64) * CELLS as f64) as usize;
    format!("[{}>{}]", "=".repeat(full), " ".repeat(CELLS - full))
}
