//! version, info, events, metrics: what an operator looks at.

use crate::scene::Scene;
use harness::program;
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
    assert!(text.contains(&id[..12]), "the container is missing:\n{text}");
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
