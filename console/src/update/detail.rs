//! The detail pane: loads what the selected container's tab needs, and nothing while it is not seen.

use crate::app::detail::{Processes, Tab};
use crate::app::logs::Since;
use crate::app::{App, Link, SECOND};
use crate::command::{Command, Load, Terminal};
use crate::layout::Areas;
use crate::message::Answer;
use crate::text;

/// How long the cursor must rest before something is loaded.
const REST: i64 = SECOND * 3 / 20;
/// Last lines of a log that are loaded.
const TAIL: u32 = 500;

/// What the pane should have loaded now.
fn wanted(app: &App) -> Option<(crate::table::Id, Tab)> {
    let seen = Areas::of(app).detail.is_some() && app.link == Link::Live;
    let id = app.containers.list.selected().filter(|_| seen)?;
    Some((id.clone(), app.detail.tab))
}

/// Plans a load when the selection or the tab has changed.
pub fn follow_selection(app: &mut App, commands: &mut Vec<Command>) {
    let wanted = wanted(app);
    if wanted == app.detail.loaded
        || (wanted.is_none() && app.freshness() == crate::table::Freshness::Stale)
    {
        return;
    }
    let another = wanted.as_ref().map(|w| &w.0) != app.detail.loaded.as_ref().map(|l| &l.0);
    if app.detail.load.take().is_some() {
        commands.push(Command::Unload);
    }
    app.detail.generation += 1;
    app.detail.error = None;
    app.detail.scroll = 0;
    if another {
        app.detail.processes = None;
        app.detail.tree.set(None);
        app.detail.past.clear();
    }
    app.detail.logs.clear();
    app.detail.load_at = wanted.as_ref().filter(|w| w.1.loads()).map(|_| app.now + REST);
    app.detail.loaded = wanted;
    app.dirty = true;
}

/// Loads when the cursor has rested.
pub fn tick(app: &mut App, commands: &mut Vec<Command>) {
    if app.detail.load_at.is_none_or(|at| app.now < at) {
        return;
    }
    app.detail.load_at = None;
    let Some((id, tab)) = app.detail.loaded.clone() else { return };
    let Some(entry) = app.fleet.get(&id) else { return };
    let load = match tab {
        Tab::Overview => return,
        Tab::Stats => Load::History(id),
        // The tab says so itself; it is loaded when the container runs again.
        Tab::Processes if !entry.is_alive() => return,
        Tab::Processes => Load::Processes(id),
        Tab::Inspect => Load::Object(id),
        Tab::Logs => {
            let terminal = if entry.container.terminal { Terminal::Raw } else { Terminal::Framed };
            let (since, tail) = match app.detail.logs.since {
                Since::Tail => (0, TAIL),
                Since::Head => (0, 0),
                Since::Minutes(n) => (app.now / SECOND - i64::from(n) * 60, 0),
            };
            Load::Logs { id, terminal, since, tail }
        }
    };
    app.detail.load = Some(load.clone());
    commands.push(Command::Load { generation: app.detail.generation, load });
}

/// A container has changed: what is shown of it may have to be loaded again.
pub fn changed(app: &mut App, id: &str) {
    let Some((_, tab)) = app.detail.loaded.as_ref().filter(|(shown, _)| &**shown == id) else {
        return;
    };
    let alive = app.fleet.get(id).is_some_and(|e| e.is_alive());
    match tab {
        Tab::Inspect => app.detail.load_at = Some(app.now + REST),
        Tab::Logs if app.detail.logs.ended && alive => reload(app),
        Tab::Processes if alive != app.detail.load.is_some() => reload(app),
        _ => {}
    }
}

/// Loads the same thing again, at once.
pub fn reload(app: &mut App) {
    app.detail.loaded = None;
}

/// An answer; one to an earlier request is dropped.
pub fn answer(app: &mut App, generation: u64, answer: Answer) {
    if generation != app.detail.generation {
        return;
    }
    app.dirty = true;
    match answer {
        Answer::Lines(lines) => app.detail.logs.extend(lines),
        Answer::LogEnd => app.detail.logs.ended = true,
        Answer::Processes { titles, rows } => {
            let scrub =
                |cells: Vec<String>| cells.iter().map(|c| text::clean(c).into_owned()).collect();
            let rows = rows.into_iter().map(scrub).collect();
            app.detail.error = None;
            app.detail.processes = Some(Processes { titles: scrub(titles), rows });
        }
        Answer::History(points) => app.detail.past = points,
        Answer::Object(value) => {
            app.detail.error = None;
            app.detail.tree.set(Some(*value));
        }
        Answer::Failed(reason) => app.detail.error = Some(text::clean(&reason).into_owned()),
    }
}
