//! Random messages: no panic, and the selected container stays selected unless a key moved the cursor
//! or the container is gone.

use super::fixture::{ANSI, container, event, fleet, hello, live, sample, shown};
use crate::app::SECOND;
use crate::keys::TABLE;
use crate::layout;
use crate::message::{Answer, LogLine, Message, Source};
use crate::update::update;
use crate::verb::Verb;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use shared::watch::{Frame, Gap, Key, Object};
use std::time::Duration;

fn key() -> impl Strategy<Value = Message> {
    let bound = (0..TABLE.len()).prop_map(|at| {
        let key = TABLE[at].keys[0];
        let held = key.control == crate::keys::Control::Held;
        (key.code, if held { KeyModifiers::CONTROL } else { KeyModifiers::NONE })
    });
    let letter = any::<char>().prop_map(|c| (KeyCode::Char(c), KeyModifiers::NONE));
    let other = prop_oneof![Just(KeyCode::Enter), Just(KeyCode::Esc), Just(KeyCode::Backspace)]
        .prop_map(|code| (code, KeyModifiers::NONE));
    prop_oneof![4 => bound, 1 => letter, 2 => other]
        .prop_map(|(code, modifiers)| Message::Key(KeyEvent::new(code, modifiers)))
}

fn frame() -> impl Strategy<Value = Frame> {
    let state = prop_oneof![Just("running"), Just("exited"), Just("restarting"), Just("odd\u{1b}")];
    prop_oneof![
        Just(hello(7)),
        (0usize..20, state, "\\PC{0,8}").prop_map(|(id, state, name)| {
            let mut c = container(id, &name);
            c.state = state.into();
            Frame::Put { put: Object::Container(Box::new(c)), seq: 70 }
        }),
        (0usize..20).prop_map(|id| Frame::Del {
            del: Key { kind: "container".into(), id: format!("{id:064x}") },
            seq: 71
        }),
        (0usize..20).prop_map(|id| Frame::Sample { sample: vec![sample(id, 0)] }),
        any::<(u64, u64)>().prop_map(|(from, to)| Frame::Gap { gap: Gap { from, to } }),
        Just(event(90, "die", "x")),
        any::<u64>().prop_map(|seq| Frame::End { end: true, seq }),
        Just(Frame::Snapshot { snapshot: Vec::new() }),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let line = LogLine { time: 7, text: "日本 line".into(), source: Source::Error };
    prop_oneof![
        8 => key(),
        2 => (1u16..250, 1u16..80).prop_map(|(width, height)| Message::Resize { width, height }),
        3 => proptest::collection::vec(frame(), 0..5).prop_map(Message::Frames),
        1 => Just(Message::Lost { reason: "gone".into() }),
        1 => "\\PC{0,9}".prop_map(Message::Paste),
        1 => (0u64..40).prop_map(move |generation| Message::Detail { generation, answer: Answer::Lines(vec![line.clone(); 3]) }),
        1 => (0u64..40).prop_map(|generation| Message::Detail {
            generation,
            answer: Answer::Object(Box::new(serde_json::json!({"a": [1, {"b": null}]})))
        }),
        1 => Just(Message::Done { verb: Verb::Stop, name: "x".into(), took: Duration::ZERO, error: None }),
        2 => (0i64..9).prop_map(|s| Message::Tick { now: super::fixture::NOW + s * SECOND }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn nothing_makes_it_panic(messages in proptest::collection::vec(message(), 1..60)) {
        let mut app = live((80, 24), ANSI, fleet());
        for message in messages {
            update(&mut app, message);
            shown(&app);
        }
    }

    #[test]
    fn the_selected_container_stays_selected(frames in proptest::collection::vec(frame(), 1..40), at in 0usize..11) {
        let mut app = live((80, 24), ANSI, fleet());
        let height = layout::list_height(&app);
        app.containers.list.go(at, height);
        let selected = app.containers.list.selected().cloned().unwrap();
        for frame in frames {
            update(&mut app, Message::Frames(vec![frame]));
            if app.fleet.get(&selected).is_none() {
                return Ok(());
            }
            prop_assert_eq!(app.containers.list.selected(), Some(&selected));
        }
    }
}
