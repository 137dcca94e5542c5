//! `update(&mut App, Message) -> Vec<Command>`: the only place where the state changes. Pure: no clock,
//! no terminal, no network; what the world must do is returned.

mod act;
mod action;
mod detail;
mod key;
mod news;
mod open;
mod overlay;
mod stream;

#[cfg(test)]
mod tests;

use crate::app::{App, Link, SECOND, View};
use crate::command::Command;
use crate::fleet;
use crate::layout;
use crate::message::Message;
use news::say;

/// How long news stay on the status line.
const NOTICE: i64 = 8 * SECOND;
/// How long the visible rows must be the same before the daemon is told.
const INTEREST_DELAY: i64 = SECOND / 3;

/// Changes the state; returns what is to be done outside.
pub fn update(app: &mut App, message: Message) -> Vec<Command> {
    let mut commands = absorb(app, message);
    commands.extend(settle(app));
    commands
}

/// The same without putting lists in order: thousands of facts may come between two frames, and only
/// what is drawn has to be in order. [`settle`] must follow before a frame.
pub fn absorb(app: &mut App, message: Message) -> Vec<Command> {
    let mut commands = Vec::new();
    match message {
        Message::Tick { now } => tick(app, now, &mut commands),
        Message::Key(event) => {
            app.dirty = true;
            key::press(app, event, &mut commands);
        }
        Message::Paste(text) => {
            app.dirty = true;
            overlay::paste(app, &text);
        }
        Message::Resize { width, height } => {
            app.size = (width, height);
            (app.dirty, app.unsorted) = (true, true);
        }
        Message::Frames(frames) => stream::frames(app, frames, &mut commands),
        Message::Lost { reason } => stream::lost(app, &reason),
        Message::Past(events) => {
            app.events.prepend(events);
            app.dirty = true;
        }
        Message::Done { verb, name, took, error } => act::done(app, verb, &name, took, error),
        Message::Detail { generation, answer } => detail::answer(app, generation, answer),
        Message::Clip(text) => commands.push(Command::Copy(text)),
        Message::Notice { tone, text } => say(app, tone, &text, String::new()),
    }
    commands
}

fn tick(app: &mut App, now: i64, commands: &mut Vec<Command>) {
    let before = app.now;
    app.now = now;
    if before / SECOND != now / SECOND {
        app.dirty = true;
        app.unsorted |= app.fleet.calm(now);
    }
    if app.notice.as_ref().is_some_and(|n| now - n.at > NOTICE) {
        app.notice = None;
        app.dirty = true;
    }
    stream::retry_when_due(app, commands);
    if app.interest_at.is_some_and(|at| now >= at) {
        app.interest_at = None;
        stream::tell_interest(app, commands);
    }
    detail::tick(app, commands);
}

/// Puts lists in order after a change, and notes what must be told to the daemon.
pub fn settle(app: &mut App) -> Vec<Command> {
    let mut commands = Vec::new();
    if app.unsorted {
        app.unsorted = false;
        app.dirty = true;
        (app.census, app.totals) = (app.fleet.census(), app.fleet.totals());
        let c = &app.containers;
        let order = fleet::arrange(app.fleet.iter(), &c.query, c.sort, c.order);
        let height = layout::list_height(app);
        app.containers.list.set_order(order, height);
        let fleet = &app.fleet;
        app.containers.list.keep_marks(|id| fleet.get(id).is_some());
        app.events.arrange(height_of_events(app));
    }
    if app.link == Link::Live && app.interest_at.is_none() && stream::interest(app) != app.interest
    {
        app.interest_at = Some(app.now + INTEREST_DELAY);
    }
    detail::follow_selection(app, &mut commands);
    commands
}

fn height_of_events(app: &App) -> usize {
    match app.view {
        View::Events => layout::list_height(app),
        View::Containers => usize::from(app.size.1.saturating_sub(6)),
    }
}
