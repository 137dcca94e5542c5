//! The detail pane: tabs about the selected container, and what they have loaded.

use super::logs::Logs;
use super::tree::Tree;
use crate::command::Load;
use crate::fleet::Point;
use crate::keys::Scope;
use crate::table::Id;

/// What the pane shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// Why it is as it is.
    #[default]
    Overview,
    /// Its log, followed.
    Logs,
    /// Its processes.
    Processes,
    /// Its figures with their history.
    Stats,
    /// The whole object.
    Inspect,
}

impl Tab {
    /// All, in order.
    pub const ALL: [Tab; 5] = [Tab::Overview, Tab::Logs, Tab::Processes, Tab::Stats, Tab::Inspect];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Tab::Overview => "Overview",
            Tab::Logs => "Logs",
            Tab::Processes => "Procs",
            Tab::Stats => "Stats",
            Tab::Inspect => "Inspect",
        }
    }

    /// The scopes of its own keys.
    pub fn scope(self) -> &'static [Scope] {
        match self {
            Tab::Logs => &[Scope::Logs],
            Tab::Inspect => &[Scope::Inspect],
            Tab::Overview | Tab::Processes | Tab::Stats => &[],
        }
    }

    /// It needs more than the stream brings.
    pub fn loads(self) -> bool {
        self != Tab::Overview
    }

    /// The tab `steps` further.
    pub fn step(self, steps: isize) -> Self {
        let at = Tab::ALL.iter().position(|t| *t == self).unwrap_or(0) as isize + steps;
        Tab::ALL[at.rem_euclid(Tab::ALL.len() as isize) as usize]
    }
}

/// A table of processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processes {
    /// Column titles.
    pub titles: Vec<String>,
    /// One row a process.
    pub rows: Vec<Vec<String>>,
}

/// The state of the pane.
#[derive(Debug, Default)]
pub struct Detail {
    /// What it shows.
    pub tab: Tab,
    /// It was opened; on a wide screen it is always there.
    pub open: bool,
    /// It has the whole screen.
    pub zoom: bool,
    /// What is loaded or being loaded.
    pub loaded: Option<(Id, Tab)>,
    /// What was asked for last; comes back with answers.
    pub load: Option<Load>,
    /// Number of the last request.
    pub generation: u64,
    /// When the next request is due.
    pub load_at: Option<i64>,
    /// First line shown of overview, processes and figures.
    pub scroll: usize,
    /// The log.
    pub logs: Logs,
    /// Figures from before the console was opened, oldest first.
    pub past: Vec<Point>,
    /// The processes.
    pub processes: Option<Processes>,
    /// The object.
    pub tree: Tree,
    /// Why nothing can be shown.
    pub error: Option<String>,
}
