//! A key: to the uppermost popup, else through the key table to an action.

use super::{action, overlay};
use crate::app::App;
use crate::command::Command;
use crate::keys::{self, Action, Key};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// A key was pressed.
pub fn press(app: &mut App, event: KeyEvent, commands: &mut Vec<Command>) {
    if event.kind == KeyEventKind::Release {
        return;
    }
    if event.modifiers.contains(KeyModifiers::ALT) {
        // A terminal sends Esc and a key that follow each other closely as Alt and that key.
        let modifiers = event.modifiers.difference(KeyModifiers::ALT);
        press(app, KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE), commands);
        return press(app, KeyEvent { modifiers, ..event }, commands);
    }
    let key = Key::of(event);
    // These hold over every popup: one must always be able to leave.
    match keys::lookup(key, &[keys::Scope::Global]) {
        Some(Action::Quit) if event.code != KeyCode::Char('Q') => {
            return commands.push(Command::Quit);
        }
        Some(Action::Suspend) => return commands.push(Command::Suspend),
        _ => {}
    }
    if !app.overlays.is_empty() {
        return overlay::press(app, event, commands);
    }
    if let Some(action) = keys::lookup(key, &app.scopes()) {
        action::run(app, action, commands);
    }
}
