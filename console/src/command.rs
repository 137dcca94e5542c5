//! What the world must do for the console. `update` returns these, `effect` and the loop carry them out.

use crate::message::Target;
use crate::table::Id;

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

/// An action on a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Start.
    Start,
    /// Stop, as the container asks for.
    Stop,
    /// Stop and start.
    Restart,
    /// Freeze.
    Pause,
    /// Thaw.
    Unpause,
    /// Send a signal.
    Kill(&'static str),
    /// Remove.
    Remove,
    /// Kill and remove.
    RemoveForced,
}

impl Verb {
    /// What is asked for, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Start => "start",
            Verb::Stop => "stop",
            Verb::Restart => "restart",
            Verb::Pause => "pause",
            Verb::Unpause => "unpause",
            Verb::Kill(_) => "kill",
            Verb::Remove | Verb::RemoveForced => "rm",
        }
    }

    /// What has happened, for the status line.
    pub fn past(self) -> &'static str {
        match self {
            Verb::Start => "started",
            Verb::Stop => "stopped",
            Verb::Restart => "restarted",
            Verb::Pause => "paused",
            Verb::Unpause => "unpaused",
            Verb::Kill(_) => "signalled",
            Verb::Remove | Verb::RemoveForced => "removed",
        }
    }

    /// The same thing on the command line.
    pub fn command_line(self, targets: &[Target]) -> String {
        let flags = match self {
            Verb::Kill(signal) => format!(" -s {signal}"),
            Verb::RemoveForced => " -f".to_string(),
            _ => String::new(),
        };
        let names: Vec<&str> = targets.iter().map(|t| t.name.as_str()).collect();
        format!("coffer {}{flags} {}", self.name(), names.join(" "))
    }
}
