//! What the world must do for the console. `update` returns these, `effect` and the loop carry them out.

use crate::table::Id;
use crate::verb::{Target, Verb};

/// Something to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Leave.
    Quit,
    /// Hand the terminal back to the shell until `fg`.
    Suspend,
    /// Draw every cell anew.
    Redraw,
    /// Open the watch stream.
    Connect {
        /// Go on after this cursor.
        after: Option<String>,
    },
    /// Say which containers are looked at.
    Interest {
        /// The stream.
        stream: String,
        /// Their ids.
        containers: Vec<String>,
    },
    /// Fetch the events of the last time.
    Past {
        /// Seconds since 1970.
        since: i64,
        /// Seconds since 1970.
        until: i64,
    },
    /// Act on containers, all at once within limits.
    Act {
        /// What.
        verb: Verb,
        /// On which.
        targets: Vec<Target>,
    },
    /// Load something into the detail pane; replaces what was being loaded.
    Load {
        /// Comes back with each answer.
        generation: u64,
        /// What.
        load: Load,
    },
    /// Stop loading.
    Unload,
    /// Give the terminal to a shell in the container.
    Shell(Target),
    /// Give the terminal to the container's main process.
    Attach(Target),
    /// Put text into the terminal's clipboard (OSC 52).
    Copy(String),
    /// Fetch the object as JSON into the clipboard.
    CopyObject(Id),
}

/// What the detail pane shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Load {
    /// The log, followed.
    Logs {
        /// Of which container.
        id: Id,
        /// Its output is one raw stream.
        terminal: Terminal,
        /// Seconds since 1970, 0 for no limit.
        since: i64,
        /// Last lines, 0 for all.
        tail: u32,
    },
    /// The processes, again and again.
    Processes(Id),
    /// The object.
    Object(Id),
    /// The figures that the daemon remembers.
    History(Id),
}

/// Whether a container has a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// It has: one stream without frames.
    Raw,
    /// It has not: stdout and stderr in Docker's frames.
    Framed,
}
