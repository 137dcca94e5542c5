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

/// Each line of the log file, its time taken out.
fn log_file(scene: &Scene, id: &str) -> Vec<String> {
    let path = scene.inspect(id, "/LogPath");
    let text = std::fs::read_to_string(path.as_str().expect("a path")).expect("read the log");
    let untimed = |line: &str| {
        let (head, time) = line.split_once(r#","time":""#).expect("a time");
        let time = time.strip_suffix(r#""}"#).expect("the end of a record");
        assert!(time.len() <= 30 && time.ends_with('Z') && time.contains('T'), "{time}");
        head.to_owned()
    };
    text.lines().map(untimed).collect()
}

/// Byte for byte what dockerd writes: collectors read these files, not the API.
#[test]
fn the_log_file_is_dockers() {
    let Some(scene) = Scene::new() else { return };
    let folder = scene.engine.sandbox().join("odd");
    std::fs::create_dir(&folder).expect("make a folder");
    let long = "b".repeat(16384);
    let pieces = format!("{long}\n{}\n{long}cc\nend", &long[1..]);
    let bytes = [
        b"a\0b\x01\x1b[1m\x7f\xff\xfe\xc3\x28 <>&\"\\ \t\r\n\n".as_slice(),
        "\u{1f600} \u{2028} \u{2029} \u{fffd}\n".as_bytes(),
        pieces.as_bytes(),
    ];
    std::fs::write(folder.join("bytes"), bytes.concat()).expect("write a file");
    let bind = format!("{}:/odd:ro", folder.display());
    let id = scene.start("bytes", &["-v", &bind], &["cat", "/odd/bytes"]);
    scene.ok(&["wait", &id]);
    let line = |log: &str| format!(r#"{{"log":"{log}","stream":"stdout""#);
    let odd = "a\\u0000b\\u0001\\u001b[1m\u{7f}\\ufffd\\ufffd\\ufffd( \
               \\u003c\\u003e\\u0026\\\"\\\\ \\u0009\\r\\n";
    let expected = [
        line(odd),
        line("\\n"),
        line("\u{1f600} \\u2028 \\u2029 \u{fffd}\\n"),
        line(&long),
        line("\\n"),
        line(&format!("{}\\n", &long[1..])),
        line(&long),
        line("cc\\n"),
        line("end"),
    ];
    assert_eq!(log_file(&scene, &id), expected);
    scene.ok(&["rm", &id]);
}

#[test]
fn attributes_stand_in_each_line_of_the_log() {
    let Some(scene) = Scene::new() else { return };
    let flags = "--label a=1 --label b.x=two --env E=3 --env O_1=4 --log-opt labels=a,none \
                 --log-opt labels-regex=^b --log-opt env=E --log-opt env-regex=^O_ --log-opt tag={{.ImageName}}";
    let flags: Vec<&str> = flags.split_whitespace().collect();
    let id = scene.start("attributes", &flags, &["echo", "hi \"there\""]);
    scene.ok(&["wait", &id]);
    let attributes = r#"{"E":"3","O_1":"4","a":"1","b.x":"two","tag":"probe:latest"}"#;
    let expected = format!(r#"{{"log":"hi \"there\"\n","stream":"stdout","attrs":{attributes}"#);
    assert_eq!(log_file(&scene, &id), [expected]);
    let told = scene.ok(&["logs", "--details", &id]);
    assert_eq!(told, "E=3,O_1=4,a=1,b.x=two,tag=probe%3Alatest hi \"there\"");
    scene.ok(&["rm", &id]);
}
