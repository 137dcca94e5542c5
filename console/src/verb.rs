//! What can be done to containers, in the words of the command line. Knows no state and no screen.

use crate::table::Id;

/// A container that a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its id.
    pub id: Id,
    /// Its name, cleaned.
    pub name: String,
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
