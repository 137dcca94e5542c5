//! `docker exec`, on pipes and on a terminal; attach and its detach keys.

use crate::scene::{Scene, Verdict};
use harness::terminal::Terminal;
use harness::wait;

#[test]
fn output_status_and_options() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("exec", &["-e", "BASE=1"], &["sleep", "1000"]);
    let output = scene.docker.run(&["exec", &id, "sh", "-c", "echo out; echo err >&2; exit 4"]);
    assert_eq!((output.status, &output.out[..], &output.err[..]), (4, "out\n", "err\n"));
    let out = scene.ok(&[
        "exec",
        "-e",
        "MORE=2",
        "-w",
        "/tmp",
        "-u",
        "guest",
        &id,
        "sh",
        "-c",
        "echo $BASE$MORE; pwd; whoami",
    ]);
    assert_eq!(out, "12\n/tmp\nguest");
    scene.docker.run(&["exec", &id, "nope"]).ended(scene.engine.either(127, 126));
    scene.docker.run(&["exec", &id, "/etc/passwd"]).ended(126);
    scene.ok(&["exec", "-d", &id, "touch", "/made"]);
    wait::until_true("the detached one has run", || {
        scene.docker.run(&["exec", &id, "stat", "/made"]).status == 0
    });
    let table = scene.ok(&["exec", &id, "ps"]);
    assert!(table.contains("sleep 1000"), "{table}");
    if !scene.engine.is_docker() {
        // runc asks for capabilities that this machine may lack.
        let privileged = scene.ok(&["exec", "--privileged", &id, "caps"]);
        assert_ne!(privileged, scene.ok(&["exec", &id, "caps"]));
    }
    scene.ok(&["rm", "-f", &id]);
}

#[test]
fn standard_input_through_exec() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("input", &[], &["sleep", "1000"]);
    let input = b"line of text\n".repeat(50_000);
    let output = scene.with_input(&["exec", "-i", &id, "cat"], &input);
    assert!(output.out.as_bytes() == input, "{} of {} bytes", output.out.len(), input.len());
    scene.ok(&["rm", "-f", &id]);
}

#[test]
fn on_a_terminal() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("terminal", &[], &["sleep", "1000"]);
    let mut terminal = Terminal::start(&scene.command(&["exec", "-it", &id, "sh"]), 33, 99);
    terminal.expect("# ");
    terminal.send("stty size\r");
    terminal.expect("33 99");
    terminal.resize(20, 60);
    wait::until_true("the new size arrives", || {
        terminal.send("stty size\r");
        std::thread::sleep(std::time::Duration::from_millis(100));
        terminal.seen().contains("20 60")
    });
    terminal.send("exit 6\r");
    assert_eq!(terminal.status(), 6, "{}", terminal.seen());
    scene.ok(&["rm", "-f", &id]);
}

#[test]
fn run_on_a_terminal() {
    let Some(scene) = Scene::new() else { return };
    let words = ["run", "--rm", "-it", "--network", "none", "probe", "sh"];
    let mut terminal = Terminal::start(&scene.command(&words), 24, 80);
    terminal.expect("# ");
    terminal.send("tty\r");
    terminal.expect("/dev/pts/0");
    terminal.send("exit 3\r");
    assert_eq!(terminal.status(), 3, "{}", terminal.seen());
}

#[test]
fn detach_keys_leave_it_running() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("detach", &["-it"], &["sh"]);
    let mut terminal = Terminal::start(&scene.command(&["attach", &id]), 24, 80);
    terminal.send("\r");
    terminal.expect("# ");
    terminal.send("echo at\"tach\"ed\r");
    terminal.expect("attached");
    terminal.send("\u{10}\u{11}");
    terminal.expect("read escape sequence");
    terminal.status();
    assert_eq!(scene.inspect(&id, "/State/Running"), true);
    let mut terminal =
        Terminal::start(&scene.command(&["attach", "--detach-keys", "ctrl-x", &id]), 24, 80);
    terminal.send("\r");
    terminal.expect("# ");
    terminal.send("\u{18}");
    terminal.expect("read escape sequence");
    terminal.status();
    assert_eq!(scene.inspect(&id, "/State/Running"), true);
    scene.ok(&["rm", "-f", &id]);
}
