//! Logs and attach: every byte, in order, once.

use crate::bench::Bench;
use harness::{http, wait};
use serde_json::json;
use std::io::{Read, Write};
use std::net::Shutdown;

#[test]
fn logs_keep_both_streams_apart() {
    let bench = Bench::new();
    let id = bench.run("both", &["sh", "-c", "echo out; echo err >&2; echo more"], json!({}));
    bench.wait(&id);
    assert_eq!(bench.logs(&id, ""), ("out\nmore\n".into(), "err\n".into()));
    let path = format!("/containers/{id}/logs?stderr=1");
    let (out, err) = http::demultiplex(&bench.client.get(&path).expect(200).bytes);
    assert_eq!((out, err), (vec![], b"err\n".to_vec()));
}

#[test]
fn tail_since_and_timestamps() {
    let bench = Bench::new();
    let id = bench.run("tail", &["seq", "1", "100"], json!({}));
    bench.wait(&id);
    assert_eq!(bench.logs(&id, "tail=3").0, "98\n99\n100\n");
    assert_eq!(bench.logs(&id, "tail=0").0, "");
    assert_eq!(bench.logs(&id, "tail=all").0.lines().count(), 100);
    let stamped = bench.logs(&id, "tail=1&timestamps=1").0;
    let (time, rest) = stamped.split_once(' ').expect("a time and a line");
    assert_eq!(rest, "100\n");
    assert!(time.len() == 30 && time.ends_with('Z') && time.as_bytes()[19] == b'.', "{time}");
    assert_eq!(bench.logs(&id, "since=4102444800").0, "");
    assert_eq!(bench.logs(&id, "until=1").0, "");
    assert_eq!(bench.logs(&id, "since=1").0.lines().count(), 100);
}

#[test]
fn a_long_line_comes_back_whole() {
    let bench = Bench::new();
    let id = bench.run("long", &["log", "2", "100000"], json!({}));
    bench.wait(&id);
    let (out, _) = bench.logs(&id, "");
    let lengths: Vec<_> = out.lines().map(str::len).collect();
    assert_eq!(lengths, [99_999, 99_999]);
}

#[test]
fn nothing_is_missing_from_a_flood() {
    let bench = Bench::new();
    let id = bench.run("flood", &["log", "20000", "100"], json!({}));
    bench.wait(&id);
    let (out, _) = bench.logs(&id, "");
    let numbers: Vec<u32> = out.lines().map(|line| line[..8].parse().expect("a number")).collect();
    assert!(numbers.iter().copied().eq(1..=20_000), "{} lines", numbers.len());
}

#[test]
fn follow_goes_on_until_the_end() {
    let bench = Bench::new();
    let id = bench.run("follow", &["log", "20", "20", "20"], json!({}));
    let path = format!("/containers/{id}/logs?stdout=1&follow=1");
    let bytes = bench.client.get(&path).expect(200).bytes;
    let (out, _) = http::demultiplex(&bytes);
    assert_eq!(String::from_utf8_lossy(&out).lines().count(), 20);
}

#[test]
fn attach_before_the_start_sees_everything() {
    let bench = Bench::new();
    let more = json!({"AttachStdout": true, "AttachStderr": true});
    let id = bench.create("attach", &["sh", "-c", "echo first; echo second >&2"], more);
    let path = format!("/containers/{id}/attach?stream=1&stdout=1&stderr=1");
    let (status, mut stream) = bench.client.hijack(&path, None).expect("a stream");
    assert_eq!(status, 101);
    bench.client.post(&format!("/containers/{id}/start")).expect(204);
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("read the output");
    assert_eq!(http::demultiplex(&bytes), (b"first\n".to_vec(), b"second\n".to_vec()));
}

#[test]
fn attach_carries_standard_input() {
    let bench = Bench::new();
    let more =
        json!({"AttachStdin": true, "AttachStdout": true, "OpenStdin": true, "StdinOnce": true});
    let id = bench.create("input", &["cat"], more);
    let path = format!("/containers/{id}/attach?stream=1&stdin=1&stdout=1&stderr=1");
    let (_, mut stream) = bench.client.hijack(&path, None).expect("a stream");
    bench.client.post(&format!("/containers/{id}/start")).expect(204);
    let input = b"line\n".repeat(20_000);
    let mut writer = stream.get_ref().try_clone().expect("a second handle");
    let bytes = std::thread::scope(|scope| {
        let sent = &input;
        scope.spawn(move || {
            writer.write_all(sent).expect("write standard input");
            writer.shutdown(Shutdown::Write).expect("end of input");
        });
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("read the output");
        bytes
    });
    let (out, _) = http::demultiplex(&bytes);
    assert!(out == input, "{} of {} bytes came back", out.len(), input.len());
    assert_eq!(bench.wait(&id), 0);
}

#[test]
fn attach_can_begin_with_what_was_said() {
    let bench = Bench::new();
    let id = bench.run("history", &["sh", "-c", "echo before; sleep 1000"], json!({}));
    wait::until_true("it has said so", || bench.logs(&id, "").0 == "before\n");
    let path = format!("/containers/{id}/attach?logs=1&stream=1&stdout=1");
    let (_, mut stream) = bench.client.hijack(&path, None).expect("a stream");
    let mut bytes = [0; 15];
    stream.read_exact(&mut bytes).expect("the line that was logged");
    assert_eq!(http::demultiplex(&bytes).0, b"before\n");
}

#[test]
fn a_terminal_is_not_framed() {
    let bench = Bench::new();
    let id = bench.run("terminal", &["echo", "raw"], json!({"Tty": true}));
    bench.wait(&id);
    let path = format!("/containers/{id}/logs?stdout=1");
    assert_eq!(bench.client.get(&path).expect(200).bytes, b"raw\r\n");
}

#[test]
fn without_logs_there_are_none() {
    let bench = Bench::new();
    let more = json!({"HostConfig": {"LogConfig": {"Type": "none", "Config": {}}}});
    let id = bench.run("none", &["echo", "unseen"], more);
    bench.wait(&id);
    let answer = bench.client.get(&format!("/containers/{id}/logs?stdout=1"));
    let said = answer.text();
    assert!(said.contains("does not support reading"), "{} {said}", answer.status);
}

#[test]
fn the_local_driver_reads_back_too() {
    let bench = Bench::new();
    let more = json!({"HostConfig": {"LogConfig": {"Type": "local", "Config": {}}}});
    let id = bench.run("local", &["sh", "-c", "echo out; echo err >&2"], more);
    bench.wait(&id);
    assert_eq!(bench.logs(&id, ""), ("out\n".into(), "err\n".into()));
}

#[test]
fn rotation_keeps_the_newest() {
    let bench = Bench::new();
    let options = json!({"max-size": "20k", "max-file": "2"});
    let more = json!({"HostConfig": {"LogConfig": {"Type": "json-file", "Config": options}}});
    let id = bench.run("rotate", &["log", "2000", "100"], more);
    bench.wait(&id);
    let (out, _) = bench.logs(&id, "");
    let numbers: Vec<u32> = out.lines().map(|line| line[..8].parse().expect("a number")).collect();
    assert_eq!(numbers.last(), Some(&2000));
    assert!(numbers.len() < 600, "{} lines were kept", numbers.len());
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "a hole: {numbers:?}");
}
