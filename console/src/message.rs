//! Everything that can happen to the console. Closed: what is not here cannot change the state.

use crate::fleet::Point;
use crate::verb::Verb;
use crossterm::event::KeyEvent;
use serde_json::Value;
use shared::watch::{Event, Frame};
use std::time::Duration;

/// Something has happened.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size.
    Resize {
        /// Cells across.
        width: u16,
        /// Lines.
        height: u16,
    },
    /// Time has passed.
    Tick {
        /// Nanoseconds since 1970.
        now: i64,
    },
    /// Lines of the watch stream, in order.
    Frames(Vec<Frame>),
    /// The watch stream has ended, or could not be opened.
    Lost {
        /// Why, in words.
        reason: String,
    },
    /// Events of the time before the stream began.
    Past(Vec<Event>),
    /// An action on one container is done.
    Done {
        /// What was asked for.
        verb: Verb,
        /// Its name.
        name: String,
        /// How long it took.
        took: Duration,
        /// The daemon's sentence when it failed.
        error: Option<String>,
    },
    /// An answer for the detail pane.
    Detail {
        /// Which request it answers; an older one is dropped.
        generation: u64,
        /// The answer.
        answer: Answer,
    },
    /// Text for the clipboard has been fetched.
    Clip(String),
    /// Something to say on the status line.
    Notice {
        /// How it is meant.
        tone: Tone,
        /// Words, cleaned by the receiver.
        text: String,
    },
}

/// How a notice is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something worked.
    Good,
    /// Something did not.
    Bad,
}

/// What the detail pane has asked for.
#[derive(Clone, Debug)]
pub enum Answer {
    /// More lines of the log.
    Lines(Vec<LogLine>),
    /// The log has ended: the container has stopped.
    LogEnd,
    /// Processes: titles and rows.
    Processes {
        /// Column titles.
        titles: Vec<String>,
        /// One row a process.
        rows: Vec<Vec<String>>,
    },
    /// Figures of the past, oldest first.
    History(Vec<Point>),
    /// The inspected object.
    Object(Box<Value>),
    /// It failed.
    Failed(String),
}

/// A line of a container's log, cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Nanoseconds since 1970, or 0 where the daemon wrote no time.
    pub time: i64,
    /// What was written.
    pub text: String,
    /// To standard error.
    pub source: Source,
}

/// Where a line of a log was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard output or a terminal.
    Output,
    /// Standard error.
    Error,
}
