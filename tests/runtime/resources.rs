//! Control groups: limits set, changed, counted, and gone with the container.

use crate::scene::Scene;
use serde_json::{Value, json};

#[test]
fn limits_are_set_and_changed() {
    let Some(mut scene) = Scene::new(&["hold"]) else { return };
    scene.spec["linux"]["resources"]["pids"] = json!({"limit": 20});
    scene.spec["linux"]["resources"]["memory"] = json!({"limit": 67_108_864});
    scene.start();
    assert_eq!(scene.cgroup("pids", "pids.max", "pids.max"), "20");
    assert_eq!(scene.cgroup("memory", "memory.limit_in_bytes", "memory.max"), "67108864");
    scene.ok(&["update", "--pids-limit", "30", "--memory", "32M", scene.id()]);
    assert_eq!(scene.cgroup("pids", "pids.max", "pids.max"), "30");
    assert_eq!(scene.cgroup("memory", "memory.limit_in_bytes", "memory.max"), "33554432");
}

#[test]
fn the_count_of_processes_holds() {
    let Some(mut scene) = Scene::new(&["forks", "30"]) else { return };
    scene.spec["linux"]["resources"]["pids"] = json!({"limit": 10});
    let (_, out) = scene.foreground();
    let count = out.split(|c: char| !c.is_ascii_digit()).find_map(|word| word.parse::<u32>().ok());
    assert!(count.is_some_and(|count| count < 10), "{out}");
}

#[test]
fn the_filesystem_of_devices_is_guarded() {
    let Some(scene) = Scene::new(&["hold"]) else { return };
    scene.start();
    let one =
        std::path::PathBuf::from(format!("/sys/fs/cgroup/devices/{}/devices.list", scene.id()));
    if let Ok(list) = std::fs::read_to_string(&one) {
        assert!(list.contains("c 1:3 rwm") && !list.contains("a *:* rwm"), "{list}");
    }
}

#[test]
fn statistics_are_printed() {
    let Some(scene) = Scene::new(&["hold"]) else { return };
    scene.start();
    let line: Value =
        serde_json::from_str(&scene.ok(&["events", "--stats", scene.id()])).expect("JSON");
    assert_eq!((&line["type"], &line["id"]), (&json!("stats"), &json!(scene.id())));
    assert!(line["data"]["pids"]["current"].as_u64().expect("a number") >= 1);
    assert!(line["data"]["memory"]["usage"]["usage"].as_u64().expect("a number") > 0);
}

#[test]
fn every_process_goes_without_namespaces_of_their_own() {
    let Some(mut scene) = Scene::new(&["hold"]) else { return };
    let namespaces = scene.spec["linux"]["namespaces"].as_array_mut().expect("namespaces");
    namespaces.retain(|namespace| namespace["type"] != "pid");
    scene.start();
    scene.ok(&["exec", "-d", scene.id(), "hold"]);
    let pids: Vec<i32> =
        serde_json::from_str(&scene.ok(&["ps", "-f", "json", scene.id()])).expect("numbers");
    assert!(pids.len() >= 2, "{pids:?}");
    scene.ok(&["delete", "--force", scene.id()]);
    harness::wait::until_true("all have ended", || {
        !pids.iter().any(|pid| harness::leak::runs(*pid as u32))
    });
}
