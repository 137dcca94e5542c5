//! What runs goes on running while the daemon is away, and nothing of it is lost.

use crate::{crash, engine, finish, inspect, numbers, run};
use harness::http::encode;
use harness::{leak, wait};
use nix::libc::O_NONBLOCK;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[test]
fn containers_run_on_and_are_found_again() {
    let Some((mut engine, before)) = engine() else { return };
    let ids: Vec<_> = (0..8)
        .map(|n| run(&engine, &format!("c{n}"), &["log", "100000", "60", "100"], json!({})))
        .collect();
    let pids: Vec<_> = ids.iter().map(|id| inspect(&engine, id)["State"]["Pid"].clone()).collect();
    for _ in 0..3 {
        // Each has written since the last death: there is something that could be lost.
        let known: Vec<_> = ids.iter().map(|id| numbers(&engine, id).len()).collect();
        for (id, known) in ids.iter().zip(known) {
            wait::until_true("it writes", || numbers(&engine, id).len() > known);
        }
        crash(&mut engine);
    }
    for (id, pid) in ids.iter().zip(&pids) {
        let state = inspect(&engine, id)["State"].clone();
        assert_eq!((&state["Status"], &state["Pid"]), (&json!("running"), pid));
    }
    // Still told apart, still obeying.
    let body = json!({"Cmd": ["sh", "-c", "exit 3"]});
    let exec =
        engine.client().post_json(&format!("/containers/{}/exec", ids[0]), &body).expect(201);
    let exec = exec.json()["Id"].as_str().expect("an id").to_owned();
    engine.client().post_json(&format!("/exec/{exec}/start"), &json!({"Detach": true})).expect(200);
    wait::until_true("exec works in an adopted container", || {
        engine.client().get(&format!("/exec/{exec}/json")).expect(200).json()["ExitCode"] == 3
    });
    for id in &ids {
        engine.client().post(&format!("/containers/{id}/kill")).expect(204);
        engine.client().post(&format!("/containers/{id}/wait")).expect(200);
        let seen = numbers(&engine, id);
        assert!(seen.iter().copied().eq(1..=seen.len() as u64), "a hole in the log");
        assert_eq!(inspect(&engine, id)["State"]["ExitCode"], 137);
    }
    finish(&engine, &before);
}

#[test]
fn exits_while_the_daemon_is_away_are_exact() {
    let Some((mut engine, before)) = engine() else { return };
    // They end when the gate is opened, which is after the daemon's death.
    let gate = engine.sandbox().join("gate");
    mkfifo(&gate, Mode::S_IRWXU).expect("a pipe with a name");
    let host = |more: Value| {
        let mut host = json!({"Binds": [format!("{}:/gate", gate.display())]});
        host.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("one"));
        host
    };
    let script = |code: u32| format!("log 300 60 400; cat /gate; exit {code}");
    let ids: Vec<_> = (1..=8u32)
        .map(|code| {
            let command = ["sh", "-c", &script(code)];
            run(&engine, &format!("c{code}"), &command, host(json!({})))
        })
        .collect();
    let restarted = run(
        &engine,
        "again",
        &["sh", "-c", "cat /gate; exit 1"],
        host(json!({"RestartPolicy": {"Name": "always"}})),
    );
    let removed = run(&engine, "removed", &["cat", "/gate"], host(json!({"AutoRemove": true})));
    let pids: Vec<_> = ids
        .iter()
        .chain([&restarted, &removed])
        .map(|id| inspect(&engine, id)["State"]["Pid"].as_u64().expect("a pid") as u32)
        .collect();
    engine.kill();
    let away = OffsetDateTime::now_utc();
    assert!(pids.iter().all(|pid| leak::runs(*pid)), "one ended before its time");
    wait::until_true("every container has ended", || {
        // Nobody may be at the other side yet; whoever is there reads an end.
        let _ = OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(&gate);
        pids.iter().all(|pid| !leak::runs(*pid))
    });
    // Their shims write down when that was, a moment later.
    wait::until_true("every end is recorded", || {
        ids.iter().all(|id| engine.exec_root().join(id).join("exit/init").exists())
    });
    let back = OffsetDateTime::now_utc();
    engine.launch();
    for (code, id) in (1..).zip(&ids) {
        let state = wait::until("its exit is known", wait::LIMIT, || {
            let state = inspect(&engine, id)["State"].clone();
            (state["Status"] == "exited").then_some(state)
        });
        assert_eq!(state["ExitCode"], code, "{state}");
        let finished = state["FinishedAt"].as_str().expect("a time");
        let finished = OffsetDateTime::parse(finished, &Rfc3339).expect("a time");
        assert!(away <= finished && finished <= back, "{away} {finished} {back}");
        assert!(numbers(&engine, id).into_iter().eq(1..=300), "the log is complete");
    }
    wait::until_true("the policy is applied", || {
        inspect(&engine, &restarted)["RestartCount"].as_u64() >= Some(1)
    });
    wait::until_true("--rm is kept", || {
        engine.client().get(&format!("/containers/{removed}/json")).status == 404
    });
    let filters = encode(&json!({"event": ["die"], "container": ids}).to_string());
    let until = OffsetDateTime::now_utc().unix_timestamp() + 1;
    let told = engine.client().get(&format!("/events?since=1&until={until}&filters={filters}"));
    let told = told.expect(200).text();
    for code in 1..=8 {
        let attribute = format!("\"exitCode\":\"{code}\"");
        assert_eq!(told.matches(&attribute).count(), 1, "die with {code}: {told}");
    }
    finish(&engine, &before);
}

#[test]
fn a_broken_record_is_skipped_not_a_failed_start() {
    let Some((mut engine, before)) = engine() else { return };
    let id = run(&engine, "whole", &["sleep", "1000"], json!({}));
    engine.kill();
    // A folder that belongs to no record, an exit record that is no JSON, a bundle without a shim.
    let stray = "f".repeat(64);
    std::fs::create_dir_all(engine.data_root().join("containers").join(&stray)).expect("a folder");
    let bundle = engine.exec_root().join(&stray);
    std::fs::create_dir_all(bundle.join("exit")).expect("a folder");
    std::fs::write(bundle.join("exit/init"), b"not json").expect("a file");
    engine.launch();
    assert_eq!(inspect(&engine, &id)["State"]["Status"], "running");
    finish(&engine, &before);
}

#[test]
fn what_shims_are_forked_from_may_be_killed() {
    let Some((mut engine, before)) = engine() else { return };
    let id = run(&engine, "first", &["log", "100000", "60", "100"], json!({}));
    let zygote = leak::zygote(&engine).expect("a zygote");
    let killed = nix::unistd::Pid::from_raw(i32::try_from(zygote).expect("a process id"));
    nix::sys::signal::kill(killed, nix::sys::signal::Signal::SIGKILL).expect("it is killed");
    let second = run(&engine, "second", &["sleep", "1000"], json!({}));
    for id in [&id, &second] {
        assert_eq!(inspect(&engine, id)["State"]["Status"], "running");
    }
    assert!(leak::zygote(&engine).is_some_and(|new| new != zygote), "there is a new one");
    // It ends with its daemon, whose containers do not.
    let zygote = leak::zygote(&engine).expect("a zygote");
    crash(&mut engine);
    wait::until_true("the zygote of a killed daemon has ended", || !leak::runs(zygote));
    assert_eq!(inspect(&engine, &second)["State"]["Status"], "running");
    finish(&engine, &before);
}

#[test]
fn a_record_that_cannot_be_read_is_skipped_and_can_be_put_back() {
    let Some((mut engine, before)) = engine() else { return };
    let whole = run(&engine, "whole", &["sleep", "1000"], json!({}));
    let broken = run(&engine, "broken", &["sleep", "1000"], json!({}));
    let pid = inspect(&engine, &broken)["State"]["Pid"].clone();
    engine.kill();
    let exported = engine.once(&["store", "export"], None);
    assert!(exported.status.success(), "{exported:?}");
    let text = String::from_utf8(exported.stdout).expect("text");
    let key = format!("\"0/ct/{broken}\"");
    let record = text.lines().find(|line| line.contains(&key)).expect("its record");
    let (good, bad) = (engine.sandbox().join("good"), engine.sandbox().join("bad"));
    std::fs::write(&good, record).expect("a file");
    let mut record: Value = serde_json::from_str(record).expect("JSON");
    record["value"] = json!("oops");
    std::fs::write(&bad, record.to_string()).expect("a file");
    let imported = engine.once(&["store", "import"], Some(&bad));
    assert!(imported.status.success(), "{imported:?}");

    engine.launch();
    assert!(engine.log().contains("a record cannot be read: skipped"));
    assert_eq!(inspect(&engine, &whole)["State"]["Status"], "running");
    engine.client().get(&format!("/containers/{broken}/json")).expect(404);
    assert!(
        leak::runs(pid.as_u64().expect("a pid") as u32),
        "what is not understood is not harmed"
    );
    engine.stop();
    let imported = engine.once(&["store", "import"], Some(&good));
    assert!(imported.status.success(), "{imported:?}");
    engine.launch();
    let state = inspect(&engine, &broken)["State"].clone();
    assert_eq!((&state["Status"], &state["Pid"]), (&json!("running"), &pid), "{state}");
    finish(&engine, &before);
}
