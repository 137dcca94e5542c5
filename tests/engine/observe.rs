//! version, info, events, metrics: what an operator looks at.

use crate::scene::{Scene, Verdict};
use harness::{program, wait};
use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn version_and_info() {
    let Some(scene) = Scene::new() else { return };
    let version = scene.ok(&["version"]);
    assert!(version.contains("Server:") && version.contains("API version:"), "{version}");
    let info = scene.ok(&["info"]);
    for word in ["Storage Driver: overlay", "Cgroup Driver: cgroupfs", "Images: ", "seccomp"] {
        assert!(info.contains(word), "{word}: {info}");
    }
    assert!(!info.contains("ERROR"), "{info}");
}

#[test]
fn events_of_a_life() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("events", &[], &["sh", "-c", "exit 5"]);
    scene.ok(&["wait", &id]);
    scene.ok(&["rm", &id]);
    let lines = scene.events(&id, "{{.Action}} {{index .Actor.Attributes \"exitCode\"}}");
    assert_eq!(lines, ["create", "start", "die 5", "destroy"]);
}

#[test]
fn metrics_are_clean_and_count() {
    let Some(scene) = Scene::new() else { return };
    if scene.engine.is_docker() {
        return program::skip("dockerd serves no metrics on its API socket");
    }
    let id = scene.start("metrics", &["-m", "64m"], &["alloc", "20", "hold"]);
    scene.said(&id, "allocated");
    let answer = scene.client.get("/metrics").expect(200);
    assert!(
        answer.header("content-type").is_some_and(|t| t.contains("text")),
        "{:?}",
        answer.headers
    );
    let text = answer.text();
    for family in [
        "engine_daemon_engine_info",
        "engine_daemon_container_states_containers",
        "container_memory",
    ] {
        assert!(text.contains(family), "{family} is missing:\n{text}");
    }
    let peak = value(&text, &format!("container_memory_max_usage_bytes{{id=\"{id}\""));
    assert!(peak.is_some_and(|bytes| bytes >= f64::from(20 << 20)), "{peak:?}:\n{text}");
    scene.ok(&["rm", "-f", &id]);
    let Some(promtool) = program::foreign("promtool") else {
        return program::skip("promtool is not installed");
    };
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start promtool");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("write");
    let output = child.wait_with_output().expect("wait");
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.trim().is_empty(), "promtool: {said}\n{text}");
}

/// The value of the first series of a scrape that begins with `series`.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(series))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn actions_streams_and_lost_lines_are_counted() {
    let Some(scene) = Scene::new() else { return };
    if scene.engine.is_docker() {
        return program::skip("dockerd serves no metrics on its API socket");
    }
    let scrape = || scene.client.get("/metrics").expect(200).text();
    let before = scrape();
    let ring = ["--log-opt", "mode=non-blocking", "--log-opt", "max-buffer-size=1k"];
    let id = scene.start("counted", &ring, &["log", "300000", "100"]);
    scene.ok(&["exec", &id, "true"]);
    scene.ok(&["wait", &id]);
    let lost = format!("container_log_dropped_lines_total{{id=\"{id}\"");
    wait::until_true("lost lines to be counted", || {
        value(&scrape(), &lost).is_some_and(|lines| lines > 0.0)
    });
    scene.docker.run(&["start", "no-such-container"]).ended(1);
    scene.ok(&["rm", &id]);
    let after = scrape();
    let more = |series: &str| {
        value(&after, series).unwrap_or_default() - value(&before, series).unwrap_or_default()
    };
    for action in ["create", "start", "exec_create", "exec_start", "delete"] {
        let of =
            |name: &str| more(&format!("engine_daemon_container_{name}{{action=\"{action}\"}}"));
        let all = if action == "start" { 2.0 } else { 1.0 };
        let counted = ["actions_total", "actions_seconds_count", "success_actions_total"].map(of);
        assert_eq!(counted, [all, all, 1.0], "{action}: {after}");
    }
    for what in ["start", "exec", "exit", "delete"] {
        let series = format!("engine_daemon_container_{what}_seconds_count");
        assert_eq!(more(&series), 1.0, "{what}: {after}");
    }
    // A stream is in flight for as long as its client reads; the scrape itself is the other one.
    let flying = || value(&scrape(), "engine_daemon_api_requests_in_flight");
    let events = scene.client.open("GET", "/events", &[], b"").expect("a stream");
    assert_eq!(flying(), Some(2.0));
    drop(events);
    wait::until_true("the stream's end", || flying() == Some(1.0));
}
