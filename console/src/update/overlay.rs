//! Popups: opening them, and what keys do in them.

use super::{act, key};
use crate::app::App;
use crate::command::{Command, Verb};
use crate::fleet::{self, Sort};
use crate::keys::{self, Action, Scope};
use crate::overlay::Overlay;
use crate::overlay::confirm::{Button, Proof};
use crate::overlay::input::{Line, Place};
use crate::overlay::menu::{Choice, Item, Menu};
use crate::overlay::palette::{Goal, Palette};
use crate::query::Query;
use crate::screen::events::{self, Fact};
use crate::text;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_input::backend::crossterm::EventHandler;

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

/// A key while a popup is open.
pub fn press(app: &mut App, event: KeyEvent, commands: &mut Vec<Command>) {
    let Some(mut top) = app.overlays.pop() else { return };
    let keep = match &mut top {
        Overlay::Help { offset } | Overlay::Text { offset, .. } => scroll(offset, event),
        Overlay::Filter(line) => filter(app, line, event),
        Overlay::Palette(palette) => self::palette(app, palette, event, commands),
        Overlay::Menu(menu) => self::menu(app, menu, event, commands),
        Overlay::Confirm(confirm) => match confirm_key(confirm, event) {
            Verdict::Stay => true,
            Verdict::Cancel => false,
            Verdict::Go => {
                let targets = confirm.targets.clone();
                act::go(app, confirm.verb, targets, commands);
                false
            }
        },
    };
    if keep {
        app.overlays.push(top);
    }
}

/// Pasted text goes where one can type.
pub fn paste(app: &mut App, pasted: &str) {
    let pasted = text::clean(pasted).into_owned();
    for letter in pasted.chars().take(4096) {
        if !matches!(
            app.overlays.last(),
            Some(Overlay::Filter(_) | Overlay::Palette(_) | Overlay::Confirm(_))
        ) {
            return;
        }
        press(app, KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE), &mut Vec::new());
    }
}

fn scroll(offset: &mut usize, event: KeyEvent) -> bool {
    match event.code {
        KeyCode::Char('j') | KeyCode::Down => *offset += 1,
        KeyCode::Char('k') | KeyCode::Up => *offset = offset.saturating_sub(1),
        KeyCode::PageDown | KeyCode::Char(' ') => *offset += 10,
        KeyCode::PageUp => *offset = offset.saturating_sub(10),
        KeyCode::Char('g') | KeyCode::Home => *offset = 0,
        _ => return false,
    }
    *offset = (*offset).min(200);
    true
}

enum Verdict {
    Stay,
    Cancel,
    Go,
}

fn confirm_key(confirm: &mut crate::overlay::confirm::Confirm, event: KeyEvent) -> Verdict {
    match event.code {
        KeyCode::Esc => return Verdict::Cancel,
        KeyCode::Tab | KeyCode::BackTab | KeyCode::Left | KeyCode::Right => {
            confirm.button = match confirm.button {
                Button::Cancel => Button::Go,
                Button::Go => Button::Cancel,
            };
        }
        KeyCode::Enter => {
            return match (confirm.button, confirm.unlocked()) {
                (Button::Cancel, _) => Verdict::Cancel,
                (Button::Go, true) => Verdict::Go,
                (Button::Go, false) => Verdict::Stay,
            };
        }
        code => match &mut confirm.proof {
            Proof::Yes => match code {
                KeyCode::Char('y') => return Verdict::Go,
                KeyCode::Char('n' | 'q') => return Verdict::Cancel,
                _ => {}
            },
            Proof::Typed { input, .. } => {
                input.handle_event(&Event::Key(event));
                confirm.button = if confirm.unlocked() { Button::Go } else { Button::Cancel };
            }
        },
    }
    Verdict::Stay
}

/// Opens the filter line with what is there.
pub fn open_filter(app: &mut App, place: Place) {
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

fn filter(app: &mut App, line: &mut Line, event: KeyEvent) -> bool {
    match event.code {
        KeyCode::Enter => return line.error.is_some(),
        KeyCode::Esc => {
            set_filter(app, line.place, &line.before);
            return false;
        }
        _ => {
            line.input.handle_event(&Event::Key(event));
            line.error = set_filter(app, line.place, line.input.value());
        }
    }
    true
}

/// Opens the palette.
pub fn open_palette(app: &mut App) {
    let palette = Palette::new(app);
    app.overlays.push(Overlay::Palette(palette));
}

fn palette(
    app: &mut App,
    palette: &mut Palette,
    event: KeyEvent,
    commands: &mut Vec<Command>,
) -> bool {
    let last = palette.found.len().saturating_sub(1);
    match event.code {
        KeyCode::Esc => return false,
        KeyCode::Down | KeyCode::Tab => palette.index = (palette.index + 1).min(last),
        KeyCode::Up | KeyCode::BackTab => palette.index = palette.index.saturating_sub(1),
        KeyCode::Enter => {
            match palette.chosen().map(|e| e.goal.clone()) {
                Some(Goal::Action(action)) => key::run(app, action, commands),
                Some(Goal::Choice(choice)) => choose(app, choice, commands),
                Some(Goal::Container(id)) => {
                    key::run(app, Action::ViewContainers, commands);
                    let at = app.containers.list.order().iter().position(|o| *o == id);
                    let height = app.list_height();
                    match at {
                        Some(at) => app.containers.list.go(at, height),
                        None => {
                            let words = "the filter hides it; esc clears the filter";
                            super::say(app, crate::message::Tone::Bad, words, String::new());
                        }
                    }
                }
                None => return true,
            }
            return false;
        }
        _ => {
            palette.input.handle_event(&Event::Key(event));
            palette.search();
        }
    }
    true
}

fn menu(app: &mut App, menu: &mut Menu, event: KeyEvent, commands: &mut Vec<Command>) -> bool {
    let chosen = match event.code {
        KeyCode::Down => {
            menu.index = (menu.index + 1).min(menu.items.len().saturating_sub(1));
            return true;
        }
        KeyCode::Up => {
            menu.index = menu.index.saturating_sub(1);
            return true;
        }
        KeyCode::Enter => menu.items.get(menu.index),
        KeyCode::Char(letter) => match menu.items.iter().find(|i| i.key == letter) {
            Some(item) => Some(item),
            None => return true,
        },
        KeyCode::Esc => return false,
        _ => return true,
    };
    if let Some(choice) = chosen.map(|item| item.choice.clone()) {
        choose(app, choice, commands);
    }
    false
}

fn choose(app: &mut App, choice: Choice, commands: &mut Vec<Command>) {
    match choice {
        Choice::Sort(sort) => key::sort(app, sort),
        Choice::Verb(verb) => act::request(app, verb, commands),
        Choice::Action(action) => key::run(app, action, commands),
        Choice::Copy(text) => commands.push(Command::Copy(text)),
        Choice::CopyObject => {
            if let Some(id) = app.containers.list.selected() {
                commands.push(Command::CopyObject(id.clone()));
            }
        }
    }
}

/// Opens the choice of a sort column.
pub fn open_sort(app: &mut App) {
    let keys = "tnisc m%oapg".chars().filter(|c| *c != ' ');
    let items = Sort::ALL.iter().zip(keys).map(|(sort, key)| Item {
        key,
        label: sort.name().into(),
        choice: Choice::Sort(*sort),
    });
    app.overlays.push(Overlay::Menu(Menu::new("Sort by (again: reverse)", items.collect())));
}

/// Opens the choice of a signal.
pub fn open_signals(app: &mut App) {
    let items = SIGNALS.map(|(key, signal)| Item {
        key,
        label: signal.into(),
        choice: Choice::Verb(Verb::Kill(signal)),
    });
    app.overlays.push(Overlay::Menu(Menu::new("Send a signal", items.into())));
}

/// Opens the choice of what to copy.
pub fn open_yank(app: &mut App) {
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
pub fn open_actions(app: &mut App) {
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
pub fn open_event(app: &mut App) {
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
