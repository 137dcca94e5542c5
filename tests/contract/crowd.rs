//! Thousands of clients that send nothing, little, or far too much: others are answered meanwhile, and the
//! daemon's memory comes back.

use crate::bench::Bench;
use harness::engine::{Engine, Launch};
use harness::{program, wait};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Clients that hold a connection each.
const CROWD: usize = 2_000;
/// The slowest of a hundred pings beside them, on a busy machine.
const PROMPT: Duration = Duration::from_secs(3);
/// A megabyte.
const MB: u64 = 1 << 20;

/// As many as this process may have descriptors for.
fn crowd() -> usize {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("raise the limit");
    CROWD.min(usize::try_from(hard).unwrap_or(CROWD).saturating_sub(200))
}

/// Bytes of the daemon's own memory; none of a dockerd's, whose processes are not ours to judge.
fn memory(bench: &Bench) -> u64 {
    let Some(pid) = bench.engine.pid().filter(|_| !bench.engine.is_docker()) else { return 0 };
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("read smaps");
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).expect("a sum");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1024
}

fn pings(bench: &Bench, what: &str) {
    for _ in 0..100 {
        let begun = Instant::now();
        bench.client.get("/_ping").expect(200);
        let took = begun.elapsed();
        assert!(took < PROMPT, "{what}: a ping took {took:?}");
    }
}

/// As much as goes into the socket without waiting.
fn stuff(stream: &mut UnixStream, bytes: &[u8]) {
    stream.set_nonblocking(true).expect("not to wait");
    let mut rest = bytes;
    while let Ok(count @ 1..) = stream.write(rest) {
        rest = &rest[count..];
    }
}

#[test]
fn thousands_that_hold_connections_hinder_nobody() {
    let bench = Bench::new();
    let head = "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let shapes = [
        ("nothing", String::new()),
        ("half a head", format!("{head}X-A: b")),
        ("half a long head", format!("{head}X-A: {}", "b".repeat(900_000))),
        ("half a body", format!("{head}Content-Length: 1000\r\n\r\n{{\"Im")),
        (
            "half a long body",
            format!("{head}Content-Length: 16000000\r\n\r\n{{{}", " ".repeat(900_000)),
        ),
    ];
    let crowd = crowd();
    let before = memory(&bench);
    for (what, bytes) in shapes {
        let mut held: Vec<UnixStream> = Vec::with_capacity(crowd);
        for _ in 0..crowd {
            let mut stream = bench.client.connect().expect("a connection");
            stuff(&mut stream, bytes.as_bytes());
            held.push(stream);
        }
        pings(&bench, what);
        let id = bench.create("beside", &["true"], json!({}));
        bench.client.delete(&format!("/containers/{id}")).expect(204);
        let most = before + crowd as u64 * 384 * 1024;
        let now = memory(&bench);
        assert!(now <= most, "{what}: {} MB after {} MB", now / MB, before / MB);
        drop(held);
        pings(&bench, "after they have gone");
    }
    wait::until_true("the memory comes back", || memory(&bench) <= before + 64 * MB);
}

#[test]
fn a_long_head_without_room_gets_an_answer() {
    let bench = Bench::new();
    if bench.engine.is_docker() {
        return program::skip("dockerd has no limit for all heads together");
    }
    let head = format!("GET /_ping HTTP/1.1\r\nHost: x\r\nX-A: {}", "b".repeat(1_000_000));
    let mut held = Vec::new();
    let answer = (0..60).find_map(|_| {
        let mut stream = bench.client.connect().expect("a connection");
        stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a limit");
        // Who is refused cannot write everything.
        let _ = stream.write_all(head.as_bytes());
        let mut answer = String::new();
        let ended = stream.read_to_string(&mut answer);
        held.push(stream);
        (ended.is_ok() || !answer.is_empty()).then_some(answer)
    });
    let answer = answer.expect("some head is one too many");
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\"message\""), "{answer:?}");
    let bytes = answer.split_once("\r\n\r\n").map(|(_, body)| body.len());
    assert!(answer.contains(&format!("Content-Length: {}\r\n", bytes.unwrap_or(0))), "{answer:?}");
    drop(held);
    pings(&bench, "after they have gone");
}

/// What became of a request whose client reads the answer only when it has sent everything.
fn stubborn(bench: &Bench, head: &str, length: usize) -> Result<u16, ErrorKind> {
    let mut stream = bench.client.connect().expect("a connection");
    let head = format!("{head}Host: x\r\nContent-Length: {length}\r\n\r\n");
    let sent = stream.write_all(head.as_bytes()).and_then(|()| {
        let piece = vec![b' '; 1 << 20];
        (0..length)
            .step_by(piece.len())
            .try_for_each(|at| stream.write_all(&piece[..piece.len().min(length - at)]))
    });
    sent.map_err(|error| error.kind())?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).map_err(|error| error.kind())?;
    let text = String::from_utf8_lossy(&answer);
    Ok(text.rsplit(' ').next().and_then(|code| code.parse().ok()).expect("a status"))
}

#[test]
fn who_is_refused_in_the_middle_of_a_body_gets_the_answer() {
    let bench = Bench::new();
    if bench.engine.is_docker() {
        // dockerd reads 256 kB of a refused body, then resets the connection.
        return;
    }
    let json = "Content-Type: application/json\r\n";
    for (head, status) in [
        ("POST /nope HTTP/1.1\r\n".to_owned(), 404),
        (format!("POST /containers/nope/start HTTP/1.1\r\n{json}"), 404),
        (format!("POST /containers/create HTTP/1.1\r\n{json}"), 413),
        ("POST /v1.99/containers/create HTTP/1.1\r\n".to_owned(), 400),
        ("PUT /containers/nope/archive?path=/ HTTP/1.1\r\n".to_owned(), 404),
    ] {
        assert_eq!(stubborn(&bench, &head, 100 << 20), Ok(status), "{head}");
    }
}

#[test]
fn long_bodies_share_what_there_is() {
    let bench = Bench::new();
    if bench.engine.is_docker() {
        // dockerd takes what it is given.
        return;
    }
    let before = memory(&bench);
    let head = "POST /containers/create HTTP/1.1\r\nContent-Type: application/json\r\n";
    let answers: Vec<_> = std::thread::scope(|scope| {
        let clients = (0..40).map(|_| scope.spawn(|| stubborn(&bench, head, 15 << 20)));
        let clients: Vec<_> = clients.collect();
        pings(&bench, "beside long bodies");
        clients.into_iter().map(|client| client.join().expect("a client")).collect()
    });
    // Blanks are no JSON.
    assert!(answers.iter().all(|answer| matches!(answer, Ok(400 | 503))), "{answers:?}");
    assert_eq!(stubborn(&bench, head, 15 << 20), Ok(400));
    wait::until_true("the memory comes back", || memory(&bench) <= before + 48 * MB);
}

/// One exchange on a connection that stays.
fn exchange(stream: &mut UnixStream, request: &str, body: &str) -> u16 {
    let length = body.len();
    let head = format!("{request} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n");
    let text = format!("{head}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).expect("send");
    let mut answer = [0; 64 << 10];
    let length = stream.read(&mut answer).expect("an answer");
    let text = String::from_utf8_lossy(&answer[..length]);
    text.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status")
}

#[test]
fn clients_leave_descriptors_to_the_daemon() {
    let mut engine = Engine::contract();
    if engine.is_docker() {
        return;
    }
    engine.stop();
    let few = ["sh", "-c", "ulimit -n 200; exec \"$@\"", "sh"].map(str::to_owned).to_vec();
    engine.launch_as(Launch { before: few, ..Launch::default() });
    let client = engine.client();
    let mut kept = client.connect().expect("a connection");
    assert_eq!(exchange(&mut kept, "GET /_ping", ""), 200);
    let held: Vec<_> = (0..300).map(|_| client.connect().expect("a connection")).collect();
    wait::until_true("one too many is closed", || client.try_call("GET", "/_ping", None).is_err());
    let body = json!({"Image": "probe", "Cmd": ["sleep", "1000"]}).to_string();
    assert_eq!(exchange(&mut kept, "POST /containers/create?name=beside", &body), 201);
    assert_eq!(exchange(&mut kept, "POST /containers/beside/start", ""), 204);
    drop(held);
    wait::until_true("others are served again", || {
        client.try_call("GET", "/_ping", None).is_ok_and(|answer| answer.status == 200)
    });
    client.delete("/containers/beside?force=1").expect(204);
}
