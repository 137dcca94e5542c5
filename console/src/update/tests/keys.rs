//! What keys do.

use super::fixture::{ANSI, fleet, keys, live, shown, wait};
use crate::app::detail::Tab;
use crate::app::overlay::Overlay;
use crate::app::{App, Pane, SECOND, View};
use crate::command::{Command, Load};
use crate::message::Message;
use crate::update::update;
use crate::verb::Verb;
use std::time::Duration;

fn app() -> App {
    live((80, 24), ANSI, fleet())
}

fn name(app: &App) -> &str {
    &app.selected().unwrap().1.container.name
}

#[test]
fn trouble_is_on_top_and_the_cursor_moves() {
    let mut app = app();
    assert_eq!(name(&app), "tui-oom");
    keys(&mut app, "j");
    assert_eq!(name(&app), "batch-etl");
    keys(&mut app, "G");
    assert_eq!(name(&app), "done");
    keys(&mut app, "g<^d>kk");
    assert!(app.containers.list.selected().is_some());
}

#[test]
fn starting_is_immediate_and_stopping_asks() {
    let mut app = app();
    let done = keys(&mut app, "Nr");
    assert!(done.is_empty() && matches!(app.overlays.last(), Some(Overlay::Confirm(_))));
    assert!(keys(&mut app, "<enter>").is_empty(), "the focus is on cancel");
    assert!(app.overlays.is_empty());
    let done = keys(&mut app, "sy");
    assert!(
        matches!(&done[..], [Command::Act { verb: Verb::Stop, targets }] if targets.len() == 1)
    );
    assert!(keys(&mut app, "S").is_empty());
    assert!(app.notice.as_ref().unwrap().text.ends_with("runs already"));
    let done = keys(&mut app, "/done<enter>S");
    assert!(matches!(&done[..], [Command::Act { verb: Verb::Start, .. }]));
    assert!(keys(&mut app, "s").is_empty() && app.overlays.is_empty());
    assert_eq!(app.notice.as_ref().unwrap().text, "done is not running");
}

#[test]
fn removing_what_runs_wants_the_name() {
    let mut app = app();
    keys(&mut app, "N/web-1<enter>X");
    assert!(shown(&app).contains("Type web-1 to confirm"));
    assert!(keys(&mut app, "<tab><enter>").is_empty(), "locked");
    let done = keys(&mut app, "web-1<enter>");
    assert!(matches!(&done[..], [Command::Act { verb: Verb::RemoveForced, .. }]), "{done:?}");
}

#[test]
fn many_targets_want_their_number() {
    let mut app = app();
    keys(&mut app, "*s");
    // Of the eleven those that do not run are left alone.
    assert!(shown(&app).contains("Type 8 to confirm"), "{}", shown(&app));
    let done = keys(&mut app, "8<enter>");
    let Some(Command::Act { targets, .. }) = done.first() else { panic!("{done:?}") };
    assert_eq!(targets.len(), 8);
    for target in targets.clone() {
        let error = (target.name == "mail").then(|| "is not running".to_string());
        update(
            &mut app,
            Message::Done {
                verb: Verb::Stop,
                name: target.name,
                took: Duration::from_millis(20),
                error,
            },
        );
    }
    assert_eq!(app.notice.as_ref().unwrap().text, "1 of 8 failed");
    assert!(shown(&app).contains("stop mail: is not running"));
}

#[test]
fn a_filter_filters_while_it_is_typed() {
    let mut app = app();
    keys(&mut app, "/state=exited");
    assert_eq!(app.containers.list.order().len(), 2);
    keys(&mut app, "<esc>");
    assert_eq!(app.containers.list.order().len(), 11);
    keys(&mut app, "/nmae=x<enter>");
    assert!(shown(&app).contains("no field"), "{}", shown(&app));
    keys(&mut app, "<esc>/日本<enter>");
    assert_eq!(name(&app), "日本語-batch");
    keys(&mut app, "<esc>");
    assert_eq!(app.containers.list.order().len(), 11);
}

#[test]
fn tabs_load_what_they_need_once_the_cursor_rests() {
    let mut app = app();
    assert!(keys(&mut app, "l").is_empty(), "not before the cursor rests");
    let done = wait(&mut app, SECOND / 2);
    assert!(matches!(&done[..], [.., Command::Load { load: Load::Logs { .. }, .. }]), "{done:?}");
    assert_eq!((app.detail.tab, app.pane), (Tab::Logs, Pane::Detail));
    assert_eq!(keys(&mut app, "w"), [Command::Unload]);
    keys(&mut app, "i");
    let done = wait(&mut app, SECOND / 2);
    assert!(matches!(&done[..], [Command::Load { load: Load::Object(_), .. }]), "{done:?}");
    keys(&mut app, "q");
    assert_eq!(app.pane, Pane::List);
    assert_eq!(keys(&mut app, "q"), [Command::Quit]);
}

#[test]
fn the_palette_finds_actions_and_containers() {
    let mut app = app();
    keys(&mut app, ":db-main<enter>");
    assert_eq!(name(&app), "db-main");
    keys(&mut app, ":events<enter>");
    assert_eq!(app.view, View::Events);
    keys(&mut app, "q");
    assert_eq!(app.view, View::Containers);
}

#[test]
fn every_key_of_the_help_can_be_pressed_everywhere() {
    for view in ["", "2", "<enter>", "l", "i", "t", "m"] {
        for binding in crate::keys::TABLE {
            for key in binding.keys {
                let mut app = app();
                keys(&mut app, view);
                let held = key.control == crate::keys::Control::Held;
                let modifiers = if held {
                    crossterm::event::KeyModifiers::CONTROL
                } else {
                    crossterm::event::KeyModifiers::NONE
                };
                update(
                    &mut app,
                    Message::Key(crossterm::event::KeyEvent::new(key.code, modifiers)),
                );
                shown(&app);
            }
        }
    }
}

#[test]
fn ctrl_c_leaves_from_anywhere() {
    let mut app = app();
    assert_eq!(keys(&mut app, "?<^c>"), [Command::Quit]);
    assert_eq!(keys(&mut app, "<esc>/x<^c>"), [Command::Quit]);
}
