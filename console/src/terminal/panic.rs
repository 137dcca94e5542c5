//! A panic gives the terminal back. The panicking program is this test program itself, run on a terminal
//! of its own with one of the tests that are ignored otherwise: no other build can be made to panic.

use super::guard::TermGuard;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use std::io::Read;

#[test]
#[ignore = "run on a terminal by the tests below"]
fn in_the_loop() {
    let _guard = TermGuard::take().unwrap();
    panic!("as was asked");
}

#[test]
#[ignore = "run on a terminal by the tests below"]
fn in_a_thread() {
    let _guard = TermGuard::take().unwrap();
    // The hook ends the program: this never comes back.
    let _ = std::thread::spawn(|| panic!("as was asked")).join();
    std::thread::park();
}

/// What a shell shows that notes the terminal's settings before and after the program.
fn shown_by(test: &str) -> String {
    let program = std::env::current_exe().unwrap();
    let size = PtySize { rows: 24, cols: 200, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut shell = CommandBuilder::new("sh");
    shell.env("RUST_BACKTRACE", "0");
    shell.args([
        "-c",
        "stty -g; \"$1\" --exact --ignored --nocapture \"$2\"; code=$?; stty -g; echo \"ended with $code\"",
        "sh",
    ]);
    shell.args([program.as_os_str(), test.as_ref()]);
    let mut child = pair.slave.spawn_command(shell).unwrap();
    drop(pair.slave);
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    let mut reader = pair.master.try_clone_reader().unwrap();
    // Reading fails once nobody holds the other side any more.
    while let Ok(read @ 1..) = reader.read(&mut buffer) {
        seen.extend_from_slice(&buffer[..read]);
    }
    child.wait().unwrap();
    String::from_utf8_lossy(&seen).into_owned()
}

fn gives_back(test: &str) {
    let seen = shown_by(test);
    assert!(seen.contains("\u{1b}[?1049h"), "it was taken: {seen:?}");
    let mut parser = vt100::Parser::new(24, 200, 0);
    parser.process(seen.as_bytes());
    let screen = parser.screen();
    assert!(!screen.alternate_screen() && !screen.hide_cursor(), "{seen:?}");
    assert!(!screen.bracketed_paste(), "{seen:?}");
    let text = screen.contents();
    assert!(text.contains("as was asked") && text.contains("ended with 101"), "{text}");
    let notes: Vec<&str> = text.lines().filter(|line| line.matches(':').count() > 20).collect();
    assert!(notes.len() == 2 && notes[0] == notes[1], "{text}");
}

#[test]
fn a_panic_in_the_loop_gives_the_terminal_back() {
    gives_back("terminal::panic::in_the_loop");
}

#[test]
fn a_panic_in_a_thread_gives_the_terminal_back() {
    gives_back("terminal::panic::in_a_thread");
}
