//! What the watch stream does: its end, its return, gaps, and what the daemon is told.

use super::fixture::{ANSI, blank, container, event, fleet, hello, keys, live, shown, wait};
use crate::app::{Link, SECOND};
use crate::command::Command;
use crate::message::Message;
use crate::update::update;
use shared::watch::{Frame, Gap, Key, Object};

#[test]
fn a_lost_daemon_is_asked_for_again_and_again() {
    let mut app = live((80, 24), ANSI, fleet());
    update(&mut app, Message::Lost { reason: "the daemon closed the stream".into() });
    assert!(matches!(app.link, Link::Lost { .. }));
    let screen = shown(&app);
    assert!(
        screen.contains("DAEMON GONE") && screen.contains("containers keep running"),
        "{screen}"
    );
    let done = wait(&mut app, SECOND);
    assert_eq!(done, [Command::Connect { after: Some("5707e-43".into()) }]);
    assert!(keys(&mut app, "S").is_empty(), "nothing can be done meanwhile");
    update(&mut app, Message::Lost { reason: "cannot connect".into() });
    assert_eq!(keys(&mut app, "<^r>").len(), 1, "at once when asked for");
}

#[test]
fn a_restarted_daemon_is_told_and_what_is_gone_goes() {
    let mut app = live((80, 24), ANSI, fleet());
    update(&mut app, Message::Lost { reason: "gone".into() });
    wait(&mut app, SECOND);
    let web = Object::Container(Box::new(container(1, "web-1")));
    update(
        &mut app,
        Message::Frames(vec![
            hello(1),
            Frame::Snapshot { snapshot: vec![web] },
            Frame::End { end: true, seq: 50 },
        ]),
    );
    assert_eq!(app.link, Link::Live);
    assert_eq!(app.notice.as_ref().unwrap().text, "daemon restarted, 3 re-adopted");
    assert_eq!(app.fleet.len(), 1);
    keys(&mut app, "2");
    let screen = shown(&app);
    assert!(
        screen.contains("daemon restarted") && screen.contains("connection lost: gone"),
        "{screen}"
    );
}

#[test]
fn a_resumed_stream_marks_what_is_missing() {
    let mut app = live((80, 24), ANSI, fleet());
    update(&mut app, Message::Lost { reason: "gone".into() });
    wait(&mut app, SECOND);
    let objects = fleet().into_iter().map(|c| Object::Container(Box::new(c))).collect();
    let gap = Frame::Gap { gap: Gap { from: 44, to: 49 } };
    let frames = vec![
        hello(10_000),
        Frame::Snapshot { snapshot: objects },
        Frame::End { end: true, seq: 50 },
        gap,
        event(51, "start", "x"),
    ];
    update(&mut app, Message::Frames(frames));
    assert_eq!((app.fleet.len(), app.seq), (11, 51));
    keys(&mut app, "2");
    assert!(shown(&app).contains("gap: up to 6 facts"), "{}", shown(&app));
}

#[test]
fn an_empty_snapshot_means_that_all_are_gone() {
    let mut app = live((80, 24), ANSI, fleet());
    update(&mut app, Message::Frames(vec![Frame::End { end: true, seq: 50 }]));
    assert_eq!((app.fleet.len(), &app.link), (0, &Link::Live));
}

#[test]
fn deltas_change_one_container_and_the_cursor_stays() {
    let mut app = live((80, 24), ANSI, fleet());
    keys(&mut app, "jj");
    let id = app.containers.list.selected().unwrap().clone();
    let new = Object::Container(Box::new(container(77, "aaa")));
    update(&mut app, Message::Frames(vec![Frame::Put { put: new, seq: 60 }]));
    assert_eq!(app.containers.list.selected(), Some(&id));
    let del = Key { kind: "container".into(), id: format!("{:064x}", 77) };
    update(&mut app, Message::Frames(vec![Frame::Del { del, seq: 61 }]));
    assert_eq!((app.fleet.len(), app.seq), (11, 61));
}

#[test]
fn the_daemon_is_told_once_what_is_looked_at() {
    let mut app = live((80, 24), ANSI, fleet());
    let interest = |commands: Vec<Command>| {
        commands.into_iter().find_map(|c| match c {
            Command::Interest { containers, .. } => Some(containers.len()),
            _ => None,
        })
    };
    assert_eq!(interest(wait(&mut app, SECOND)), Some(11));
    for _ in 0..60 {
        assert!(wait(&mut app, SECOND).is_empty(), "no request in steady state");
    }
    keys(&mut app, "/name~^web<enter>");
    assert_eq!(interest(wait(&mut app, SECOND)), Some(1));
}

#[test]
fn the_first_hello_asks_for_the_past_once() {
    let mut app = blank((80, 24), ANSI);
    let end = Frame::End { end: true, seq: 0 };
    let done = update(&mut app, Message::Frames(vec![hello(5), end.clone()]));
    assert!(matches!(done[..], [Command::Past { .. }]));
    assert!(shown(&app).contains("no containers yet"), "{}", shown(&app));
    update(&mut app, Message::Lost { reason: String::new() });
    assert!(update(&mut app, Message::Frames(vec![hello(5), end])).is_empty());
}
