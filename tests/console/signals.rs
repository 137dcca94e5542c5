//! The terminal is given back, whatever ends the console.

use super::fake::Fake;
use super::screen::{Console, command};
use harness::{program, wait};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::Command;

/// A shell that notes the terminal's settings before and after.
fn between_notes(fake: &Fake) -> Command {
    let plain = command(fake);
    let mut shell = Command::new("sh");
    let script = format!(
        "stty -g; {}; code=$?; stty -g; echo \"ended with $code\"",
        program::built("coffer").display()
    );
    shell.args(["-c", &script]);
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// The program below the shell.
fn console_of(shell: i32) -> Pid {
    let children = format!("/proc/{shell}/task/{shell}/children");
    wait::until("the console runs", wait::LIMIT, || {
        let text = std::fs::read_to_string(&children).ok()?;
        text.split_whitespace().next()?.parse().ok().map(Pid::from_raw)
    })
}

fn restored_after(end: impl FnOnce(&mut Console), code: &str) {
    let fake = Fake::start(10);
    let mut console = Console::with(&between_notes(&fake), 24, 80);
    console.until("the containers are there", |screen| screen.contains("svc-0000"));
    end(&mut console);
    let ended = format!("ended with {code}");
    console.until(&ended, |screen| screen.contains(&ended));
    let seen = console.terminal.seen();
    let notes: Vec<&str> =
        seen.split(['\r', '\n']).filter(|l| l.matches(':').count() > 20).collect();
    assert_eq!(notes.len(), 2, "{seen}");
    let clean = |note: &str| {
        note.rsplit('\u{1b}').next().unwrap_or(note).trim_start_matches("[?25h").to_string()
    };
    assert_eq!(clean(notes[0]), clean(notes[1]));
    let parser = console.parsed();
    assert!(!parser.screen().alternate_screen() && !parser.screen().hide_cursor());
}

#[test]
fn after_quitting() {
    restored_after(|console| console.terminal.send("q"), "0");
}

#[test]
fn after_a_shell_and_an_attachment() {
    let lend = |console: &mut Console, key, greets, leaves, back| {
        console.terminal.send(key);
        console.until(greets, |screen| screen.contains(greets));
        assert!(!console.parsed().screen().alternate_screen());
        console.terminal.send(leaves);
        console.until(back, |screen| screen.contains(back) && screen.contains("svc-0000"));
    };
    restored_after(
        |console| {
            lend(console, "e", "this is a shell", "exit\r", "the shell has ended");
            lend(console, "a", "this is the main process", "\u{10}\u{11}", "detached; it goes on");
            console.terminal.send("q");
        },
        "0",
    );
}

#[test]
fn after_sigint() {
    restored_after(
        |console| kill(console_of(console.terminal.pid()), Signal::SIGINT).expect("kill"),
        "130",
    );
}

#[test]
fn after_sigterm() {
    restored_after(
        |console| kill(console_of(console.terminal.pid()), Signal::SIGTERM).expect("kill"),
        "143",
    );
}

#[test]
fn after_sighup() {
    restored_after(
        |console| kill(console_of(console.terminal.pid()), Signal::SIGHUP).expect("kill"),
        "129",
    );
}

fn state_of(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

/// After ctrl-z: the program has stopped, the screen is the shell's; SIGCONT brings it back.
pub fn stops_and_goes_on(console: &mut Console) {
    let pid = console.terminal.pid();
    wait::until_true("it is stopped", || state_of(pid) == Some('T'));
    wait::until_true("the screen was given back", || !console.parsed().screen().alternate_screen());
    kill(Pid::from_raw(pid), Signal::SIGCONT).expect("kill");
    wait::until_true("the screen is taken again", || console.parsed().screen().alternate_screen());
    console.until("it is drawn anew", |screen| screen.contains("svc-0000"));
    console.terminal.send("j");
    console.terminal.send("q");
    assert_eq!(console.terminal.status(), 0);
}

#[test]
fn ctrl_z_stops_and_sigcont_draws_anew() {
    let fake = Fake::start(10);
    let mut console = Console::open(&fake, 24, 80);
    console.terminal.send("\u{1a}");
    stops_and_goes_on(&mut console);
}
