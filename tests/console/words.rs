//! Without a terminal: plain words, plain exit codes, no escape sequence.

use super::fake::Fake;
use super::screen::command;
use std::process::{Command, Output, Stdio};

fn output(mut command: Command, arguments: &[&str]) -> Output {
    command.args(arguments).stdin(Stdio::null()).output().expect("run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_console_without_a_terminal_says_what_to_do_instead() {
    let fake = Fake::start(1);
    let done = output(command(&fake), &[]);
    assert_eq!(done.status.code(), Some(2));
    let said = text(&done.stderr);
    assert_eq!((said.lines().count(), said.contains("`coffer ps`")), (1, true), "{said}");
    assert!(done.stdout.is_empty() && !said.contains('\u{1b}'));
}

#[test]
fn lists_are_plain_text() {
    let fake = Fake::start(3);
    let done = output(command(&fake), &["ps", "--format", "{{.Names}} {{.State}}"]);
    assert_eq!(text(&done.stdout), "svc-0000 running\nsvc-0001 running\nsvc-0002 running\n");
    let done = output(command(&fake), &["ps", "-q"]);
    assert_eq!(text(&done.stdout).lines().count(), 3);
    let done = output(command(&fake), &["ps"]);
    assert!(
        text(&done.stdout).starts_with("CONTAINER ID   IMAGE")
            && !text(&done.stdout).contains('\u{1b}')
    );
}

#[test]
fn exit_codes() {
    let fake = Fake::start(1);
    for (arguments, code) in [
        (&["-H", "unix:///nonexistent/x.sock", "ps"][..], 3),
        (&["-H", "nonsense", "ps"], 2),
        (&["ps", "--bogus"], 125),
        (&["ps", "extra"], 1),
        (&["run", "--bogus-flag-before", "img"], 125),
        (&["volume", "inspect", "nope"], 1),
        (&["ps", "--format", "{{.Nope}}"], 1),
        (&["stop", "x"], 0),
    ] {
        let done = output(command(&fake), arguments);
        assert_eq!(done.status.code(), Some(code), "{arguments:?}: {}", text(&done.stderr));
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let fake = Fake::start(2_000);
    let mut child = command(&fake)
        .arg("ps")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run");
    drop(child.stdout.take());
    let done = child.wait_with_output().expect("wait");
    assert_eq!((done.status.code(), text(&done.stderr)), (Some(0), String::new()));
}
