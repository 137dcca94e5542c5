//! The daemon and the host that starts it: sockets handed over, the service manager, signals. About
//! `cofferd` alone, so skipped with a peer.

use crate::bench::Bench;
use harness::engine::{Engine, Launch};
use harness::http::Client;
use harness::remains::signal;
use harness::{leak, program, wait};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

/// Becomes what its arguments say, with its descriptors 0 and 1 handed over as systemd does it:
/// sd_listen_fds(3).
const HAND_OVER: &str =
    "exec 3<&0 4<&1 </dev/null >&2; export LISTEN_FDS=2 LISTEN_PID=$$; exec \"$@\"";

fn ours() -> Option<Engine> {
    let engine = Engine::contract();
    if engine.is_docker() {
        program::skip("about cofferd");
        return None;
    }
    Some(engine)
}

/// Environments of what the daemon has started.
fn environments(engine: &Engine) -> Vec<String> {
    let started = leak::processes(engine.sandbox().name());
    let others = started.into_iter().filter(|(pid, _)| Some(*pid) != engine.pid());
    others
        .filter_map(|(pid, _)| std::fs::read(format!("/proc/{pid}/environ")).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "))
        .collect()
}

fn run(engine: &Engine) -> String {
    let body =
        json!({"Image": "probe", "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "none"}});
    let made = engine.client().post_json("/containers/create", &body).expect(201).json();
    let id = made["Id"].as_str().expect("an id").to_owned();
    engine.client().post(&format!("/containers/{id}/start")).expect(204);
    id
}

#[test]
fn sockets_handed_over_are_served() {
    let Some(mut engine) = ours() else { return };
    engine.stop();
    let path = engine.sandbox().join("handed.sock");
    let unix = UnixListener::bind(&path).expect("bind");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = tcp.local_addr().expect("an address");
    engine.launch_as(Launch {
        before: ["sh", "-c", HAND_OVER, "sh"].map(str::to_owned).to_vec(),
        arguments: vec!["-H".into(), "fd://".into()],
        handed: Some([unix.into(), tcp.into()]),
        ..Launch::default()
    });
    // All three at once: its own, and the two handed over.
    engine.client().get("/_ping").expect(200);
    Client::new(&path).get("/_ping").expect(200);
    let mut stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(wait::LIMIT)).expect("a limit");
    stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("ask");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("OK"), "{answer}");
    run(&engine);
    let environments = environments(&engine);
    assert!(!environments.is_empty() && !environments.iter().any(|e| e.contains("LISTEN_")));
    engine.remove_containers();
    assert!(engine.stop().success());
    assert!(path.exists(), "a socket that it did not make is not its own to remove");
    assert!(!engine.socket().exists(), "its own is removed");
}

#[test]
fn without_a_socket_handed_over_it_does_not_start() {
    let Some(mut engine) = ours() else { return };
    engine.stop();
    let output = engine.once(&["-H", "fd://"], None);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("no sockets found via socket activation"),
        "{said}"
    );
    // Nothing of the failed start is in the way.
    engine.launch();
}

#[test]
fn the_service_manager_is_told() {
    let Some(mut engine) = ours() else { return };
    engine.stop();
    let path = engine.sandbox().join("notify");
    let manager = UnixDatagram::bind(&path).expect("bind");
    manager.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
    let next = || {
        let mut text = [0; 512];
        let length = manager.recv(&mut text).expect("a message in time");
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    let client = engine.client();
    std::thread::scope(|scope| {
        let told = scope.spawn(|| {
            let said = next();
            // Whoever is told that it is ready may connect at once.
            (said, client.try_call("GET", "/_ping", None).expect("it listens").status)
        });
        engine.launch_as(Launch {
            environment: vec![("NOTIFY_SOCKET".into(), path.display().to_string())],
            ..Launch::default()
        });
        let (said, status) = told.join().expect("told");
        assert!(said.lines().any(|line| line == "READY=1"), "{said:?}");
        assert_eq!(status, 200);
    });
    run(&engine);
    let environments = environments(&engine);
    assert!(!environments.is_empty() && !environments.iter().any(|e| e.contains("NOTIFY_")));
    engine.remove_containers();
    assert!(engine.stop().success());
    let said = next();
    assert!(said.lines().any(|line| line == "STOPPING=1"), "{said:?}");
}

#[test]
fn a_hangup_is_told_and_changes_nothing() {
    let bench = Bench::new();
    if bench.engine.is_docker() {
        return program::skip("about cofferd");
    }
    let id = bench.run("kept", &["sleep", "1000"], json!({}));
    signal(bench.engine.pid().expect("a daemon"), Signal::SIGHUP);
    wait::until_true("it says that it reads its configuration at start only", || {
        bench.engine.log().contains("the configuration is read at start only")
    });
    assert_eq!(bench.inspect(&id)["State"]["Running"], true);
}

#[test]
fn files_are_raised_to_the_hard_limit() {
    let Some(mut engine) = ours() else { return };
    engine.stop();
    let low = "ulimit -Sn 512; ulimit -Hn 4000; exec \"$@\"";
    engine.launch_as(Launch {
        before: ["sh", "-c", low, "sh"].map(str::to_owned).to_vec(),
        ..Launch::default()
    });
    let pid = engine.pid().expect("a daemon");
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("its limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
    let figures: Vec<_> = line.split_whitespace().skip(3).take(2).collect();
    assert_eq!(figures, ["4000", "4000"]);
}

#[test]
fn only_root_starts_it() {
    if !program::is_root() {
        return program::skip("another user's start is tried as root");
    }
    let folder = std::env::temp_dir().join(format!("coffer-user-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    // The build's own folder may be closed to others.
    let program = folder.join("cofferd");
    std::fs::copy(program::built("cofferd"), &program).expect("a copy");
    let output = Command::new(&program).uid(65534).gid(65534).output().expect("run it");
    std::fs::remove_dir_all(&folder).expect("remove");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("needs to be run as root"), "{said}");
}

#[test]
fn parts_are_required_and_left_out() {
    let Some(mut engine) = ours() else { return };
    let client = engine.client();
    let state = |client: &Client| -> Vec<(String, String)> {
        let parts = client.get("/coffer/v1/plugins").expect(200).json();
        let word = |part: &Value, key: &str| part[key].as_str().expect("text").to_owned();
        let parts = parts.as_array().expect("a list");
        parts.iter().map(|part| (word(part, "id"), word(part, "state"))).collect()
    };
    let all = state(&client);
    assert!(all.len() > 5 && all.iter().all(|(_, state)| state == "ok"), "{all:?}");
    engine.stop();
    let output = engine.once(&["--required-plugin", "nope"], None);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("required plugin [nope] not included"),
        "{said}"
    );
    let metrics = "coffer.metrics.v1.prometheus";
    let words = all.iter().flat_map(|(id, _)| ["--required-plugin", id]);
    let arguments = words.map(str::to_owned).collect();
    engine.launch_as(Launch { arguments, ..Launch::default() });
    assert_eq!(state(&client), all);
    engine.stop();
    let arguments = ["--disabled-plugin", metrics].map(str::to_owned).to_vec();
    engine.launch_as(Launch { arguments, ..Launch::default() });
    assert!(state(&client).contains(&(metrics.to_owned(), "skipped".to_owned())));
    client.get("/metrics").expect(404);
}

#[test]
fn profiles_are_for_debug_mode() {
    let Some(mut engine) = ours() else { return };
    engine.client().get("/debug/pprof/").expect(404);
    engine.stop();
    engine.launch_as(Launch { arguments: vec!["--debug".to_owned()], ..Launch::default() });
    for path in ["/debug/pprof/", "/debug/pprof"] {
        let index = engine.client().get(path).expect(200).text();
        assert!(index.contains("profile?seconds="), "{index}");
    }
    let log = engine.log();
    for word in ["kernel=", "snapshotter=", "booted in"] {
        assert!(log.contains(word), "{word}: {log}");
    }
}
