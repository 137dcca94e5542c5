//! Facts: each once, in order, with Docker's names.

use crate::bench::{Bench, LABEL};
use harness::http::encode;
use serde_json::{Value, json};
use std::io::Read;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

fn filters(bench: &Bench) -> String {
    encode(&json!({"label": [format!("{LABEL}={}", bench.tag())]}).to_string())
}

fn past(bench: &Bench, since: u64) -> Vec<Value> {
    let path = format!("/events?since={since}&until={}&filters={}", now() + 1, filters(bench));
    let answer = bench.client.get(&path).expect(200);
    let lines = answer.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("an event")).collect()
}

fn actions(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["Action"].as_str().unwrap_or("?")).collect()
}

#[test]
fn the_life_of_a_container() {
    let bench = Bench::new();
    let since = now();
    let id = bench.run("events", &["sh", "-c", "exit 3"], json!({}));
    bench.wait(&id);
    bench.client.delete(&format!("/containers/{id}")).expect(204);
    let events = past(&bench, since);
    let container: Vec<_> = events.iter().filter(|e| e["Type"] == "container").cloned().collect();
    assert_eq!(actions(&container), ["create", "start", "die", "destroy"]);
    let die = &container[2];
    assert_eq!(die["Actor"]["ID"], id.as_str());
    let attributes = &die["Actor"]["Attributes"];
    assert_eq!(attributes["exitCode"], "3");
    assert_eq!(attributes["image"], "probe:latest");
    assert_eq!(attributes["name"], bench.name("events"));
    assert_eq!(attributes[LABEL], bench.tag());
    assert_eq!(
        (&die["status"], &die["id"], &die["from"]),
        (&json!("die"), &json!(id), &json!("probe:latest"))
    );
    assert!(
        die["timeNano"].as_u64() > Some(since * 1_000_000_000)
            && die["time"].as_u64() >= Some(since)
    );
    assert_eq!(die["scope"], "local");
}

#[test]
fn a_subscriber_sees_them_as_they_happen() {
    let bench = Bench::new();
    let path = format!("/events?filters={}", filters(&bench));
    let mut stream = bench.client.open("GET", &path, &[], b"").expect("a stream").body();
    stream.limit(Duration::from_secs(20)).expect("a limit");
    let id = bench.run("live", &["trap", "TERM=0"], json!({}));
    bench.ready(&id);
    bench.client.post(&format!("/containers/{id}/pause")).expect(204);
    bench.client.post(&format!("/containers/{id}/unpause")).expect(204);
    bench.client.post(&format!("/containers/{id}/rename?name={}", bench.name("other"))).expect(204);
    bench.client.post(&format!("/containers/{id}/stop")).expect(204);
    bench.client.delete(&format!("/containers/{id}")).expect(204);
    let mut seen = Vec::new();
    while seen.last().map(|e: &Value| e["Action"].clone()) != Some(json!("destroy")) {
        seen.push(stream.line().expect("an event in time").expect("the stream goes on"));
    }
    seen.retain(|event| event["Type"] == "container");
    let wanted =
        ["create", "start", "pause", "unpause", "rename", "kill", "die", "stop", "destroy"];
    let mut got = actions(&seen);
    // dockerd tells `die` and `stop` in either order.
    if bench.engine.is_docker() {
        got.sort_unstable();
        let mut wanted = wanted;
        wanted.sort_unstable();
        assert_eq!(got, wanted);
    } else {
        assert_eq!(got, wanted);
    }
    let kill = seen.iter().find(|event| event["Action"] == "kill").expect("a kill");
    assert_eq!(kill["Actor"]["Attributes"]["signal"], "15");
    let rename = seen.iter().find(|event| event["Action"] == "rename").expect("a rename");
    assert_eq!(rename["Actor"]["Attributes"]["oldName"], format!("/{}", bench.name("live")));
}

#[test]
fn filters_choose() {
    let bench = Bench::new();
    let since = now();
    let id = bench.run("chosen", &["true"], json!({}));
    bench.wait(&id);
    let ask = |filters: Value| {
        let path = format!(
            "/events?since={since}&until={}&filters={}",
            now() + 1,
            encode(&filters.to_string())
        );
        let bytes = bench.client.get(&path).expect(200).bytes;
        bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count()
    };
    assert_eq!(ask(json!({"container": [id], "event": ["die"]})), 1);
    assert_eq!(ask(json!({"container": [bench.name("chosen")], "event": ["start", "die"]})), 2);
    assert_eq!(ask(json!({"container": [id], "type": ["image"]})), 0);
    assert_eq!(ask(json!({"container": [id], "event": ["oom"]})), 0);
}

#[test]
fn exec_has_events_of_its_own() {
    let bench = Bench::new();
    let since = now();
    let id = bench.run("exec", &["sleep", "1000"], json!({}));
    let body = json!({"Cmd": ["sh", "-c", "exit 2"]});
    let exec = bench.client.post_json(&format!("/containers/{id}/exec"), &body).expect(201).json();
    let exec = exec["Id"].as_str().expect("an id").to_owned();
    bench.client.post_json(&format!("/exec/{exec}/start"), &json!({"Detach": true})).expect(200);
    harness::wait::until_true("exec_die is told", || {
        past(&bench, since).iter().any(|event| event["Action"] == "exec_die")
    });
    let events = past(&bench, since);
    let all = actions(&events);
    assert!(
        all.contains(&"exec_create: sh -c exit 2") && all.contains(&"exec_start: sh -c exit 2"),
        "{all:?}"
    );
    let die = events.iter().find(|event| event["Action"] == "exec_die").expect("exec_die");
    assert_eq!(die["Actor"]["Attributes"]["exitCode"], "2");
    assert_eq!(die["Actor"]["Attributes"]["execID"], exec.as_str());
}

/// Beyond Docker: a reader that comes back goes on behind the last event that it has seen.
#[test]
fn reading_goes_on_behind_a_cursor() {
    let bench = Bench::new();
    if bench.engine.is_docker() {
        return;
    }
    let id = bench.create("cursor", &["true"], json!({}));
    let read = |after: &str| -> Vec<Value> {
        let filters = harness::http::encode(&json!({"container": [&id]}).to_string());
        let until = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let until = until.expect("a clock").as_secs() + 1;
        let path = format!("/events?after={after}&until={until}&filters={filters}");
        let text = bench.client.get(&path).expect(200).text();
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let first = read("0");
    assert_eq!(first.len(), 1, "{first:?}");
    let cursor = first[0]["cursor"].as_str().expect("a cursor").to_owned();
    bench.client.post(&format!("/containers/{id}/rename?name={}", bench.name("moved"))).expect(204);
    let second = read(&cursor);
    let actions: Vec<&Value> = second.iter().map(|event| &event["Action"]).collect();
    assert_eq!(actions, ["rename"]);
    bench.client.get("/events?after=nonsense&until=1").expect(400);
}

/// Clients before 1.25 remove their containers themselves, and hang up on that request when they see the
/// event.
#[test]
fn an_old_client_has_its_answer_before_the_event() {
    let bench = Bench::new();
    if bench.engine.is_docker() {
        // It is nearly always so there, too, but nothing sees to it.
        return;
    }
    let path = format!("/v1.24/events?filters={}", filters(&bench));
    for round in 0..10 {
        let id = bench.create(&format!("old{round}"), &["true"], json!({}));
        let mut stream = bench.client.open("GET", &path, &[], b"").expect("a stream").body();
        stream.limit(Duration::from_secs(20)).expect("a limit");
        let (answered, seen) = std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                let mut text = Vec::new();
                while !String::from_utf8_lossy(&text).contains("destroy") {
                    let mut some = [0; 4096];
                    let count = stream.read(&mut some).expect("an event");
                    text.extend_from_slice(&some[..count]);
                }
                Instant::now()
            });
            bench.client.delete(&format!("/v1.24/containers/{id}")).expect(204);
            (Instant::now(), reading.join().expect("a reader"))
        });
        assert!(answered < seen, "the event came {:?} early", answered - seen);
    }
}
