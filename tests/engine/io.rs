//! `docker logs` and `docker attach`.

use crate::scene::Scene;
use std::io::{BufRead, BufReader, Write};

#[test]
fn logs_with_their_options() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("logs", &[], &["sh", "-c", "seq 1 10; echo err >&2"]);
    scene.ok(&["wait", &id]);
    // Both streams count: the last two lines are `10` and the one of standard error.
    let tail = scene.docker.run(&["logs", "--tail", "2", &id]);
    assert_eq!((&tail.out[..], &tail.err[..]), ("10\n", "err\n"));
    let output = scene.docker.run(&["logs", &id]);
    assert_eq!((output.out.lines().count(), &output.err[..]), (10, "err\n"));
    let stamped = scene.ok(&["logs", "-t", "--tail", "1", &id]);
    assert!(stamped.is_empty() || stamped.contains("T"), "{stamped}");
    assert_eq!(scene.ok(&["logs", "--since", "1h", &id]).lines().count(), 10);
    assert_eq!(scene.ok(&["logs", "--until", "1h", &id]), "");
    scene.ok(&["rm", &id]);
}

#[test]
fn follow_sees_lines_as_they_come() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("follow", &[], &["log", "30", "40", "20"]);
    let mut child = scene.spawn(&["logs", "-f", &id]);
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let numbers: Vec<u32> =
        lines.map(|l| l.expect("text")[..8].parse().expect("a number")).collect();
    assert!(numbers.iter().copied().eq(1..=30), "{numbers:?}");
    assert!(child.wait().expect("wait").success());
    scene.ok(&["rm", &id]);
}

#[test]
fn attach_streams_without_a_terminal() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("attach", &["-i"], &["cat"]);
    let mut child = scene.spawn(&["attach", "--sig-proxy=false", &id]);
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    stdin.write_all(b"through\n").expect("write");
    out.read_line(&mut line).expect("a line");
    assert_eq!(line, "through\n");
    assert_eq!(scene.ok(&["logs", &id]), "through");
    child.kill().expect("kill the client");
    child.wait().expect("wait");
    assert_eq!(scene.inspect(&id, "/State/Running"), true);
    scene.ok(&["rm", "-f", &id]);
}

#[test]
fn a_large_output_arrives_whole() {
    let Some(scene) = Scene::new() else { return };
    let output = scene.run(&[], &["log", "200000", "100"]);
    let numbers = output.out.lines().map(|line| line[..8].parse::<u32>().expect("a number"));
    assert!(numbers.eq(1..=200_000), "{} bytes", output.out.len());
}

#[test]
fn a_client_that_goes_leaves_its_container_alone() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("left", &[], &["log", "1000000", "60", "100"]);
    for _ in 0..5 {
        let mut child = scene.spawn(&["logs", "-f", &id]);
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        child.kill().expect("kill the client");
        child.wait().expect("wait");
    }
    assert_eq!(scene.inspect(&id, "/State/Running"), true);
    scene.ok(&["rm", "-f", &id]);
}
