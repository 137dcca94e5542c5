//! Further processes in a running container.

use crate::bench::Bench;
use harness::{http, wait};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::Shutdown;

fn create(bench: &Bench, container: &str, body: &Value) -> String {
    let answer = bench.client.post_json(&format!("/containers/{container}/exec"), body).expect(201);
    answer.json()["Id"].as_str().expect("an id").to_owned()
}

/// Runs an exec over a taken-over connection: both outputs, and what inspect says then.
fn run(bench: &Bench, container: &str, body: Value, input: &[u8]) -> (String, String, Value) {
    let id = create(bench, container, &body);
    let start = json!({"Detach": false, "Tty": false});
    let (status, mut stream) =
        bench.client.hijack(&format!("/exec/{id}/start"), Some(&start)).expect("a stream");
    assert_eq!(status, 101);
    stream.get_mut().write_all(input).expect("write standard input");
    if body["AttachStdin"] == true {
        stream.get_ref().shutdown(Shutdown::Write).expect("end of input");
    }
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("read the output");
    let (out, err) = http::demultiplex(&bytes);
    let seen = wait::until("the exec has ended", wait::LIMIT, || {
        let seen = bench.client.get(&format!("/exec/{id}/json")).expect(200).json();
        (seen["Running"] == false).then_some(seen)
    });
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(out), text(err), seen)
}

#[test]
fn output_error_and_status() {
    let bench = Bench::new();
    let container = bench.run("exec", &["sleep", "1000"], json!({}));
    let command = ["sh", "-c", "echo out; echo err >&2; exit 5"];
    let body = json!({"Cmd": command, "AttachStdout": true, "AttachStderr": true});
    let (out, err, seen) = run(&bench, &container, body, b"");
    assert_eq!((&out[..], &err[..]), ("out\n", "err\n"));
    assert_eq!((&seen["ExitCode"], &seen["ContainerID"]), (&json!(5), &json!(container)));
    assert_eq!(seen["ProcessConfig"]["entrypoint"], "sh");
}

#[test]
fn standard_input_ends_when_the_client_ends_it() {
    let bench = Bench::new();
    let container = bench.run("input", &["sleep", "1000"], json!({}));
    let body = json!({"Cmd": ["cat"], "AttachStdin": true, "AttachStdout": true});
    let input: Vec<u8> = (0..200_000u32).map(|n| b'a' + (n % 26) as u8).collect();
    let (out, _, seen) = run(&bench, &container, body, &input);
    assert!(out.as_bytes() == input, "{} of {} bytes came back", out.len(), input.len());
    assert_eq!(seen["ExitCode"], 0);
}

#[test]
fn environment_of_its_own() {
    let bench = Bench::new();
    let container = bench.run("environment", &["sleep", "1000"], json!({"Env": ["BASE=1"]}));
    let body = json!({"Cmd": ["env"], "Env": ["MORE=2"], "AttachStdout": true});
    let (out, _, _) = run(&bench, &container, body, b"");
    assert!(out.contains("BASE=1\n") && out.contains("MORE=2\n"), "{out}");
}

#[test]
fn detached() {
    let bench = Bench::new();
    let container = bench.run("detached", &["sleep", "1000"], json!({}));
    let id = create(&bench, &container, &json!({"Cmd": ["sh", "-c", "exit 8"]}));
    bench.client.post_json(&format!("/exec/{id}/start"), &json!({"Detach": true})).expect(200);
    wait::until_true("it ends with 8", || {
        bench.client.get(&format!("/exec/{id}/json")).expect(200).json()["ExitCode"] == 8
    });
    let again = bench.client.post_json(&format!("/exec/{id}/start"), &json!({"Detach": true}));
    assert_eq!(again.status, 409, "{}", again.text());
}

#[test]
fn a_program_that_is_not_there() {
    let bench = Bench::new();
    let container = bench.run("missing", &["sleep", "1000"], json!({}));
    let id = create(&bench, &container, &json!({"Cmd": ["nope"], "AttachStdout": true}));
    let answer = bench.client.post_json(&format!("/exec/{id}/start"), &json!({"Detach": true}));
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.message().contains("executable file not found in $PATH"), "{}", answer.text());
    let seen = bench.client.get(&format!("/exec/{id}/json")).expect(200).json();
    let code = bench.engine.either(127, 126);
    assert_eq!((&seen["Running"], &seen["ExitCode"]), (&json!(false), &json!(code)));
}

#[test]
fn its_container_lists_it_while_it_runs() {
    let bench = Bench::new();
    let container = bench.run("listed", &["sleep", "1000"], json!({}));
    let id = create(&bench, &container, &json!({"Cmd": ["sleep", "1000"]}));
    bench.client.post_json(&format!("/exec/{id}/start"), &json!({"Detach": true})).expect(200);
    assert_eq!(bench.inspect(&container)["ExecIDs"], json!([id]));
    bench.client.post(&format!("/containers/{container}/kill")).expect(204);
    bench.wait(&container);
    wait::until_true("it ends with its container", || {
        let seen = bench.client.get(&format!("/exec/{id}/json"));
        seen.status == 404 || seen.json()["Running"] == false
    });
}

/// Docker frames the output by what the request to start says, whatever the process's terminal.
#[test]
fn frames_are_as_the_start_asks() {
    let bench = Bench::new();
    let container = bench.run("frames", &["sleep", "1000"], json!({}));
    for (terminal, end) in [(true, "\r\n"), (false, "\n")] {
        let body = json!({"Cmd": ["echo", "hello"], "Tty": terminal, "AttachStdout": true});
        let id = create(&bench, &container, &body);
        let start = json!({"Detach": false, "Tty": !terminal});
        let path = format!("/exec/{id}/start");
        let (_, mut stream) = bench.client.hijack(&path, Some(&start)).expect("a stream");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("read the output");
        let text = if terminal { http::demultiplex(&bytes).0 } else { bytes };
        assert_eq!(String::from_utf8_lossy(&text), format!("hello{end}"));
    }
}

/// Some clients read the head through a buffer and the stream past it: what came in the same moment as
/// the head would be lost to them.
#[test]
fn output_waits_until_the_head_was_read() {
    let bench = Bench::new();
    if bench.engine.is_docker() {
        // dockerd is merely slower than such clients.
        return;
    }
    let container = bench.run("head", &["sleep", "1000"], json!({}));
    for _ in 0..20 {
        let id = create(&bench, &container, &json!({"Cmd": ["echo", "x"], "AttachStdout": true}));
        let mut stream = bench.client.connect().expect("a connection");
        let head = format!(
            "POST /exec/{id}/start HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n\
             Upgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        stream.write_all(head.as_bytes()).expect("ask");
        let mut buffer = [0; 8192];
        let length = stream.read(&mut buffer).expect("the head");
        let first = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert!(first.ends_with("\r\n\r\n"), "{first:?}");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("the output");
        assert_eq!(http::demultiplex(&rest).0, b"x\n");
    }
}
