//! The command palette: everything that can be done, found by a few letters of it.

use super::menu::Choice;
use crate::keys::Action;
use crate::table::Id;
use tui_input::Input;

/// What an entry does.
#[derive(Clone, Debug, PartialEq)]
pub enum Goal {
    /// An action of the key table.
    Action(Action),
    /// The cursor goes to a container.
    Container(Id),
    /// A choice of a menu.
    Choice(Choice),
}

/// An entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// In words.
    pub label: String,
    /// Its key, or the equivalent command.
    pub hint: String,
    /// What it does.
    pub goal: Goal,
}

/// The palette.
#[derive(Clone, Debug)]
pub struct Palette {
    /// What is typed.
    pub input: Input,
    /// Everything that can be found.
    pub all: Vec<Entry>,
    /// What was found, best first, as positions in `all`.
    pub found: Vec<usize>,
    /// The selected line.
    pub index: usize,
}

impl Palette {
    /// Finds among these.
    pub fn new(all: Vec<Entry>) -> Self {
        let mut palette = Self { input: Input::default(), all, found: Vec::new(), index: 0 };
        palette.search();
        palette
    }

    /// Finds anew after the input has changed.
    pub fn search(&mut self) {
        let needle = self.input.value().to_lowercase();
        let scored = self.all.iter().enumerate();
        let mut hits: Vec<(i32, usize)> = scored
            .filter_map(|(at, e)| Some((score(&e.label.to_lowercase(), &needle)?, at)))
            .collect();
        hits.sort_by_key(|(score, at)| (-score, *at));
        self.found = hits.into_iter().map(|(_, at)| at).collect();
        self.index = 0;
    }

    /// The selected entry.
    pub fn chosen(&self) -> Option<&Entry> {
        self.all.get(*self.found.get(self.index)?)
    }
}

/// How well `needle` fits: every letter must occur in order; letters side by side and at the beginning
/// of words count more. Nothing typed fits everything.
fn score(text: &str, needle: &str) -> Option<i32> {
    let (mut total, mut last) = (0, None);
    let letters: Vec<char> = text.chars().collect();
    let mut from = 0;
    for wanted in needle.chars().filter(|c| !c.is_whitespace()) {
        let at = from + letters[from..].iter().position(|c| *c == wanted)?;
        let starts = at == 0 || !letters[at - 1].is_alphanumeric();
        total +=
            1 + i32::from(starts) * 3 + i32::from(last.is_some_and(|l: usize| l + 1 == at)) * 4;
        last = Some(at);
        from = at + 1;
    }
    if !needle.is_empty() && text.contains(needle) {
        total += 10;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_beat_scattered_letters() {
        assert!(score("restart", "rst") > score("frosty", "rst"));
        assert!(score("stop", "stop") > score("sort by top", "stop"));
        assert_eq!(score("stop", "x"), None);
        assert_eq!(score("stop", ""), Some(0));
    }
}
