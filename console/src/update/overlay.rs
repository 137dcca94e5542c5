//! What keys do in popups.

use super::news::say;
use super::{act, action, open};
use crate::app::App;
use crate::app::menu::{Choice, Menu};
use crate::app::overlay::{Button, Confirm, Line, Overlay, Proof};
use crate::app::palette::{Goal, Palette};
use crate::command::Command;
use crate::keys::Action;
use crate::layout;
use crate::message::Tone;
use crate::text;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_input::backend::crossterm::EventHandler;

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

fn confirm_key(confirm: &mut Confirm, event: KeyEvent) -> Verdict {
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

fn filter(app: &mut App, line: &mut Line, event: KeyEvent) -> bool {
    match event.code {
        KeyCode::Enter => return line.error.is_some(),
        KeyCode::Esc => {
            open::set_filter(app, line.place, &line.before);
            return false;
        }
        _ => {
            line.input.handle_event(&Event::Key(event));
            line.error = open::set_filter(app, line.place, line.input.value());
        }
    }
    true
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
                Some(Goal::Action(action)) => action::run(app, action, commands),
                Some(Goal::Choice(choice)) => choose(app, choice, commands),
                Some(Goal::Container(id)) => {
                    action::run(app, Action::ViewContainers, commands);
                    let at = app.containers.list.order().iter().position(|o| *o == id);
                    let height = layout::list_height(app);
                    match at {
                        Some(at) => app.containers.list.go(at, height),
                        None => {
                            let words = "the filter hides it; esc clears the filter";
                            say(app, Tone::Bad, words, String::new());
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
        Choice::Sort(sort) => action::sort(app, sort),
        Choice::Verb(verb) => act::request(app, verb, commands),
        Choice::Action(action) => action::run(app, action, commands),
        Choice::Copy(text) => commands.push(Command::Copy(text)),
        Choice::CopyObject => {
            if let Some(id) = app.containers.list.selected() {
                commands.push(Command::CopyObject(id.clone()));
            }
        }
    }
}
