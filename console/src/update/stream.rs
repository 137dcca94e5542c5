//! The watch stream: hello, snapshot, deltas, samples; its end and its return.

use super::detail;
use super::news::say;
use crate::app::events::{Fact, Follow};
use crate::app::{App, Link, SECOND};
use crate::command::Command;
use crate::layout;
use crate::message::Tone;
use crate::text;
use shared::watch::{Frame, Hello, Object};
use std::collections::HashSet;

/// How far back events are fetched when the console opens.
const PAST: i64 = 3_600;

/// Opens the stream, after the last fact seen if there is one.
fn connect(app: &App) -> Command {
    let after =
        app.hello.as_ref().filter(|_| app.seq > 0).map(|h| format!("{}-{}", h.store, app.seq));
    Command::Connect { after }
}

/// Takes lines of the stream.
pub fn frames(app: &mut App, frames: Vec<Frame>, commands: &mut Vec<Command>) {
    app.dirty |= !frames.is_empty();
    let now = app.now;
    for frame in frames {
        match frame {
            Frame::Hello { hello } => greet(app, hello, commands),
            Frame::Snapshot { snapshot } => {
                let mut ids = app.incoming.take().unwrap_or_default();
                for object in snapshot {
                    if let Object::Container(container) = object {
                        ids.push(text::clean(&container.id).into_owned());
                        app.fleet.put(*container, now);
                    }
                }
                app.incoming = Some(ids);
                app.unsorted = true;
            }
            Frame::End { seq, .. } => complete(app, seq),
            Frame::Put { put, seq } => {
                app.seq = app.seq.max(seq);
                if let Object::Container(container) = put {
                    let id = text::clean(&container.id).into_owned();
                    app.fleet.put(*container, now);
                    detail::changed(app, &id);
                    app.unsorted = true;
                }
            }
            Frame::Del { del, seq } => {
                app.seq = app.seq.max(seq);
                if del.kind == "container" {
                    app.fleet.remove(&del.id);
                    app.unsorted = true;
                }
            }
            Frame::Event { event, seq } => {
                app.seq = app.seq.max(seq);
                app.events.push(event.time_nanos, Fact::Event(Box::new(event)));
                app.unsorted |= app.events.follow == Follow::Following;
            }
            Frame::Gap { gap } => {
                app.seq = app.seq.max(gap.to);
                let most = gap.to.saturating_sub(gap.from).saturating_add(1);
                let words = format!("gap: up to {most} facts (#{} to #{})", gap.from, gap.to);
                mark(app, words);
            }
            Frame::Sample { sample } => {
                for one in sample {
                    app.fleet.sample(one, now);
                }
                app.unsorted = true;
            }
        }
    }
}

fn mark(app: &mut App, words: String) {
    app.events.push(app.now, Fact::Mark(words));
    app.unsorted = true;
}

fn greet(app: &mut App, mut hello: Hello, commands: &mut Vec<Command>) {
    for field in [&mut hello.host, &mut hello.version, &mut hello.store] {
        *field = text::clean(field).into_owned();
    }
    app.incoming = None;
    match &app.hello {
        None => {
            let until = app.now / SECOND;
            commands.push(Command::Past { since: until - PAST, until });
        }
        Some(before) if before.store != hello.store => {
            app.seq = 0;
            mark(app, "this is another store: its events begin anew".into());
        }
        Some(before) if before.started_at_nanos != hello.started_at_nanos => {
            let words = format!("daemon restarted, {} re-adopted", hello.adopted);
            say(app, Tone::Good, &words, String::new());
            mark(app, words);
        }
        Some(_) => mark(app, format!("connected again, going on after #{}", app.seq)),
    }
    app.hello = Some(hello);
}

/// A snapshot is complete: what it does not hold is gone. One may come at any time, after a hello or
/// when the daemon has lost track of what this stream knows.
fn complete(app: &mut App, seq: u64) {
    let known: HashSet<String> = app.incoming.take().unwrap_or_default().into_iter().collect();
    app.fleet.retain(|id| known.contains(id));
    app.seq = app.seq.max(seq);
    app.unsorted = true;
    if app.link != Link::Live {
        app.link = Link::Live;
        app.interest = Vec::new();
        if app.detail.tab.loads() {
            app.detail.loaded = None;
        }
    }
}

/// The stream has ended: the data stays, grey, and is asked for again, ever more rarely.
pub fn lost(app: &mut App, reason: &str) {
    let reason = text::without_numbers(&text::clean(reason));
    let (since, attempts) = match &app.link {
        Link::Lost { since, attempts, .. } | Link::Reconnecting { since, attempts, .. } => {
            (*since, attempts + 1)
        }
        Link::Connecting => (app.now, 1),
        Link::Live => {
            mark(app, format!("connection lost: {reason}"));
            (app.now, 1)
        }
    };
    let wait = ((SECOND / 2) << (attempts - 1).min(4)).min(5 * SECOND);
    app.link = Link::Lost { reason, since, retry_at: app.now + wait, attempts };
    app.interest_at = None;
    app.dirty = true;
}

/// Opens the stream again when the time has come.
pub fn retry_when_due(app: &mut App, commands: &mut Vec<Command>) {
    if matches!(app.link, Link::Lost { retry_at, .. } if app.now >= retry_at) {
        retry(app, commands);
    }
}

/// Opens the stream again at once.
pub fn retry(app: &mut App, commands: &mut Vec<Command>) {
    if let Link::Lost { reason, since, attempts, .. } = app.link.clone() {
        app.link = Link::Reconnecting { reason, since, attempts };
        commands.push(connect(app));
        app.dirty = true;
    }
}

/// Which containers are looked at: the visible rows and the selected one.
pub fn interest(app: &App) -> Vec<String> {
    let list = &app.containers.list;
    let height = layout::list_height(app);
    let visible = list.order().iter().skip(list.offset()).take(height);
    let mut ids: Vec<String> = visible.map(|id| id.to_string()).collect();
    if let Some(id) = list.selected() {
        ids.push(id.to_string());
    }
    ids.sort();
    ids.dedup();
    ids
}

/// Tells the daemon, if it has changed.
pub fn tell_interest(app: &mut App, commands: &mut Vec<Command>) {
    let containers = interest(app);
    if let Some(hello) =
        app.hello.as_ref().filter(|_| app.link == Link::Live && containers != app.interest)
    {
        commands
            .push(Command::Interest { stream: hello.id.clone(), containers: containers.clone() });
        app.interest = containers;
    }
}
