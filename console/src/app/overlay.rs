//! What can stand over a view: help, confirmation, input line, palette, menu, text. A stack: the
//! uppermost has the keys, and Esc removes it.

use super::menu::Menu;
use super::palette::Palette;
use crate::verb::{Target, Verb};
use tui_input::Input;

/// A popup.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// The key table.
    Help {
        /// First line shown.
        offset: usize,
    },
    /// Are you sure?
    Confirm(Box<Confirm>),
    /// The filter line.
    Filter(Line),
    /// The command palette.
    Palette(Palette),
    /// A choice.
    Menu(Menu),
    /// Something to read.
    Text {
        /// Its title.
        title: String,
        /// Lines, cleaned.
        lines: Vec<String>,
        /// First line shown.
        offset: usize,
    },
}

/// How much it takes to confirm.
#[derive(Clone, Debug)]
pub enum Proof {
    /// `y`, or Enter on the button.
    Yes,
    /// This word must be typed.
    Typed {
        /// The word.
        word: String,
        /// What is typed so far.
        input: Input,
    },
}

/// Which button has the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    /// Do nothing.
    Cancel,
    /// Do it.
    Go,
}

/// The dialog.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// What would be done.
    pub verb: Verb,
    /// To which.
    pub targets: Vec<Target>,
    /// What would be hit, one line each.
    pub hit: Vec<String>,
    /// What follows from it.
    pub warning: String,
    /// What it takes.
    pub proof: Proof,
    /// The focus.
    pub button: Button,
}

impl Confirm {
    /// True when it may be done.
    pub fn unlocked(&self) -> bool {
        match &self.proof {
            Proof::Yes => true,
            Proof::Typed { word, input } => input.value() == word,
        }
    }

    /// Its title.
    pub fn title(&self) -> String {
        let mut verb = self.verb.name().to_string();
        if verb == "rm" {
            verb = "remove".into();
        }
        let first = verb[..1].to_uppercase() + &verb[1..];
        match self.targets.as_slice() {
            [one] => format!(" {first} {} ", one.name),
            many => format!(" {first} {} containers ", many.len()),
        }
    }
}

/// What the line filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The list of containers.
    Containers,
    /// The events.
    Events,
    /// The log.
    Logs,
    /// The inspected object.
    Inspect,
}

/// The line.
#[derive(Clone, Debug)]
pub struct Line {
    /// What is typed.
    pub input: Input,
    /// What it filters.
    pub place: Place,
    /// What it was before; Esc brings it back.
    pub before: String,
    /// What is wrong with it.
    pub error: Option<String>,
}
