//! The life of a container, and what list and inspect say of it.

use crate::bench::Bench;
use harness::wait;
use serde_json::{Value, json};

#[test]
fn created_started_ended_removed() {
    let bench = Bench::new();
    let id = bench.create("life", &["sh", "-c", "exit 7"], json!({"Env": ["A=1"]}));
    assert_eq!(id.len(), 64);
    let created = bench.inspect(&id);
    assert_eq!(created["State"]["Status"], "created");
    assert_eq!(created["Name"], format!("/{}", bench.name("life")));
    assert_eq!(created["State"]["StartedAt"], "0001-01-01T00:00:00Z");
    assert_eq!(created["Path"], "sh");
    assert_eq!(created["Args"], json!(["-c", "exit 7"]));
    bench.client.post(&format!("/containers/{id}/start")).expect(204);
    assert_eq!(bench.wait(&id), 7);
    let state = bench.inspect(&id)["State"].clone();
    assert_eq!(state["Status"], "exited");
    assert_eq!(state["ExitCode"], 7);
    assert_eq!(state["Running"], false);
    assert_eq!(state["Pid"], 0);
    // dockerd takes the start's time after the fact, at times after the end.
    let ordered = state["FinishedAt"].as_str() > state["StartedAt"].as_str();
    assert!(ordered || bench.engine.is_docker(), "{state}");
    bench.client.delete(&format!("/containers/{id}")).expect(204);
    bench.client.get(&format!("/containers/{id}/json")).expect(404);
}

#[test]
fn the_environment_reaches_the_program() {
    let bench = Bench::new();
    let more = json!({"Env": ["ONE=1", "TWO=a b=c"], "Entrypoint": ["/bin/env"]});
    let id = bench.run("environment", &[], more);
    assert_eq!(bench.wait(&id), 0);
    let (out, _) = bench.logs(&id, "");
    assert!(out.contains("ONE=1\n") && out.contains("TWO=a b=c\n"), "{out}");
    assert!(out.contains("PATH=/usr/local/sbin:"), "{out}");
}

#[test]
fn found_by_id_name_and_unique_prefix() {
    let bench = Bench::new();
    let id = bench.create("found", &["true"], json!({}));
    for reference in [&id[..], &id[..12], &id[..20], &bench.name("found")] {
        let path = format!("/containers/{reference}/json");
        assert_eq!(bench.client.get(&path).expect(200).json()["Id"], id.as_str(), "{reference}");
    }
}

#[test]
fn an_ambiguous_prefix_is_a_mistake() {
    let bench = Bench::new();
    // Seventeen ids share a first digit at least once.
    let ids: Vec<_> =
        (0..17).map(|n| bench.create(&format!("p{n}"), &["true"], json!({}))).collect();
    let first = |id: &String| id.as_bytes()[0];
    let shared = ids.iter().find(|id| ids.iter().filter(|o| first(o) == first(id)).count() > 1);
    let prefix = &shared.expect("a shared first digit")[..1];
    let answer = bench.client.get(&format!("/containers/{prefix}/json"));
    let words = format!("Multiple IDs found with provided prefix: {prefix}");
    let status = bench.engine.either(400, 500);
    assert_eq!((answer.status, answer.message()), (status, words));
}

#[test]
fn stop_lets_a_program_end_itself() {
    let bench = Bench::new();
    let id = bench.run("stop", &["trap", "TERM=3"], json!({}));
    bench.ready(&id);
    bench.client.post(&format!("/containers/{id}/stop?t=10")).expect(204);
    let state = &bench.inspect(&id)["State"];
    assert_eq!((&state["Status"], &state["ExitCode"]), (&json!("exited"), &json!(3)));
}

#[test]
fn stop_kills_after_its_time() {
    let bench = Bench::new();
    let id = bench.run("stubborn", &["trap", "TERM=say"], json!({}));
    bench.ready(&id);
    bench.client.post(&format!("/containers/{id}/stop?t=1")).expect(204);
    assert_eq!(bench.inspect(&id)["State"]["ExitCode"], 137);
}

#[test]
fn a_stop_signal_of_its_own() {
    let bench = Bench::new();
    let id = bench.run("usr1", &["trap", "USR1=9", "TERM=3"], json!({"StopSignal": "SIGUSR1"}));
    bench.ready(&id);
    bench.client.post(&format!("/containers/{id}/stop")).expect(204);
    assert_eq!(bench.inspect(&id)["State"]["ExitCode"], 9);
}

#[test]
fn kill_sends_any_signal() {
    let bench = Bench::new();
    let id = bench.run("kill", &["trap", "USR1=say", "HUP=say", "TERM=5"], json!({}));
    bench.ready(&id);
    for (signal, printed) in [("USR1", "SIGUSR1"), ("SIGHUP", "SIGHUP"), ("10", "SIGUSR1")] {
        bench.client.post(&format!("/containers/{id}/kill?signal={signal}")).expect(204);
        wait::until_true("the signal arrives", || bench.logs(&id, "").0.contains(printed));
    }
    bench.client.post(&format!("/containers/{id}/kill?signal=15")).expect(204);
    assert_eq!(bench.wait(&id), 5);
}

#[test]
fn two_who_give_the_same_name_leave_it_one() {
    let bench = Bench::new();
    let id = bench.create("first", &["true"], json!({}));
    for round in 0..20 {
        let name = bench.name(&format!("round{round}"));
        let path = format!("/containers/{id}/rename?name={name}");
        let codes: Vec<u16> = std::thread::scope(|scope| {
            let both = [(); 2].map(|()| scope.spawn(|| bench.client.post(&path).status));
            both.map(|one| one.join().expect("a client")).into()
        });
        assert!(codes.contains(&204) && !codes.contains(&500), "{codes:?}");
        assert_eq!(bench.inspect(&name)["Id"], id.as_str());
    }
}

/// The signal that stops a container means that it is to stay down; any other that ends it does not.
#[test]
fn a_kill_by_the_stop_signal_outweighs_the_restart_policy() {
    let bench = Bench::new();
    let always = |signal: &str| json!({"StopSignal": signal, "HostConfig": {"RestartPolicy": {"Name": "always"}}});
    let kill = |id: &str| {
        bench.ready(id);
        bench.client.post(&format!("/containers/{id}/kill?signal=TERM")).expect(204);
    };
    let down = bench.run("down", &["trap", "TERM=3"], always("TERM"));
    kill(&down);
    wait::until_true("it is down", || bench.inspect(&down)["State"]["Status"] == "exited");
    let up = bench.run("up", &["trap", "TERM=3"], always("CONT"));
    kill(&up);
    wait::until_true("it runs again", || {
        let seen = bench.inspect(&up);
        seen["RestartCount"] == 1 && seen["State"]["Running"] == true
    });
    // Longer ago than the first delay by now.
    let seen = bench.inspect(&down);
    assert_eq!((&seen["RestartCount"], &seen["State"]["ExitCode"]), (&json!(0), &json!(3)));
}

#[test]
fn kill_without_a_signal_is_the_end() {
    let bench = Bench::new();
    let id = bench.run("killed", &["sleep", "1000"], json!({}));
    bench.client.post(&format!("/containers/{id}/kill")).expect(204);
    assert_eq!(bench.wait(&id), 137);
}

#[test]
fn restart_starts_anew() {
    let bench = Bench::new();
    let id = bench.run("again", &["trap", "TERM=0"], json!({}));
    bench.ready(&id);
    let before = bench.inspect(&id);
    bench.client.post(&format!("/containers/{id}/restart?t=5")).expect(204);
    let after = bench.inspect(&id);
    assert_eq!(after["State"]["Status"], "running");
    assert_ne!(before["State"]["Pid"], after["State"]["Pid"]);
    assert_ne!(before["State"]["StartedAt"], after["State"]["StartedAt"]);
}

#[test]
fn a_stopped_one_starts_again() {
    let bench = Bench::new();
    let id = bench.run("twice", &["sh", "-c", "echo once; exit 4"], json!({}));
    assert_eq!(bench.wait(&id), 4);
    bench.client.post(&format!("/containers/{id}/start")).expect(204);
    assert_eq!(bench.wait(&id), 4);
    assert_eq!(bench.logs(&id, "").0, "once\nonce\n");
}

#[test]
fn pause_and_unpause() {
    let bench = Bench::new();
    let id = bench.run("pause", &["sleep", "1000"], json!({}));
    bench.client.post(&format!("/containers/{id}/pause")).expect(204);
    let state = bench.inspect(&id)["State"].clone();
    assert_eq!(
        (&state["Status"], &state["Paused"], &state["Running"]),
        (&json!("paused"), &json!(true), &json!(true))
    );
    let listed = bench.list("", json!({}));
    assert_eq!(listed[0]["State"], "paused");
    assert!(listed[0]["Status"].as_str().is_some_and(|s| s.ends_with("(Paused)")), "{}", listed[0]);
    bench.client.post(&format!("/containers/{id}/unpause")).expect(204);
    assert_eq!(bench.inspect(&id)["State"]["Status"], "running");
}

#[test]
fn rename_moves_the_name() {
    let bench = Bench::new();
    let id = bench.create("old", &["true"], json!({}));
    bench.client.post(&format!("/containers/{id}/rename?name={}", bench.name("new"))).expect(204);
    bench.client.get(&format!("/containers/{}/json", bench.name("old"))).expect(404);
    let found = bench.client.get(&format!("/containers/{}/json", bench.name("new"))).expect(200);
    assert_eq!(found.json()["Id"], id.as_str());
    bench.create("old", &["true"], json!({}));
}

#[test]
fn wait_in_all_three_conditions() {
    let bench = Bench::new();
    let id = bench.create("wait", &["sh", "-c", "sleep 0.3; exit 6"], json!({}));
    let client = bench.client.clone();
    let path = format!("/containers/{id}/wait?condition=next-exit");
    // The head of the answer comes at once, so that a client can wait before it starts.
    let next = client.open("POST", &path, &[], b"").expect("the head of the answer");
    let removed =
        client.open("POST", &format!("/containers/{id}/wait?condition=removed"), &[], b"");
    let removed = removed.expect("the head of the answer");
    client.post(&format!("/containers/{id}/start")).expect(204);
    assert_eq!(next.whole().expect("an answer").json()["StatusCode"], 6);
    assert_eq!(
        client.post(&format!("/containers/{id}/wait?condition=not-running")).expect(200).json()["StatusCode"],
        6
    );
    client.delete(&format!("/containers/{id}")).expect(204);
    assert_eq!(removed.whole().expect("an answer").json()["StatusCode"], 6);
    let other = bench.create("other", &["true"], json!({}));
    let wrong = client.version("1.41").post(&format!("/containers/{other}/wait?condition=never"));
    assert_eq!(wrong.status, bench.engine.either(400, 200), "{}", wrong.text());
}

#[test]
fn auto_remove_goes_by_itself() {
    let bench = Bench::new();
    let id = bench.run("gone", &["sleep", "0.2"], json!({"HostConfig": {"AutoRemove": true}}));
    wait::until_true("it is removed", || {
        bench.client.get(&format!("/containers/{id}/json")).status == 404
    });
}

#[test]
fn force_removes_a_running_one() {
    let bench = Bench::new();
    let id = bench.run("forced", &["sleep", "1000"], json!({}));
    bench.client.delete(&format!("/containers/{id}?force=1")).expect(204);
    bench.client.get(&format!("/containers/{id}/json")).expect(404);
}

#[test]
fn lists_what_filters_ask_for() {
    let bench = Bench::new();
    let one = bench.run("one", &["sleep", "1000"], json!({"Labels": {"colour": "red"}}));
    let two = bench.run("two", &["sh", "-c", "exit 3"], json!({"Labels": {"colour": "blue"}}));
    let three = bench.create("three", &["true"], json!({}));
    bench.wait(&two);
    let ids = |list: Vec<Value>| -> Vec<String> {
        list.iter().map(|c| c["Id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(ids(bench.list("", json!({}))), [&one[..]]);
    // Newest first.
    assert_eq!(ids(bench.list("all=1", json!({}))), [&three[..], &two, &one]);
    assert_eq!(ids(bench.list("limit=1", json!({}))), [&three[..]]);
    assert_eq!(ids(bench.list("", json!({"status": ["created"]}))), [&three[..]]);
    assert_eq!(ids(bench.list("all=1", json!({"exited": ["3"]}))), [&two[..]]);
    assert_eq!(ids(bench.list("all=1", json!({"name": [bench.name("one")]}))), [&one[..]]);
    assert_eq!(ids(bench.list("all=1", json!({"id": [&two[..10]]}))), [&two[..]]);
    assert_eq!(ids(bench.list("all=1", json!({"before": [bench.name("two")]}))), [&one[..]]);
    assert_eq!(ids(bench.list("all=1", json!({"since": [bench.name("two")]}))), [&three[..]]);
    assert_eq!(bench.list("all=1", json!({"ancestor": ["probe"]})).len(), 3);
    let first = &bench.list("all=1", json!({"id": [one]}))[0];
    assert_eq!(first["Names"], json!([format!("/{}", bench.name("one"))]));
    assert_eq!((&first["Image"], &first["State"]), (&json!("probe:latest"), &json!("running")));
    assert_eq!(first["Command"], "sleep 1000");
    assert!(first["Status"].as_str().is_some_and(|s| s.starts_with("Up ")), "{first}");
    let second = &bench.list("all=1", json!({"id": [two]}))[0];
    assert!(second["Status"].as_str().is_some_and(|s| s.starts_with("Exited (3) ")), "{second}");
}

#[test]
fn prune_takes_stopped_ones_of_a_label() {
    let bench = Bench::new();
    let kept = bench.run("kept", &["sleep", "1000"], json!({}));
    let gone = bench.run("gone", &["true"], json!({}));
    bench.wait(&gone);
    let filters =
        json!({"label": [format!("{}={}", crate::bench::LABEL, bench.tag())]}).to_string();
    let path = format!("/containers/prune?filters={}", harness::http::encode(&filters));
    let report = bench.client.post(&path).expect(200).json();
    assert_eq!(report["ContainersDeleted"], json!([gone]));
    bench.client.get(&format!("/containers/{kept}/json")).expect(200);
}

#[test]
fn update_changes_what_may_change() {
    let bench = Bench::new();
    let id = bench.create("update", &["true"], json!({}));
    let body = json!({"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}});
    bench.client.post_json(&format!("/containers/{id}/update"), &body).expect(200);
    let policy = bench.inspect(&id)["HostConfig"]["RestartPolicy"].clone();
    assert_eq!(policy, json!({"Name": "on-failure", "MaximumRetryCount": 3}));
}

#[test]
fn on_failure_tries_as_often_as_it_was_told() {
    let bench = Bench::new();
    let policy =
        json!({"HostConfig": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}}});
    let id = bench.run("retries", &["sh", "-c", "echo try; exit 5"], policy);
    wait::until_true("it has given up", || {
        let seen = bench.inspect(&id);
        seen["State"]["Status"] == "exited" && seen["RestartCount"] == 2
    });
    assert_eq!(bench.logs(&id, "").0, "try\ntry\ntry\n");
    assert_eq!(bench.inspect(&id)["State"]["ExitCode"], 5);
}

#[test]
fn a_program_that_is_not_there() {
    let bench = Bench::new();
    let id = bench.create("missing", &["/no/such/program"], json!({}));
    let answer = bench.client.post(&format!("/containers/{id}/start"));
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.message().contains("no such file or directory"), "{}", answer.text());
    let state = bench.inspect(&id)["State"].clone();
    assert_eq!((&state["Status"], &state["ExitCode"]), (&json!("created"), &json!(127)));
}

/// SIGKILL is answered by the end: a client that removes next must not be refused.
#[test]
fn a_kill_is_answered_by_the_end() {
    let bench = Bench::new();
    let id = bench.run("kill", &["sleep", "1000"], json!({}));
    bench.client.post(&format!("/containers/{id}/kill")).expect(204);
    let state = bench.inspect(&id)["State"].clone();
    assert_eq!((&state["Running"], &state["ExitCode"]), (&json!(false), &json!(137)));
    bench.client.delete(&format!("/containers/{id}")).expect(204);
}

/// A wait ends with the run, even if the restart policy begins another one.
#[test]
fn a_wait_ends_with_the_run() {
    let bench = Bench::new();
    let policy = json!({"HostConfig": {"RestartPolicy": {"Name": "always"}}});
    let id = bench.run("again", &["sh", "-c", "sleep 0.5; exit 3"], policy);
    assert_eq!(bench.wait(&id), 3);
    bench.client.delete(&format!("/containers/{id}?force=1")).expect(204);
}

#[test]
fn what_was_not_limited_is_shown_as_docker_shows_it() {
    let bench = Bench::new();
    let asked = json!({"HostConfig": {"PidsLimit": -1, "ShmSize": 0}});
    let host = bench.inspect(&bench.create("pids", &["true"], asked))["HostConfig"].clone();
    assert_eq!((&host["PidsLimit"], &host["ShmSize"]), (&Value::Null, &json!(64 << 20)));
}
