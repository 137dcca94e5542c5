//! The real shim with the real runtimes, as root: the whole life of a container through the protocol.
//! Skipped, visibly, without root, `/bin/busybox` or the runtime in question.

mod harness;

use harness::{Shim, runtimes};
use shared::error::Kind;
use shared::frame::Stream;
use shared::shim::*;
use std::fs::File;
use std::io::{Read, Write};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn a_container_lives_and_dies() {
    for runtime in runtimes() {
        let mut shim = Shim::start("life", &runtime);
        let script = "echo out; echo err >&2; read line; echo got $line; exit 7";
        let created = shim.create(&["/bin/sh", "-c", script], Stdin::Once).unwrap();
        let again = shim.create(&["/bin/sh", "-c", script], Stdin::Once).unwrap();
        assert_eq!(created, again, "a repeat is answered with the first result");
        let all = Streams { stdin: true, stdout: true, stderr: true };
        let (attached, mut fds) = shim.call(&Attach { process: "init".into(), streams: all });
        assert_eq!(attached.log_bytes, 0);
        let mut stream = File::from(fds.pop().unwrap());
        let started = shim.begin().unwrap();
        assert_eq!(started.pid, created.pid);
        stream.write_all(b"hello\n").unwrap();
        let frames = harness::frames(&mut stream);
        assert_eq!(frames[&Stream::Stdout], b"out\ngot hello\n");
        assert_eq!(frames[&Stream::Stderr], b"err\n");
        let exited: Exited = shim.notice();
        assert_eq!((exited.code, exited.signal, exited.oom_killed), (7, None, false));
        assert_eq!(exited.incarnation, 3);
        assert_eq!(shim.record("init"), exited, "the record is on disk before the notice");
        let texts: Vec<_> = shim.log().into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts.len(), 3);
        assert!(texts.contains(&"got hello\n".to_owned()), "{texts:?}");
        shim.call(&Delete { force: false });
        shim.call(&Acknowledge { process: "init".into() });
        shim.ended();
    }
}

#[test]
fn a_daemon_may_go_and_come_back() {
    for runtime in runtimes() {
        let mut shim = Shim::start("reconnect", &runtime);
        shim.create(&["/bin/sh", "-c", "read x; echo $x; sleep 1000"], Stdin::Open).unwrap();
        shim.begin().unwrap();
        shim.disconnect();
        shim.reconnect();
        let (status, _) = shim.call(&Query {});
        assert_eq!(status.processes.len(), 1);
        assert!(
            status.processes[0].started_at_nanos.is_some() && status.processes[0].exit.is_none()
        );
        let only = Streams { stdin: true, stdout: false, stderr: false };
        let (_, mut fds) = shim.call(&Attach { process: "init".into(), streams: only });
        File::from(fds.pop().unwrap()).write_all(b"still here\n").unwrap();
        shim.until("the line is logged", |shim| shim.log().len() == 1);
        shim.disconnect();
        nix::sys::signal::kill(shim.init(), nix::sys::signal::Signal::SIGKILL).unwrap();
        shim.until("the exit is recorded without a daemon", |shim| shim.recorded("init"));
        shim.reconnect();
        let (status, _) = shim.call(&Query {});
        let exit = status.processes[0].exit.clone().unwrap();
        assert_eq!((exit.code, exit.signal), (137, Some(9)));
        assert_eq!(shim.record("init"), exit);
        shim.call(&Delete { force: true });
        shim.call(&Acknowledge { process: "init".into() });
        shim.ended();
    }
}

#[test]
fn execs_end_before_the_container() {
    for runtime in runtimes() {
        let mut shim = Shim::start("exec", &runtime);
        shim.create(&["/bin/sleep", "1000"], Stdin::Closed).unwrap();
        let early = shim.exec("early", &["/bin/true"], None).unwrap_err();
        assert_eq!(early.kind(), Kind::Conflict);
        shim.begin().unwrap();
        let all = Some(Streams { stdin: true, stdout: true, stderr: true });
        let (_, stream) =
            shim.exec("e1", &["/bin/sh", "-c", "cat; echo done >&2; exit 3"], all).unwrap();
        let mut stream = stream.unwrap();
        stream.write_all(b"piped").unwrap();
        harness::end_writing(&stream);
        let frames = harness::frames(&mut stream);
        assert_eq!(frames[&Stream::Stdout], b"piped");
        assert_eq!(frames[&Stream::Stderr], b"done\n");
        let exited: Exited = shim.notice();
        assert_eq!((exited.process.as_str(), exited.code), ("e1", 3));
        let missing = shim.exec("e2", &["missing"], None).unwrap_err();
        assert_eq!(missing.kind(), Kind::Invalid, "{missing}");
        let sentence = r#"exec: "missing": executable file not found in $PATH"#;
        assert_eq!(missing.to_string(), sentence, "{runtime:?}");
        for number in 0..10 {
            let name = format!("quick{number}");
            shim.exec(&name, &["/bin/sh", "-c", "exit 5"], None).unwrap();
            let exited: Exited = shim.notice();
            assert_eq!((exited.process, exited.code), (name.clone(), 5), "{runtime:?}");
            shim.call(&Acknowledge { process: name });
        }
        shim.exec("e3", &["/bin/sleep", "1000"], None).unwrap();
        let asked = Kill { process: "e3".into(), signal: 15, all: false };
        shim.call(&asked);
        let exited: Exited = shim.notice();
        assert_eq!((exited.process.as_str(), exited.code, exited.signal), ("e3", 143, Some(15)));
        shim.exec("e4", &["/bin/sleep", "1000"], None).unwrap();
        shim.call(&Kill { process: "init".into(), signal: 9, all: false });
        let names: Vec<_> = (0..2).map(|_| shim.notice::<Exited>().process).collect();
        assert_eq!(names, ["e4", "init"]);
        shim.call(&Delete { force: false });
        shim.call(&Acknowledge { process: "init".into() });
        for name in ["e1", "e3", "e4"] {
            assert!(shim.alive(), "execs are not acknowledged yet");
            shim.call(&Acknowledge { process: name.into() });
        }
        shim.ended();
    }
}

#[test]
fn terminals_work() {
    for runtime in runtimes() {
        let mut shim = Shim::start("terminal", &runtime);
        shim.terminal = true;
        shim.create(&["/bin/sh", "-c", "stty size; read x; stty size; exit 5"], Stdin::Open)
            .unwrap();
        let all = Streams { stdin: true, stdout: true, stderr: true };
        let (_, mut fds) = shim.call(&Attach { process: "init".into(), streams: all });
        let mut stream = File::from(fds.pop().unwrap());
        shim.begin().unwrap();
        let mut text = [0; 64];
        let count = stream.read(&mut text).unwrap();
        assert_eq!(&text[..count], b"24 80\r\n");
        shim.call(&Resize { process: "init".into(), rows: 50, columns: 132 });
        stream.write_all(b"x\n").unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(String::from_utf8_lossy(&rest).ends_with("50 132\r\n"), "{rest:?}");
        assert_eq!(shim.notice::<Exited>().code, 5);
        shim.finish();
    }
}

#[test]
fn memory_kills_are_noticed() {
    for runtime in runtimes() {
        let mut shim = Shim::start("oom", &runtime);
        shim.memory_bytes = Some(16 << 20);
        let script = "x=$(tail /dev/zero); sleep 1000";
        shim.create(&["/bin/sh", "-c", script], Stdin::Closed).unwrap();
        shim.begin().unwrap();
        let oom: Oom = shim.notice();
        assert!(oom.kills >= 1);
        shim.call(&Kill { process: "init".into(), signal: 9, all: false });
        let exited: Exited = shim.notice();
        assert!(exited.oom_killed && exited.code == 137, "{exited:?}");
        shim.finish();
    }
}

#[test]
fn a_container_is_frozen_changed_and_removed() {
    for runtime in runtimes() {
        let mut shim = Shim::start("pause", &runtime);
        shim.create(&["/bin/sleep", "1000"], Stdin::Closed).unwrap();
        shim.begin().unwrap();
        shim.call(&Pause { frozen: true });
        assert!(shim.call(&Query {}).0.paused);
        shim.call(&Pause { frozen: false });
        shim.update(br#"{"memory":{"limit":33554432}}"#).unwrap();
        assert_eq!(shim.memory_limit(), 33554432);
        let refused = shim.try_call(&Delete { force: false }, vec![]).unwrap_err();
        assert_eq!(refused.kind(), Kind::Conflict);
        shim.call(&Kill { process: "init".into(), signal: 9, all: true });
        shim.notice::<Exited>();
        shim.finish();
    }
}

#[test]
fn a_grandchild_that_holds_the_output_delays_nothing() {
    let runtime = Runtime::Embedded;
    if !harness::possible(&runtime) {
        return;
    }
    let mut shim = Shim::start("grandchild", &runtime);
    shim.create(&["/bin/sleep", "1000"], Stdin::Closed).unwrap();
    shim.begin().unwrap();
    let streams = Some(Streams { stdin: false, stdout: true, stderr: true });
    let (_, stream) =
        shim.exec("e", &["/bin/sh", "-c", "sleep 999 & echo parent"], streams).unwrap();
    let began = std::time::Instant::now();
    assert_eq!(shim.notice::<Exited>().code, 0);
    let frames = harness::frames(&mut stream.unwrap());
    assert_eq!(frames[&Stream::Stdout], b"parent\n");
    assert!(began.elapsed() < LIMIT, "neither waits for the grandchild, and the stream ends, too");
    shim.call(&Kill { process: "init".into(), signal: 9, all: false });
    shim.notice::<Exited>();
    shim.finish();
}

#[test]
fn garbage_closes_one_connection_only() {
    let runtime = Runtime::Embedded;
    if !harness::possible(&runtime) {
        return;
    }
    let mut shim = Shim::start("garbage", &runtime);
    for garbage in [&[0xff; 100][..], b"GET / HTTP/1.1\r\n\r\n", &[0; 14]] {
        let mut other = File::from(shim.connect());
        other.write_all(garbage).unwrap();
        harness::end_writing(&other);
        let mut answer = Vec::new();
        other.read_to_end(&mut answer).unwrap();
        assert!(shim.alive());
    }
    let stranger = Query {};
    let mut other = shared::kernel::wire::Client::new(shim.connect());
    let error = other.call(&stranger, vec![], LIMIT).unwrap_err();
    assert_eq!(error.to_string(), "the first message has to be a hello");
    let unknown = shim.try_call(&harness::Unknown {}, vec![]).unwrap_err();
    assert_eq!(unknown.kind(), Kind::Unimplemented);
    let error = shim.try_call(&Start { operation: "s".into() }, vec![]).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    drop(other);
    let refused = shim.create(&["/bin/missing"], Stdin::Closed).unwrap_err();
    assert_eq!(refused.kind(), Kind::Invalid, "{refused}");
    // No container: acknowledging it lets the shim go, although the connection is open.
    shim.call(&Acknowledge { process: "init".into() });
    shim.ended();
}
