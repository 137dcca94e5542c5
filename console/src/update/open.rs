//! Opens popups with what belongs into them, and sets filters.

use crate::app::App;
use crate::app::events::{self, Fact};
use crate::app::menu::{Choice, Item, Menu};
use crate::app::overlay::{Line, Overlay, Place};
use crate::app::palette::{Entry, Goal, Palette};
use crate::fleet::{self, Sort};
use crate::keys::{self, Action, Scope, TABLE};
use crate::query::Query;
use crate::text;
use crate::verb::Verb;
use crossterm::event::KeyCode;

const SIGNALS: [(char, &str); 9] = [
    ('t', "SIGTERM"),
    ('k', "SIGKILL"),
    ('h', "SIGHUP"),
    ('i', "SIGINT"),
    ('q', "SIGQUIT"),
    ('1', "SIGUSR1"),
    ('2', "SIGUSR2"),
    ('s', "SIGSTOP"),
    ('c', "SIGCONT"),
];

/// Opens the filter line with what is there.
pub fn filter(app: &mut App, place: Place) {
    let before = current(app, place);
    let input = before.clone().into();
    app.overlays.push(Overlay::Filter(Line { input, place, before, error: None }));
}

/// The filter of a place as it was typed.
pub fn current(app: &App, place: Place) -> String {
    match place {
        Place::Containers => app.containers.query.text().to_string(),
        Place::Events => app.events.query.text().to_string(),
        Place::Logs => app.detail.logs.words.text.clone(),
        Place::Inspect => app.detail.tree.words.clone(),
    }
}

/// Sets the filter of a place; says what is wrong with it, and then leaves the old one.
pub fn set_filter(app: &mut App, place: Place, typed: &str) -> Option<String> {
    let fields = if place == Place::Events { events::FIELDS } else { fleet::FIELDS };
    match place {
        Place::Containers | Place::Events => match Query::parse(typed, fields) {
            Ok(query) if place == Place::Events => app.events.query = query,
            Ok(query) => app.containers.query = query,
            Err(error) => return Some(error.to_string()),
        },
        Place::Logs => app.detail.logs.words.text = typed.trim().to_string(),
        Place::Inspect => {
            app.detail.tree.words = typed.trim().to_string();
            app.detail.tree.rebuild();
        }
    }
    app.unsorted = true;
    None
}

/// Opens the palette.
pub fn palette(app: &mut App) {
    let palette = Palette::new(everything(app));
    app.overlays.push(Overlay::Palette(palette));
}

/// Everything that can be done in this state.
fn everything(app: &App) -> Vec<Entry> {
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
    let sorts = Sort::ALL.map(|sort| Entry {
        label: format!("sort by {}", sort.name()),
        hint: "o".into(),
        goal: Goal::Choice(Choice::Sort(sort)),
    });
    // Some have a key of their own.
    let known: Vec<String> = all.iter().map(|entry| entry.label.to_lowercase()).collect();
    all.extend(sorts.into_iter().filter(|entry| !known.contains(&entry.label)));
    all.append(&mut names);
    all
}

/// Opens the choice of a sort column.
pub fn sort(app: &mut App) {
    let keys = "tnisc m%oapg".chars().filter(|c| *c != ' ');
    let items = Sort::ALL.iter().zip(keys).map(|(sort, key)| Item {
        key,
        label: sort.name().into(),
        choice: Choice::Sort(*sort),
    });
    app.overlays.push(Overlay::Menu(Menu::new("Sort by (again: reverse)", items.collect())));
}

/// Opens the choice of a signal.
pub fn signals(app: &mut App) {
    let items = SIGNALS.map(|(key, signal)| Item {
        key,
        label: signal.into(),
        choice: Choice::Verb(Verb::Kill(signal)),
    });
    app.overlays.push(Overlay::Menu(Menu::new("Send a signal", items.into())));
}

/// Opens the choice of what to copy.
pub fn yank(app: &mut App) {
    let Some((id, entry)) = app.selected() else { return };
    let c = &entry.container;
    let item = |key, label: &str, value: String| Item {
        key,
        label: format!("{label}  {value}"),
        choice: Choice::Copy(value),
    };
    let mut items = vec![
        item('n', "name", c.name.clone()),
        item('i', "id", id.to_string()),
        item('g', "image", c.image.clone()),
        item('c', "command line", format!("coffer logs -f {}", c.name)),
    ];
    items.push(Item {
        key: 'j',
        label: "JSON of the whole object".into(),
        choice: Choice::CopyObject,
    });
    app.overlays.push(Overlay::Menu(Menu::new("Copy", items)));
}

/// Opens the menu of everything that can be done to a container.
pub fn actions(app: &mut App) {
    let bindings =
        keys::TABLE.iter().filter(|b| b.scope == Scope::Container && b.action != Action::Choose);
    let items = bindings.filter_map(|b| {
        let KeyCode::Char(key) = b.keys[0].code else { return None };
        Some(Item { key, label: b.help.into(), choice: Choice::Action(b.action) })
    });
    let menu = Menu::new("Actions", items.collect());
    app.overlays.push(Overlay::Menu(menu));
}

/// Opens all there is to know about the selected event.
pub fn event(app: &mut App) {
    let Some(line) = app.events.list.selected().and_then(|n| app.events.line(*n)) else { return };
    let (title, lines) = match &line.fact {
        Fact::Mark(words) => ("stream".to_string(), vec![words.clone()]),
        Fact::Event(event) => {
            let mut lines = vec![
                format!("time    {}", text::rfc3339(event.time_nanos)),
                format!("number  {}", event.seq),
                format!("type    {}", event.kind),
                format!("id      {}", event.id),
            ];
            lines.extend(event.attributes.iter().map(|(k, v)| format!("{k} = {v}")));
            (format!("{} {}", event.action, events::name(event)), lines)
        }
    };
    app.overlays.push(Overlay::Text { title, lines, offset: 0 });
}
