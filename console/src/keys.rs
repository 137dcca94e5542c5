//! The key table: key to action, once. Dispatch, the help screen, the footer and the action menu are
//! all made from it, so that no key can work without being explained, nor be explained without working.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key as it is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Which key.
    pub code: KeyCode,
    /// Only Control counts; Shift is already part of a letter.
    pub control: Control,
}

/// Whether the Control key is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// It is.
    Held,
    /// It is not.
    Free,
}

const fn c(letter: char) -> Key {
    Key { code: KeyCode::Char(letter), control: Control::Free }
}

const fn ctrl(letter: char) -> Key {
    Key { code: KeyCode::Char(letter), control: Control::Held }
}

const fn k(code: KeyCode) -> Key {
    Key { code, control: Control::Free }
}

impl Key {
    /// The key of a terminal event.
    pub fn of(event: KeyEvent) -> Self {
        let held = event.modifiers.contains(KeyModifiers::CONTROL);
        Self { code: event.code, control: if held { Control::Held } else { Control::Free } }
    }

    /// Its name in help and footer.
    pub fn name(self) -> String {
        let base = match self.code {
            KeyCode::Char(' ') => "space".to_string(),
            KeyCode::Char(letter) => letter.to_string(),
            KeyCode::Enter => "enter".into(),
            KeyCode::Esc => "esc".into(),
            KeyCode::Tab => "tab".into(),
            KeyCode::BackTab => "S-tab".into(),
            KeyCode::Up => "up".into(),
            KeyCode::Down => "down".into(),
            KeyCode::Left => "left".into(),
            KeyCode::Right => "right".into(),
            KeyCode::PageUp => "pgup".into(),
            KeyCode::PageDown => "pgdn".into(),
            KeyCode::Home => "home".into(),
            KeyCode::End => "end".into(),
            KeyCode::Delete => "del".into(),
            KeyCode::F(n) => format!("F{n}"),
            other => format!("{other:?}").to_lowercase(),
        };
        match self.control {
            Control::Held => format!("^{base}"),
            Control::Free => base,
        }
    }
}

/// Where a binding holds. A more particular scope hides the same key of a wider one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everywhere.
    Global,
    /// Any list or text with a position.
    Motion,
    /// The containers: list and detail.
    Container,
    /// The list of containers.
    Containers,
    /// The events.
    Events,
    /// The detail pane.
    Detail,
    /// The logs tab.
    Logs,
    /// The inspect tab.
    Inspect,
}

impl Scope {
    /// Its heading in the help.
    pub fn title(self) -> &'static str {
        match self {
            Scope::Global => "everywhere",
            Scope::Motion => "moving",
            Scope::Container => "containers",
            Scope::Containers => "list",
            Scope::Events => "events",
            Scope::Detail => "detail pane",
            Scope::Logs => "logs",
            Scope::Inspect => "inspect",
        }
    }
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is explained by its line in the table
pub enum Action {
    Help,
    Palette,
    Filter,
    Back,
    Escape,
    Quit,
    Suspend,
    Redraw,
    Retry,
    ViewContainers,
    ViewEvents,
    Up,
    Down,
    PageUp,
    PageDown,
    HalfUp,
    HalfDown,
    Top,
    Bottom,
    Left,
    Right,
    NextPane,
    OpenDetail,
    Zoom,
    NextTab,
    PreviousTab,
    NextRow,
    PreviousRow,
    TabOverview,
    TabLogs,
    TabProcesses,
    TabStats,
    TabInspect,
    Mark,
    MarkRange,
    MarkAll,
    ClearMarks,
    SortMenu,
    Reverse,
    SortName,
    SortState,
    SortCpu,
    SortMemory,
    SortOom,
    SortAge,
    Start,
    Stop,
    Restart,
    Pause,
    Kill,
    Remove,
    Shell,
    Attach,
    Yank,
    Choose,
    Follow,
    Wrap,
    Timestamps,
    SinceTail,
    SinceHead,
    Since1,
    Since5,
    Since15,
    Since30,
    Since60,
    Fold,
    FoldAll,
    UnfoldAll,
    ExplainEvent,
}

/// One line of the table.
#[derive(Debug)]
pub struct Binding {
    /// Any of these.
    pub keys: &'static [Key],
    /// What it does.
    pub action: Action,
    /// Where it holds.
    pub scope: Scope,
    /// In words, for the help.
    pub help: &'static str,
    /// One word for the footer, or empty; earlier lines of the table come first.
    pub footer: &'static str,
}

macro_rules! table {
    ($($scope:ident: $([$($key:expr),+] $action:ident $help:literal $footer:literal;)+)+) => {
        /// The whole table.
        pub static TABLE: &[Binding] = &[$($(Binding {
            keys: &[$($key),+],
            action: Action::$action,
            scope: Scope::$scope,
            help: $help,
            footer: $footer,
        }),+),+];
    };
}

table! {
    Global:
        [c('?'), k(KeyCode::F(1))] Help "this help" "help";
        [c(':'), ctrl('p')] Palette "command palette" "cmd";
        [c('/')] Filter "filter what is shown" "filter";
        [c('1')] ViewContainers "containers" "";
        [c('2')] ViewEvents "events" "";
        [k(KeyCode::Esc)] Escape "close, clear filter, marks" "";
        [c('q')] Back "back; at the top, quit" "quit";
        [c('Q'), ctrl('c')] Quit "quit at once" "";
        [ctrl('z')] Suspend "suspend (fg comes back)" "";
        [ctrl('l')] Redraw "draw everything anew" "";
        [ctrl('r')] Retry "reconnect now" "";
    Motion:
        [c('j'), k(KeyCode::Down)] Down "down" "";
        [c('k'), k(KeyCode::Up)] Up "up" "";
        [ctrl('d')] HalfDown "half a page down" "";
        [ctrl('u')] HalfUp "half a page up" "";
        [ctrl('f'), k(KeyCode::PageDown)] PageDown "a page down" "";
        [ctrl('b'), k(KeyCode::PageUp)] PageUp "a page up" "";
        [c('g'), k(KeyCode::Home)] Top "first" "";
        [c('G'), k(KeyCode::End)] Bottom "last" "";
        [c('h'), k(KeyCode::Left)] Left "scroll to the left" "";
        [c('L'), k(KeyCode::Right)] Right "scroll to the right" "";
        [k(KeyCode::Tab), k(KeyCode::BackTab)] NextPane "other pane" "";
        [c('z')] Zoom "detail pane full or shared" "";
        [c(']')] NextTab "next tab" "";
        [c('[')] PreviousTab "previous tab" "";
    Detail:
        [c('>')] NextRow "next container" "next";
        [c('<')] PreviousRow "previous container" "";
    Container:
        [c('l')] TabLogs "logs" "logs";
        [c('e')] Shell "shell inside (exec)" "shell";
        [c('s')] Stop "stop" "stop";
        [c('S')] Start "start" "start";
        [c('r')] Restart "restart" "restart";
        [c('p')] Pause "pause or unpause" "";
        [c('K')] Kill "send a signal" "";
        [c('X'), k(KeyCode::Delete)] Remove "remove" "rm";
        [c('a')] Attach "attach to the main process" "";
        [c('x')] Choose "menu of actions" "";
        [c('y')] Yank "copy id, name, JSON, ..." "copy";
        [c('t')] TabProcesses "processes" "";
        [c('m')] TabStats "figures with history" "";
        [c('i'), c('d')] TabInspect "inspect" "";
        [c('w')] TabOverview "overview: why it is so" "";
    Containers:
        [c(' ')] Mark "mark" "mark";
        [k(KeyCode::Enter)] OpenDetail "open the detail pane" "open";
        [c('v')] MarkRange "mark up to here" "";
        [c('*')] MarkAll "mark all that are shown" "";
        [c('u')] ClearMarks "clear all marks" "";
        [c('o')] SortMenu "choose the sort column" "";
        [c('R')] Reverse "reverse the order" "";
        [c('N')] SortName "sort by name" "";
        [c('T')] SortState "sort by state" "";
        [c('C')] SortCpu "sort by CPU" "";
        [c('M')] SortMemory "sort by memory" "";
        [c('O')] SortOom "sort by OOM score" "";
        [c('A')] SortAge "sort by age" "";
    Events:
        [c('f')] Follow "follow or freeze" "follow";
        [k(KeyCode::Enter)] ExplainEvent "attributes of the event" "details";
    Logs:
        [c('f')] Follow "follow or freeze" "follow";
        [c('W')] Wrap "wrap long lines" "wrap";
        [c('T')] Timestamps "timestamps" "";
        [c('0')] SinceTail "the last lines" "";
        [c('3')] Since1 "since one minute" "";
        [c('4')] Since5 "since five minutes" "";
        [c('5')] Since15 "since a quarter of an hour" "";
        [c('6')] Since30 "since half an hour" "";
        [c('7')] Since60 "since one hour" "";
        [c('8')] SinceHead "from the beginning" "";
    Inspect:
        [k(KeyCode::Enter), c(' ')] Fold "fold or unfold" "fold";
        [c('-')] FoldAll "fold all" "";
        [c('+')] UnfoldAll "unfold all" "";
}

/// The action of a key in the most particular of `scopes` (given in that order).
pub fn lookup(key: Key, scopes: &[Scope]) -> Option<Action> {
    scopes.iter().find_map(|scope| {
        TABLE.iter().find(|b| b.scope == *scope && b.keys.contains(&key)).map(|b| b.action)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_bound_twice_in_a_scope() {
        for (at, one) in TABLE.iter().enumerate() {
            for other in &TABLE[at + 1..] {
                let clash = one.keys.iter().find(|k| other.keys.contains(k));
                assert!(one.scope != other.scope || clash.is_none(), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn the_particular_scope_wins() {
        let t = Key { code: KeyCode::Char('T'), control: Control::Free };
        assert_eq!(lookup(t, &[Scope::Logs, Scope::Containers]), Some(Action::Timestamps));
        assert_eq!(lookup(t, &[Scope::Containers, Scope::Global]), Some(Action::SortState));
        assert_eq!(lookup(t, &[Scope::Global]), None);
        assert_eq!(ctrl('c').name(), "^c");
    }
}
