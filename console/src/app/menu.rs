//! A choice with one key each.

use crate::fleet::Sort;
use crate::keys::Action;
use crate::verb::Verb;

/// What choosing an item does.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// Sorts.
    Sort(Sort),
    /// Acts on the targets.
    Verb(Verb),
    /// Does what a key would do.
    Action(Action),
    /// Copies text.
    Copy(String),
    /// Copies the object as JSON.
    CopyObject,
}

/// A line of the menu.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its key.
    pub key: char,
    /// In words.
    pub label: String,
    /// What it does.
    pub choice: Choice,
}

/// The menu.
#[derive(Clone, Debug, PartialEq)]
pub struct Menu {
    /// Its title.
    pub title: String,
    /// Its lines.
    pub items: Vec<Item>,
    /// The selected line.
    pub index: usize,
}

impl Menu {
    /// A menu.
    pub fn new(title: impl Into<String>, items: Vec<Item>) -> Self {
        Self { title: title.into(), items, index: 0 }
    }
}
