//! Further processes, users, terminals, environment.

use crate::scene::Scene;
use serde_json::json;
use shared::kernel::socket;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;

#[test]
fn exec_in_a_running_container() {
    let Some(scene) = Scene::new(&["hold"]) else { return };
    scene.start();
    assert_eq!(scene.ok(&["exec", scene.id(), "echo", "hello"]), "hello\n");
    assert_eq!(scene.run(&["exec", scene.id(), "sh", "-c", "exit 42"]).status.code(), Some(42));
    let environment = scene.ok(&["exec", "--env", "A=b", scene.id(), "env"]);
    assert!(environment.contains("A=b\n") && environment.contains("PATH=/bin\n"), "{environment}");
    let missing = scene.run(&["exec", scene.id(), "nope"]);
    assert_eq!(missing.status.code(), Some(255));
    let said = String::from_utf8_lossy(&missing.stderr);
    assert!(said.contains("executable file not found in $PATH"), "{said}");
    let id = scene.ok(&["exec", "--user", "33:34", scene.id(), "id"]);
    assert!(id.contains("33") && id.contains("34"), "{id}");
}

#[test]
fn exec_in_a_stopped_container_is_refused() {
    let Some(scene) = Scene::new(&["true"]) else { return };
    scene.start();
    scene.wait_until_stopped();
    let said = scene.refused(&["exec", scene.id(), "true"]);
    assert!(said.contains("stopped"), "{said}");
}

#[test]
fn the_user_and_the_working_directory() {
    let Some(mut scene) = Scene::new(&["sh", "-c", "id; pwd; env"]) else { return };
    scene.spec["process"]["user"] = json!({"uid": 33, "gid": 34, "additionalGids": [40]});
    scene.spec["process"]["cwd"] = json!("/new/folder");
    let (code, out) = scene.foreground();
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("33") && out.contains("34") && out.contains("40"), "{out}");
    assert!(out.contains("/new/folder\n") && out.contains("HOME=/srv\n"), "{out}");
}

#[test]
fn standard_input_reaches_the_program() {
    let Some(scene) = Scene::new(&["cat"]) else { return };
    scene.write();
    let mut command = scene.command(&["run", scene.id()]);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("run");
    child.stdin.take().expect("stdin").write_all(b"through").expect("write");
    let output = child.wait_with_output().expect("wait");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"through"[..]));
}

#[test]
fn a_terminal_by_console_socket() {
    let Some(mut scene) = Scene::new(&["tty"]) else { return };
    scene.spec["process"]["terminal"] = json!(true);
    scene.write();
    let socket = scene.path("tty");
    let listener = UnixListener::bind(&socket).expect("bind");
    scene.ok(&["create", "--console-socket", "tty", scene.id()]);
    let (stream, _) = listener.accept().expect("accept");
    let (mut name, mut received) = ([0u8; 256], Vec::new());
    socket::receive(stream.as_fd(), &mut name, &mut received).expect("a message");
    let mut master = File::from(received.pop().expect("a descriptor"));
    scene.ok(&["start", scene.id()]);
    let mut said = Vec::new();
    // The end of a terminal is an error, EIO.
    let _end = master.read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.contains("/dev/pts/0") || said.contains("terminal"), "{said}");
}
