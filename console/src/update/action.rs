//! Actions: what the keys of a view do, the palette and the menus too.

use super::news::say;
use super::{act, detail, open, stream};
use crate::app::detail::Tab;
use crate::app::events::Follow;
use crate::app::logs::Since;
use crate::app::overlay::{Overlay, Place};
use crate::app::{App, Pane, View};
use crate::command::Command;
use crate::fleet::{Order, Sort};
use crate::keys::Action;
use crate::layout::{self, Areas};
use crate::message::Tone;
use crate::verb::{Target, Verb};

/// Does an action, whether from a key, the palette or a menu.
pub fn run(app: &mut App, action: Action, commands: &mut Vec<Command>) {
    match action {
        Action::Help => app.overlays.push(Overlay::Help { offset: 0 }),
        Action::Palette => open::palette(app),
        Action::Filter => open::filter(app, place(app)),
        Action::Back => back(app, commands),
        Action::Escape => {
            escape(app);
        }
        Action::Quit => commands.push(Command::Quit),
        Action::Suspend => commands.push(Command::Suspend),
        Action::Redraw => commands.push(Command::Redraw),
        Action::Retry => stream::retry(app, commands),
        Action::ViewContainers => show(app, View::Containers),
        Action::ViewEvents => show(app, View::Events),
        Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::HalfUp
        | Action::HalfDown
        | Action::Top
        | Action::Bottom => motion(app, action),
        Action::Left => sideways(app, -1),
        Action::Right => sideways(app, 1),
        Action::NextPane => next_pane(app),
        Action::OpenDetail => open(app),
        Action::Zoom => zoom(app),
        Action::NextTab => tab(app, app.detail.tab.step(1)),
        Action::PreviousTab => tab(app, app.detail.tab.step(-1)),
        Action::TabOverview => tab(app, Tab::Overview),
        Action::TabLogs => tab(app, Tab::Logs),
        Action::TabProcesses => tab(app, Tab::Processes),
        Action::TabStats => tab(app, Tab::Stats),
        Action::TabInspect => tab(app, Tab::Inspect),
        Action::Start => act::request(app, Verb::Start, commands),
        Action::Stop => act::request(app, Verb::Stop, commands),
        Action::Restart => act::request(app, Verb::Restart, commands),
        Action::Pause => act::request(app, Verb::Pause, commands),
        Action::Remove => act::request(app, Verb::Remove, commands),
        Action::Kill => open::signals(app),
        Action::Yank => open::yank(app),
        Action::Choose => open::actions(app),
        Action::Shell | Action::Attach => terminal(app, action, commands),
        Action::Follow | Action::Wrap | Action::Timestamps => manner(app, action),
        Action::SinceTail => since(app, Since::Tail),
        Action::SinceHead => since(app, Since::Head),
        Action::Since1 => since(app, Since::Minutes(1)),
        Action::Since5 => since(app, Since::Minutes(5)),
        Action::Since15 => since(app, Since::Minutes(15)),
        Action::Since30 => since(app, Since::Minutes(30)),
        Action::Since60 => since(app, Since::Minutes(60)),
        Action::Fold => app.detail.tree.toggle(),
        Action::FoldAll => app.detail.tree.fold_all(),
        Action::UnfoldAll => app.detail.tree.unfold_all(),
        Action::ExplainEvent => open::event(app),
        Action::NextRow | Action::PreviousRow => {
            let height = layout::list_height(app);
            app.containers.list.step(if action == Action::NextRow { 1 } else { -1 }, height);
        }
        _ => list(app, action),
    }
    app.dirty = true;
}

fn list(app: &mut App, action: Action) {
    let height = layout::list_height(app);
    match action {
        Action::Mark => app.containers.list.toggle_mark(height),
        Action::MarkRange => app.containers.list.mark_range(),
        Action::MarkAll => app.containers.list.mark_all(),
        Action::ClearMarks => {
            app.containers.list.clear_marks();
        }
        Action::SortMenu => open::sort(app),
        Action::Reverse => {
            app.containers.order = app.containers.order.flipped();
            app.unsorted = true;
        }
        Action::SortName => sort(app, Sort::Name),
        Action::SortState => sort(app, Sort::State),
        Action::SortCpu => sort(app, Sort::Cpu),
        Action::SortMemory => sort(app, Sort::Memory),
        Action::SortOom => sort(app, Sort::Oom),
        Action::SortAge => sort(app, Sort::Age),
        _ => {}
    }
}

/// Sorts by something; the same a second time turns the order round.
pub fn sort(app: &mut App, by: Sort) {
    if app.containers.sort == by {
        app.containers.order = app.containers.order.flipped();
    } else {
        app.containers.sort = by;
        app.containers.order = Order::Natural;
    }
    // The first of the new order is what was asked for.
    app.containers.list.restart();
    app.unsorted = true;
}

/// What `/` filters now.
fn place(app: &App) -> Place {
    match (app.view, app.pane, app.detail.tab) {
        (View::Events, ..) => Place::Events,
        (_, Pane::Detail, Tab::Logs) => Place::Logs,
        (_, Pane::Detail, Tab::Inspect) => Place::Inspect,
        _ => Place::Containers,
    }
}

fn show(app: &mut App, view: View) {
    app.view = view;
    app.pane = Pane::List;
    app.unsorted = true;
}

/// Undoes one thing: filter, marks, detail pane, view. False when there was nothing left.
fn escape(app: &mut App) -> bool {
    let place = place(app);
    if !open::current(app, place).is_empty() {
        open::set_filter(app, place, "");
        return true;
    }
    if app.view == View::Containers && app.pane == Pane::List && app.containers.list.clear_marks() {
        return true;
    }
    let beside = app.size.0 >= 130;
    if app.detail.zoom {
        app.detail.zoom = false;
        if !beside {
            app.detail.open = true;
        }
    } else if app.pane == Pane::Detail {
        app.pane = Pane::List;
        app.detail.open = false;
    } else if app.detail.open && !beside && app.view == View::Containers {
        app.detail.open = false;
    } else if app.view != View::Containers {
        show(app, View::Containers);
    } else {
        return false;
    }
    app.unsorted = true;
    true
}

fn back(app: &mut App, commands: &mut Vec<Command>) {
    let deeper = app.pane == Pane::Detail
        || app.view != View::Containers
        || app.detail.zoom
        || (app.detail.open && app.size.0 < 130);
    if !deeper {
        commands.push(Command::Quit);
    } else {
        // A filter or marks are not what `q` is about: it leaves the pane.
        let place = place(app);
        let filter = open::current(app, place);
        escape(app);
        if !filter.is_empty() {
            escape(app);
        }
    }
}

fn next_pane(app: &mut App) {
    if app.view != View::Containers {
        return;
    }
    if Areas::of(app).detail.is_none() {
        return open(app);
    }
    app.pane = match app.pane {
        Pane::List => Pane::Detail,
        Pane::Detail => Pane::List,
    };
    if app.pane == Pane::List {
        app.detail.zoom = false;
    }
    app.unsorted = true;
}

fn open(app: &mut App) {
    if app.view == View::Containers {
        app.detail.open = true;
        app.pane = Pane::Detail;
        app.unsorted = true;
    }
}

fn zoom(app: &mut App) {
    if app.view == View::Containers {
        app.detail.zoom = !app.detail.zoom;
        app.detail.open = true;
        app.pane = Pane::Detail;
        app.unsorted = true;
    }
}

fn tab(app: &mut App, tab: Tab) {
    if app.view == View::Containers {
        open(app);
        app.detail.tab = tab;
    }
}

fn terminal(app: &mut App, action: Action, commands: &mut Vec<Command>) {
    let Some((id, entry)) = app.selected() else { return };
    let target = Target { id: id.clone(), name: entry.container.name.clone() };
    if entry.container.state != "running" {
        let words = format!("{} is not running", target.name);
        return say(app, Tone::Bad, &words, String::new());
    }
    commands.push(match action {
        Action::Attach => Command::Attach(target),
        _ => Command::Shell(target),
    });
}

fn manner(app: &mut App, action: Action) {
    if app.view == View::Events {
        if action == Action::Follow {
            app.events.follow = match app.events.follow {
                Follow::Following => Follow::Frozen,
                Follow::Frozen => Follow::Following,
            };
            app.events.waiting = 0;
            app.unsorted = true;
        }
        return;
    }
    let logs = &mut app.detail.logs;
    match action {
        Action::Wrap => logs.manner.wrap = !logs.manner.wrap,
        Action::Timestamps => logs.manner.timestamps = !logs.manner.timestamps,
        _ => {
            logs.manner.frozen = !logs.manner.frozen;
            logs.back = 0;
        }
    }
}

fn since(app: &mut App, since: Since) {
    app.detail.logs.since = since;
    detail::reload(app);
}

fn sideways(app: &mut App, by: isize) {
    if app.pane == Pane::Detail && app.detail.tab == Tab::Logs {
        app.detail.logs.left = app.detail.logs.left.saturating_add_signed(by * 8);
    } else if app.view == View::Containers {
        let most = crate::screen::containers::COLUMNS.len() - 1;
        app.containers.skip = app.containers.skip.saturating_add_signed(by).min(most);
    }
}

fn motion(app: &mut App, action: Action) {
    let areas = Areas::of(app);
    let detail = app.pane == Pane::Detail && app.view == View::Containers;
    let height = match areas.detail.filter(|_| detail) {
        Some(pane) => usize::from(pane.inner.height),
        None => usize::from(areas.rows.height),
    };
    let page = isize::try_from(height.max(1)).unwrap_or(1);
    let far = isize::MAX / 4;
    let by = match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -page,
        Action::PageDown => page,
        Action::HalfUp => -(page / 2).max(1),
        Action::HalfDown => (page / 2).max(1),
        Action::Top => -far,
        _ => far,
    };
    match (app.view, detail, app.detail.tab) {
        (View::Events, ..) => {
            app.events.list.step(by, height);
            if app.events.follow == Follow::Following && action == Action::Top {
                app.events.list.release(height);
            }
        }
        (_, false, _) => app.containers.list.step(by, height),
        (_, true, Tab::Logs) => app.detail.logs.scroll(-by),
        (_, true, Tab::Inspect) => app.detail.tree.step(by, height),
        (_, true, _) => app.detail.scroll = app.detail.scroll.saturating_add_signed(by).min(500),
    }
}
