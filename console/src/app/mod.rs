//! App: the whole state of the console. Only `update` changes it; drawing only reads it.

pub mod detail;
pub mod events;
pub mod logs;
pub mod menu;
pub mod overlay;
pub mod palette;
pub mod tree;

use crate::fleet::{Census, Entry, Fleet, Order, Sort};
use crate::keys::Scope;
use crate::message::Tone;
use crate::query::Query;
use crate::table::{Freshness, Id, List};
use crate::theme::{Role, Theme};
use crate::verb::Target;
use detail::Detail;
use events::Events;
use overlay::Overlay;
use shared::watch::Hello;

/// One second in the unit of all times here.
pub const SECOND: i64 = 1_000_000_000;

/// A view that fills the screen below the tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The containers, with a detail pane.
    Containers,
    /// The events.
    Events,
}

/// Which half has the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// The list.
    List,
    /// The detail pane.
    Detail,
}

/// The connection to the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Being opened for the first time.
    Connecting,
    /// The stream is open and the snapshot complete.
    Live,
    /// Gone.
    Lost {
        /// Why.
        reason: String,
        /// When it was lost.
        since: i64,
        /// When the next attempt is due.
        retry_at: i64,
        /// Attempts so far.
        attempts: u32,
    },
    /// Being opened again.
    Reconnecting {
        /// Why it was lost.
        reason: String,
        /// When it was lost.
        since: i64,
        /// Attempts so far.
        attempts: u32,
    },
}

/// One line of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How it is meant.
    pub tone: Tone,
    /// Words.
    pub text: String,
    /// The same thing on the command line, or empty.
    pub command: String,
    /// When it was said.
    pub at: i64,
}

/// The list of containers as it is being looked at.
#[derive(Clone, Debug, Default)]
pub struct Containers {
    /// Rows, cursor, marks.
    pub list: List,
    /// What is shown.
    pub query: Query,
    /// By what it is sorted.
    pub sort: Sort,
    /// Which way.
    pub order: Order,
    /// Columns scrolled away to the left.
    pub skip: usize,
}

/// An action in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// How many targets are not done yet.
    pub left: usize,
    /// How many there were.
    pub total: usize,
    /// First error of each target that failed.
    pub errors: Vec<String>,
    /// The same thing on the command line.
    pub command: String,
}

/// The whole state.
#[derive(Debug)]
pub struct App {
    /// Nanoseconds since 1970, as last told.
    pub now: i64,
    /// Seconds that local time is east of UTC.
    pub offset: i32,
    /// Cells across and lines.
    pub size: (u16, u16),
    /// How everything is drawn.
    pub theme: Theme,
    /// Address of the daemon, in words.
    pub endpoint: String,
    /// The connection.
    pub link: Link,
    /// Who answered.
    pub hello: Option<Hello>,
    /// Number of the last fact seen.
    pub seq: u64,
    /// Containers of a snapshot that is still coming in.
    pub incoming: Option<Vec<String>>,
    /// What is known.
    pub fleet: Fleet,
    /// How many are in which state, as of the last change.
    pub census: Census,
    /// CPU percentages and working sets of all together, as of the last change.
    pub totals: (f64, u64),
    /// The list of containers.
    pub containers: Containers,
    /// The events.
    pub events: Events,
    /// The detail pane.
    pub detail: Detail,
    /// What fills the screen.
    pub view: View,
    /// What has the keys.
    pub pane: Pane,
    /// Popups, the uppermost last.
    pub overlays: Vec<Overlay>,
    /// The last news.
    pub notice: Option<Notice>,
    /// The running action.
    pub job: Option<Job>,
    /// Ids that the daemon was told to sample often.
    pub interest: Vec<String>,
    /// When it is to be told the present ones.
    pub interest_at: Option<i64>,
    /// Something visible has changed since the last frame.
    pub dirty: bool,
    /// The list must be put in order before the next frame.
    pub unsorted: bool,
}

impl App {
    /// The state before anything is known.
    pub fn new(theme: Theme, size: (u16, u16), now: i64, offset: i32, endpoint: String) -> Self {
        Self {
            now,
            offset,
            size,
            theme,
            endpoint,
            link: Link::Connecting,
            hello: None,
            seq: 0,
            incoming: None,
            fleet: Fleet::default(),
            census: Census::default(),
            totals: (0.0, 0),
            containers: Containers::default(),
            events: Events::default(),
            detail: Detail::default(),
            view: View::Containers,
            pane: Pane::List,
            overlays: Vec::new(),
            notice: None,
            job: None,
            interest: Vec::new(),
            interest_at: None,
            dirty: true,
            unsorted: false,
        }
    }

    /// The selected container.
    pub fn selected(&self) -> Option<(&Id, &Entry)> {
        let id = self.containers.list.selected()?;
        Some((id, self.fleet.get(id)?))
    }

    /// What an action applies to now.
    pub fn targets(&self) -> Vec<Target> {
        let ids = self.containers.list.targets();
        ids.into_iter()
            .filter_map(|id| {
                let name = self.fleet.get(&id)?.container.name.clone();
                Some(Target { id, name })
            })
            .collect()
    }

    /// Whether what is shown is still true.
    pub fn freshness(&self) -> Freshness {
        match self.link {
            Link::Live | Link::Connecting => Freshness::Live,
            Link::Lost { .. } | Link::Reconnecting { .. } => Freshness::Stale,
        }
    }

    /// The role of the border of a pane: whether it has the keys.
    pub fn border(&self, pane: Pane) -> Role {
        if self.pane == pane && self.overlays.is_empty() { Role::Accent } else { Role::Border }
    }

    /// Scopes of the key table that hold now, the most particular first.
    pub fn scopes(&self) -> Vec<Scope> {
        let mut scopes = Vec::with_capacity(5);
        match (self.view, self.pane) {
            (View::Events, _) => scopes.push(Scope::Events),
            (View::Containers, Pane::List) => scopes.extend([Scope::Containers, Scope::Container]),
            (View::Containers, Pane::Detail) => {
                scopes.extend(self.detail.tab.scope());
                scopes.extend([Scope::Detail, Scope::Container]);
            }
        }
        scopes.extend([Scope::Motion, Scope::Global]);
        scopes
    }

    /// When the state changes by itself next, in nanoseconds since 1970: a retry, a delayed request, the
    /// end of a notice, or the next second that an age shows.
    pub fn next_wake(&self) -> i64 {
        let second = (self.now / SECOND + 1) * SECOND;
        let retry = match self.link {
            Link::Lost { retry_at, .. } => Some(retry_at),
            _ => None,
        };
        [retry, self.interest_at, self.detail.load_at].into_iter().flatten().fold(second, i64::min)
    }
}
