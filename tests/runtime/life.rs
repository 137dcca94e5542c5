//! From create to delete, and what is refused on the way.

use crate::scene::Scene;
use harness::wait;
use serde_json::json;

#[test]
fn a_whole_life() {
    let Some(scene) = Scene::new(&["hold"]) else { return };
    scene.create();
    assert_eq!(scene.state("status"), "created");
    assert!(scene.state("pid").as_i64().expect("a number") > 1);
    scene.ok(&["start", scene.id()]);
    assert_eq!(scene.state("status"), "running");
    assert!(scene.ok(&["list", "-q"]).contains(scene.id()));
    assert!(scene.refused(&["start", scene.id()]).contains("running"));
    assert!(scene.refused(&["delete", scene.id()]).contains("not stopped"));
    wait::until_true("it ends by a signal", || {
        // Process 1 gets only what it listens for, which takes it a moment.
        scene.run(&["kill", scene.id(), "TERM"]);
        scene.state("status") == "stopped"
    });
    scene.ok(&["delete", scene.id()]);
    assert!(scene.refused(&["state", scene.id()]).contains("does not exist"));
}

#[test]
fn the_exit_status_comes_through() {
    let Some(scene) = Scene::new(&["sh", "-c", "echo out; exit 7"]) else { return };
    assert_eq!(scene.foreground(), (7, "out\n".to_owned()));
}

#[test]
fn a_program_that_cannot_be_executed_fails_the_create() {
    let Some(mut scene) = Scene::new(&["nope"]) else { return };
    scene.write();
    let said = scene.refused(&["create", scene.id()]);
    assert!(said.contains("executable file not found in $PATH"), "{said}");
    scene.spec["process"]["args"] = json!(["/etc/passwd"]);
    scene.write();
    let said = scene.refused(&["create", scene.id()]);
    assert!(said.contains("permission denied"), "{said}");
    assert!(scene.refused(&["state", scene.id()]).contains("does not exist"));
}

#[test]
fn a_second_container_of_the_name_is_refused() {
    let Some(scene) = Scene::new(&["hold"]) else { return };
    scene.create();
    let said = scene.refused(&["create", scene.id()]);
    assert!(said.contains("already exists"), "{said}");
    assert_eq!(scene.state("status"), "created");
}

#[test]
fn names_cannot_leave_the_root() {
    let Some(scene) = Scene::new(&["true"]) else { return };
    scene.write();
    for name in ["..", "a/b", ""] {
        let said = scene.refused(&["create", name]);
        assert!(said.to_lowercase().contains("id"), "{name:?}: {said}");
    }
}

#[test]
fn frozen_and_thawed() {
    let Some(scene) = Scene::new(&["hold"]) else { return };
    scene.start();
    scene.ok(&["pause", scene.id()]);
    assert_eq!(scene.state("status"), "paused");
    let said = scene.refused(&["exec", scene.id(), "true"]);
    assert!(said.contains("paused"), "{said}");
    scene.ok(&["resume", scene.id()]);
    assert_eq!(scene.state("status"), "running");
    // A frozen container can be deleted.
    scene.ok(&["pause", scene.id()]);
    scene.ok(&["delete", "--force", scene.id()]);
}

#[test]
fn hooks_run_in_order_with_the_state() {
    let Some(mut scene) = Scene::new(&["true"]) else { return };
    let log = scene.path("hooks");
    let hook = |name: &str| {
        let line = format!("read -r state; echo {name} $state >> {}", log.display());
        json!([{"path": "/bin/sh", "args": ["sh", "-c", line]}])
    };
    scene.spec["hooks"] = json!({
        "createRuntime": hook("createRuntime"), "createContainer": hook("createContainer"),
        "poststart": hook("poststart"), "poststop": hook("poststop"),
    });
    scene.create();
    scene.ok(&["start", scene.id()]);
    scene.wait_until_stopped();
    scene.ok(&["delete", scene.id()]);
    let text = std::fs::read_to_string(&log).expect("the hooks' log");
    let names: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["createRuntime", "createContainer", "poststart", "poststop"]);
    assert!(text.lines().all(|line| line.contains(scene.id())), "{text}");
}

#[test]
fn a_failing_hook_ends_the_create() {
    let Some(mut scene) = Scene::new(&["true"]) else { return };
    scene.spec["hooks"] = json!({"createRuntime": [{"path": "/bin/false"}]});
    scene.write();
    let said = scene.refused(&["create", scene.id()]);
    assert!(said.contains("error running hook #0"), "{said}");
}

#[test]
fn a_process_id_file() {
    let Some(scene) = Scene::new(&["hold"]) else { return };
    scene.write();
    scene.ok(&["run", "-d", "--pid-file", "pid", scene.id()]);
    let text = std::fs::read_to_string(scene.path("pid")).expect("a pid file");
    assert_eq!(scene.state("pid").to_string(), text.trim());
    wait::until_true("it runs", || scene.state("status") == "running");
}
