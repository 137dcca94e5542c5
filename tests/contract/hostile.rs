//! A hostile client: fields of every type, bodies that are no JSON, half requests and hundreds of idle
//! connections. Nothing of it may be answered with a fault of the daemon's, and others are served
//! meanwhile.

use crate::bench::Bench;
use harness::http::{Answer, Client};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Pseudo-random numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64 (Marsaglia).
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.roll(if depth == 0 { 11 } else { 13 }) {
            0 => Value::Null,
            1 => json!(true),
            2 => json!(-1),
            3 => json!(i64::MIN),
            4 => json!(u64::MAX),
            5 => json!(1e308),
            6 => json!(""),
            7 => json!("a".repeat(70_000)),
            8 => json!("\u{0}/../../\u{202e}"),
            9 => json!("container:"),
            10 => json!([]),
            11 => json!([self.value(depth - 1), self.value(depth - 1)]),
            _ => json!({"a": self.value(depth - 1), "": self.value(depth - 1)}),
        }
    }
}

const TOP: &[&str] = &[
    "Hostname",
    "Domainname",
    "User",
    "AttachStdin",
    "Tty",
    "OpenStdin",
    "StdinOnce",
    "Env",
    "Cmd",
    "Image",
    "Volumes",
    "WorkingDir",
    "Entrypoint",
    "OnBuild",
    "Labels",
    "StopSignal",
    "StopTimeout",
    "Shell",
    "Healthcheck",
    "ExposedPorts",
    "NetworkingConfig",
    "HostConfig",
    "ConsoleSize",
    "DetachKeys",
    "Privileged",
    "Name",
    "Driver",
    "DriverOpts",
];

const HOST: &[&str] = &[
    "Binds",
    "Memory",
    "MemorySwap",
    "MemorySwappiness",
    "NanoCpus",
    "CpuShares",
    "CpuQuota",
    "CpuPeriod",
    "CpusetCpus",
    "CpusetMems",
    "PidsLimit",
    "BlkioWeight",
    "BlkioDeviceReadBps",
    "BlkioWeightDevice",
    "Devices",
    "DeviceRequests",
    "DeviceCgroupRules",
    "Ulimits",
    "Sysctls",
    "Tmpfs",
    "Mounts",
    "ShmSize",
    "CapAdd",
    "CapDrop",
    "SecurityOpt",
    "GroupAdd",
    "IpcMode",
    "PidMode",
    "UTSMode",
    "UsernsMode",
    "CgroupnsMode",
    "NetworkMode",
    "PortBindings",
    "Dns",
    "ExtraHosts",
    "VolumesFrom",
    "Links",
    "LogConfig",
    "RestartPolicy",
    "AutoRemove",
    "OomScoreAdj",
    "Runtime",
    "Init",
    "MaskedPaths",
    "ReadonlyPaths",
    "ReadonlyRootfs",
    "StorageOpt",
    "Annotations",
    "ContainerIDFile",
    "VolumeDriver",
    "CgroupParent",
    "Isolation",
    "Privileged",
    "ConsoleSize",
];

/// A request that does not wait behind others takes this at most, on a busy machine.
const PROMPT: Duration = Duration::from_secs(5);

fn answered(client: &Client, what: &str) {
    let begun = Instant::now();
    client.get("/_ping").expect(200);
    let took = begun.elapsed();
    assert!(took < PROMPT, "{what}: a ping took {took:?}");
}

/// dockerd answers many a mistake with 500 and dies of none: only our own words are held to more.
fn is_fault(bench: &Bench, status: u16) -> bool {
    status >= 500 && status != 501 && !bench.engine.is_docker()
}

#[test]
fn fields_of_every_type() {
    let bench = Bench::new();
    let id = bench.run("victim", &["sleep", "1000"], json!({}));
    let mut dice = Dice(0x5eed);
    for round in 0..400 {
        let mut body = bench.body(&["true"], json!({"HostConfig": {"NetworkMode": "none"}}));
        for _ in 0..=dice.roll(2) {
            body[TOP[dice.roll(TOP.len())]] = dice.value(3);
        }
        if body["HostConfig"].is_object() {
            for _ in 0..=dice.roll(3) {
                body["HostConfig"][HOST[dice.roll(HOST.len())]] = dice.value(3);
            }
        }
        let path = match round % 4 {
            0 | 1 => "/containers/create".to_owned(),
            2 => format!("/containers/{id}/exec"),
            _ => "/volumes/create".to_owned(),
        };
        let answer = bench.client.post_json(&path, &body);
        let text = body.to_string();
        let shown: String = text.chars().take(2000).collect();
        assert!(!is_fault(&bench, answer.status), "{path} {shown}: {}", answer.message());
        let made = answer.json();
        if path == "/containers/create" && answer.status == 201 {
            let made = made["Id"].as_str().expect("an id");
            bench.client.delete(&format!("/containers/{made}?force=1&v=1")).expect(204);
        } else if path == "/volumes/create" && answer.status == 201 {
            let name = harness::http::encode(made["Name"].as_str().expect("a name"));
            bench.client.delete(&format!("/volumes/{name}")).expect(204);
        }
        let mut update = json!({});
        update[HOST[dice.roll(HOST.len())]] = dice.value(2);
        let answer = bench.client.post_json(&format!("/containers/{id}/update"), &update);
        // The fake shim has no control groups to change: that is no mistake of the body's.
        assert!(answer.status < 600, "{update}");
    }
    assert_eq!(bench.inspect(&id)["State"]["Running"], true);
}

#[test]
fn bodies_that_are_nothing() {
    let bench = Bench::new();
    let deep = [vec![b'['; 200_000], vec![b']'; 200_000]].concat();
    let objects = br#"{"HostConfig":"#.repeat(10_000);
    let bodies: [&[u8]; 10] = [
        b"NaN",
        b"{\"Image\":\xff\xfe}",
        b"\x00\x01\x02",
        b"{\"Memory\":1e999}",
        b"'",
        b"null",
        b"[]",
        b"{\"Image\":\"a\"} {\"Image\":\"b\"}",
        &deep,
        &objects,
    ];
    for path in ["/containers/create", "/volumes/create", "/containers/x/exec", "/exec/x/start"] {
        for body in bodies {
            let headers = [("Content-Type", "application/json")];
            let answer = bench.client.open("POST", path, &headers, body);
            let answer = answer.and_then(Answer::whole).expect("an answer");
            assert!(!is_fault(&bench, answer.status), "{path}: {}", answer.text());
        }
    }
    answered(&bench.client, "after bodies that are nothing");
}

fn send(client: &Client, bytes: &[u8]) -> UnixStream {
    let mut stream = client.connect().expect("a connection");
    // A daemon that has seen enough may hang up on the rest.
    let _ = stream.write_all(bytes);
    stream
}

#[test]
fn requests_that_are_no_http() {
    let bench = Bench::new();
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(3 << 20));
    let flood = format!("GET /_ping HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-A: b\r\n".repeat(5000));
    let both = "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\
                Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    let chunks = "POST /volumes/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                  Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nxx\r\n";
    let two = "POST /volumes/create HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}";
    for (bytes, close) in [
        (long.as_bytes(), true),
        (flood.as_bytes(), true),
        (both.as_bytes(), true),
        (chunks.as_bytes(), true),
        (two.as_bytes(), true),
        (b"\x16\x03\x01\x02\x00\x01\x00".as_slice(), true),
        (b"GET / HTTP/9.9\r\n\r\n".as_slice(), true),
        (b"GET /_ping HTTP/1.1\r\nHo".as_slice(), true),
        (
            b"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\nabc".as_slice(),
            true,
        ),
    ] {
        let mut stream = send(&bench.client, bytes);
        if close {
            // Gone already, if the daemon has hung up.
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
        let mut answer = Vec::new();
        // A connection that is reset says no as well.
        let _ = stream.read_to_end(&mut answer);
        let head = String::from_utf8_lossy(&answer[..answer.len().min(40)]).into_owned();
        let status: u16 = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(400);
        assert!(!is_fault(&bench, status), "{head}");
        answered(&bench.client, "after a request that is none");
    }
}

#[test]
fn idle_and_vanishing_clients_hinder_nobody() {
    let bench = Bench::new();
    let id = bench.run(
        "talker",
        &["sh", "-c", "yes"],
        json!({"HostConfig": {"LogConfig": {"Type": "none"}}}),
    );
    let client = &bench.client;
    let mut held: Vec<UnixStream> = (0..500).map(|_| send(client, b"")).collect();
    held.extend((0..200).map(|_| send(client, b"POST /containers/create HTTP/1.1\r\nHos")));
    answered(client, "beside 700 idle connections");
    for _ in 0..50 {
        // Taken over and never read, then gone; asked and gone before the answer.
        let attach = format!(
            "POST /containers/{id}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        );
        held.push(send(client, attach.as_bytes()));
        let wait =
            format!("POST /containers/{id}/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        drop(send(client, wait.as_bytes()));
        drop(send(client, b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n"));
    }
    answered(client, "beside clients that do not read");
    drop(held);
    answered(client, "after they have gone");
    client.delete(&format!("/containers/{id}?force=1")).expect(204);
}
