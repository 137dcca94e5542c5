//! The command palette: everything that can be done, found by a few letters of it.

use super::input;
use super::menu::Choice;
use crate::app::App;
use crate::keys::{Action, Scope, TABLE};
use crate::screen::put_at;
use crate::table::Id;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_input::Input;

/// Lines shown at most.
const ROWS: u16 = 14;

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
    /// Everything that can be done in this state.
    pub fn new(app: &App) -> Self {
        let scopes = app.scopes();
        // Moving about is not what one looks for by name.
        let scopes = scopes.into_iter().filter(|scope| *scope != Scope::Motion);
        let mut all: Vec<Entry> = scopes
            .flat_map(|scope| TABLE.iter().filter(move |b| b.scope == scope))
            .filter(|b| !matches!(b.action, Action::Palette | Action::Escape))
            .map(|b| Entry {
                label: b.help.to_string(),
                hint: b.keys[0].name(),
                goal: Goal::Action(b.action),
            })
            .collect();
        let mut names: Vec<Entry> = app
            .fleet
            .iter()
            .map(|(id, entry)| Entry {
                label: entry.container.name.clone(),
                hint: entry.container.state.clone(),
                goal: Goal::Container(id.clone()),
            })
            .collect();
        names.sort_by(|a, b| a.label.cmp(&b.label));
        all.extend(crate::fleet::Sort::ALL.map(|sort| Entry {
            label: format!("sort by {}", sort.name()),
            hint: "o".into(),
            goal: Goal::Choice(Choice::Sort(sort)),
        }));
        all.append(&mut names);
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

/// Draws the palette.
pub fn draw(app: &App, palette: &Palette, area: Rect, buffer: &mut Buffer) {
    let inner = super::popup(app, area, (72, ROWS + 3), " Commands ", buffer);
    let x = put_at(buffer, inner, (0, 0), ":", app.theme.style(Role::Accent));
    let line = Rect {
        x: inner.x + x,
        width: inner.width.saturating_sub(x),
        height: inner.height.min(1),
        ..inner
    };
    input::typed(&palette.input, line, app, buffer);
    let rows = usize::from(inner.height.saturating_sub(1)).max(1);
    let skip = (palette.index + 1).saturating_sub(rows);
    let found = palette.found.iter().enumerate().skip(skip);
    for (row, (at, entry)) in (1..inner.height).zip(found) {
        let entry = &palette.all[*entry];
        put_at(buffer, inner, (1, row), &entry.label, app.theme.style(Role::Plain));
        let hint = u16::try_from(crate::text::width(&entry.hint)).unwrap_or(0) + 1;
        put_at(
            buffer,
            inner,
            (inner.width.saturating_sub(hint), row),
            &entry.hint,
            app.theme.style(Role::Dim),
        );
        if at == palette.index {
            let line = Rect { y: inner.y + row, height: 1, ..inner };
            buffer.set_style(line, app.theme.bar(Role::Selected));
        }
    }
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
