//! Memory that ends, in every shape: exact codes, `OOMKilled`, `oom` before `die`; and processes that a
//! signal does not reach at once.

use crate::scene::{Scene, Verdict};
use harness::{program, wait};
use std::path::{Path, PathBuf};

const SMALL: [&str; 4] = ["-m", "32m", "--memory-swap", "32m"];

fn flags<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&SMALL[..], more].concat()
}

/// Actions of a container's events that matter here, in order.
fn story(scene: &Scene, id: &str) -> Vec<String> {
    let mut actions = scene.events(id, "{{.Action}}");
    actions.retain(|action| action == "oom" || action == "die");
    actions.dedup();
    actions
}

/// It was killed for its memory, and everything says so.
fn killed(scene: &Scene, id: &str) {
    assert_eq!(scene.ok(&["wait", id]), "137");
    assert_eq!(scene.inspect(id, "/State/OOMKilled"), true);
    assert_eq!(scene.inspect(id, "/State/ExitCode"), 137);
    assert_eq!(story(scene, id), ["oom", "die"]);
    scene.ok(&["rm", id]);
}

/// A file of the container's group under version 1; `None` under version 2.
fn first_version(scene: &Scene, controller: &str, id: &str, file: &str) -> Option<PathBuf> {
    let group = format!("/sys/fs/cgroup/{controller}/{}/{id}", scene.engine.sandbox().name());
    Some(Path::new(&group).join(file)).filter(|path| path.exists())
}

#[test]
fn of_the_first_process() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("first", &SMALL, &["alloc", "100"]);
    killed(&scene, &id);
}

#[test]
fn of_files_in_memory() {
    let Some(scene) = Scene::new() else { return };
    // The pages of /dev/shm count, and nobody but its writer can be killed for them.
    let shm = flags(&["--shm-size", "200m"]);
    let id = scene.start("shm", &shm, &["write", "/dev/shm/big", "100000000"]);
    killed(&scene, &id);
    let tmpfs = flags(&["--tmpfs", "/mem:size=200m"]);
    let id = scene.start("tmpfs", &tmpfs, &["write", "/mem/big", "100000000"]);
    killed(&scene, &id);
    // One that has room for less says so itself.
    let full = flags(&["--shm-size", "10m"]);
    let output = scene.run(&full, &["write", "/dev/shm/big", "100000000"]);
    assert_eq!(output.status, 1, "{}{}", output.out, output.err);
}

#[test]
fn of_an_exec() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("exec", &SMALL, &["hold"]);
    scene.docker.run(&["exec", &id, "alloc", "100"]).ended(137);
    wait::until_true("it is told", || story(&scene, &id) == ["oom"]);
    assert_eq!(scene.inspect(&id, "/State/Running"), true);
    assert_eq!(scene.ok(&["exec", &id, "echo", "alive"]), "alive");
    scene.ok(&["kill", &id]);
    assert_eq!(scene.ok(&["wait", &id]), "137");
    scene.ok(&["rm", &id]);
}

#[test]
fn of_too_many_processes() {
    let Some(scene) = Scene::new() else { return };
    // Each takes little; together they take more than there is, and the bomb goes on all the same.
    let limits = ["-m", "16m", "--memory-swap", "16m", "--pids-limit", "3000"];
    let id = scene.start("bomb", &limits, &["forks", "3000"]);
    let code = scene.ok(&["wait", &id]);
    assert!(["0", "1", "137"].contains(&code.as_str()), "{code}");
    assert_eq!(story(&scene, &id), ["oom", "die"]);
    let killed = scene.inspect(&id, "/State/OOMKilled");
    assert!(code != "137" || killed == true, "{code} {killed}");
    scene.ok(&["rm", &id]);
}

#[test]
fn too_little_to_begin_with() {
    let Some(scene) = Scene::new() else { return };
    let least = scene.run(&["-m", "5m"], &["true"]);
    assert_eq!(least.status, 125, "{}", least.err);
    assert!(least.err.contains("Minimum memory limit allowed is 6MB"), "{}", least.err);
    // The least that is allowed is enough to start, run and end; what takes more is killed.
    assert_eq!(scene.run(&["-m", "6m", "--memory-swap", "6m"], &["echo", "ran"]).good(), "ran\n");
    let id = scene.start("least", &["-m", "6m", "--memory-swap", "6m"], &["alloc", "30"]);
    killed(&scene, &id);
}

#[test]
fn waiting_instead_of_killing() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("waiting", &flags(&["--oom-kill-disable"]), &["alloc", "100", "hold"]);
    let Some(control) = first_version(&scene, "memory", &id, "memory.oom_control") else {
        scene.ok(&["rm", "-f", &id]);
        return program::skip("control groups of version 2 cannot switch the OOM killer off");
    };
    let waits = || std::fs::read_to_string(&control).unwrap_or_default().contains("under_oom 1");
    wait::until_true("it waits for memory", waits);
    assert_eq!(scene.inspect(&id, "/State/Running"), true);
    assert!(
        scene.ok(&["stats", "--no-stream", "--format", "{{.MemUsage}}", &id]).contains("32MiB")
    );
    // With more of it, it goes on.
    scene.ok(&["update", "-m", "200m", "--memory-swap", "200m", &id]);
    scene.said(&id, "allocated 100 MiB");
    assert_eq!(story(&scene, &id), Vec::<String>::new());
    scene.ok(&["stop", &id]);
    assert_eq!(scene.inspect(&id, "/State/OOMKilled"), false);
    // One that waits still obeys.
    let again = scene.start("again", &flags(&["--oom-kill-disable"]), &["alloc", "100", "hold"]);
    let control = first_version(&scene, "memory", &again, "memory.oom_control").expect("a file");
    let waits = || std::fs::read_to_string(&control).unwrap_or_default().contains("under_oom 1");
    wait::until_true("it waits for memory", waits);
    scene.ok(&["stop", "-t", "1", &again]);
    assert_eq!(scene.inspect(&again, "/State/ExitCode"), 137);
    assert_eq!(scene.inspect(&again, "/State/OOMKilled"), false);
    scene.ok(&["rm", &id, &again]);
}

#[test]
fn frozen_ones_obey() {
    let Some(scene) = Scene::new() else { return };
    for (verb, code) in [(&["kill"][..], 137), (&["stop", "-t", "5"], 3), (&["rm", "-f"], 0)] {
        let id = scene.start("frozen", &[], &["trap", "TERM=3"]);
        scene.said(&id, "ready");
        scene.ok(&["pause", &id]);
        scene.ok(&[verb, &[&id]].concat());
        if verb[0] == "rm" {
            assert_ne!(scene.docker.run(&["inspect", &id]).status, 0);
            continue;
        }
        assert_eq!(scene.ok(&["wait", &id]), code.to_string(), "{verb:?}");
        assert_eq!(scene.inspect(&id, "/State/Paused"), false);
        scene.ok(&["rm", &id]);
    }
}

#[test]
fn frozen_by_somebody_else() {
    let Some(scene) = Scene::new() else { return };
    if scene.engine.is_docker() {
        return program::skip("dockerd does not know of it");
    }
    let id = scene.start("stuck", &[], &["sleep", "1000"]);
    let name = scene.engine.sandbox().name();
    let first = first_version(&scene, "freezer", &id, "freezer.state");
    let (file, word) = match first {
        Some(file) => (file, "FROZEN"),
        None => (PathBuf::from(format!("/sys/fs/cgroup/{name}/{id}/cgroup.freeze")), "1"),
    };
    std::fs::write(&file, word).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    // In the kernel's state D under version 1: no signal reaches it before it is thawed.
    scene.ok(&["rm", "-f", &id]);
}

#[test]
fn a_stop_that_is_under_way_cannot_be_frozen() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("stubborn", &[], &["trap", "TERM=say"]);
    scene.said(&id, "ready");
    let mut stop = scene.spawn(&["stop", "-t", "3", &id]);
    scene.said(&id, "SIGTERM");
    let paused = scene.docker.run(&["pause", &id]);
    if !scene.engine.is_docker() {
        assert_ne!(paused.status, 0, "{}", paused.out);
    }
    // Less patience of a second one counts for both.
    scene.ok(&["stop", "-t", "0", &id]);
    assert!(stop.wait().expect("wait").success());
    assert_eq!(scene.inspect(&id, "/State/ExitCode"), 137);
    scene.ok(&["rm", &id]);
}
