//! Our own command line beside docker's: the same flags, output and exit statuses.

use crate::scene::Scene;
use harness::docker::Output;

/// The same call by both clients; `coffer` must say and return what `docker` does.
#[track_caller]
fn same(scene: &Scene, arguments: &[&str]) -> Output {
    let (ours, theirs) = (scene.engine.coffer().run(arguments), scene.docker.run(arguments));
    let wanted = (theirs.status, theirs.out);
    assert_eq!((ours.status, ours.out.clone()), wanted, "{arguments:?}: {}", ours.err);
    ours
}

#[test]
fn says_what_docker_says() {
    let Some(scene) = Scene::new() else { return };
    if scene.engine.is_docker() {
        return harness::program::skip("our client is tested against our daemon");
    }
    let id = scene.start(
        "same",
        &["-m", "64m", "--label", "a=b"],
        &["sh", "-c", "seq 1 5; echo err >&2; sleep 1000"],
    );
    scene.said(&id, "err");
    let name = scene.name("same");
    same(&scene, &["logs", "--tail", "3", &id]);
    same(&scene, &["ps", "-q", "--no-trunc"]);
    same(&scene, &["ps", "-a", "--format", "{{.Names}} {{.Image}} {{.State}} {{.Label \"a\"}}"]);
    same(
        &scene,
        &[
            "inspect",
            "--format",
            "{{.State.Status}} {{.HostConfig.Memory}} {{.Config.Labels.a}}",
            &name,
        ],
    );
    same(&scene, &["images", "-q", "--no-trunc"]);
    same(&scene, &["exec", &id, "sh", "-c", "echo out; exit 7"]);
    same(&scene, &["exec", &id, "nope"]);
    same(&scene, &["run", "--rm", "--network", "none", "probe", "sh", "-c", "echo x; exit 42"]);
    same(&scene, &["run", "--rm", "--network", "none", "probe", "nope"]);
    same(&scene, &["run", "--rm", "--network", "none", "no-such-image:1"]);
    same(&scene, &["inspect", "nope"]);
    same(&scene, &["diff", &id]);
    assert_eq!(scene.engine.coffer().ok(&["pause", &name]), name);
    same(&scene, &["ps", "--filter", "status=paused", "--format", "{{.Names}}"]);
    assert_eq!(scene.engine.coffer().ok(&["unpause", &name]), name);
    assert_eq!(scene.engine.coffer().ok(&["kill", &name]), name);
    assert_eq!(scene.engine.coffer().ok(&["rm", "-f", &name]), name);
}

#[test]
fn a_life_by_our_client_alone() {
    let Some(scene) = Scene::new() else { return };
    if scene.engine.is_docker() {
        return harness::program::skip("our client is tested against our daemon");
    }
    let coffer = scene.engine.coffer();
    let name = scene.name("life");
    let id = coffer.ok(&["create", "--name", &name, "-i", "probe", "cat"]);
    assert_eq!(id.len(), 64);
    coffer.ok(&["start", &name]);
    assert_eq!(coffer.ok(&["exec", &name, "hostname"]), id[..12]);
    let output = coffer.with_input(&["run", "--rm", "-i", "probe", "wc"], b"a\nb\n");
    assert_eq!((output.status, &output.out[..]), (0, "2 4\n"));
    coffer.ok(&["restart", "-t", "0", &name]);
    coffer.ok(&["stop", "-t", "0", &name]);
    assert_eq!(coffer.ok(&["wait", &name]), "137");
    assert_eq!(coffer.run(&["start", "nope"]).status, 1);
    coffer.ok(&["rm", &name]);
    let listed: serde_json::Value =
        serde_json::from_str(&coffer.ok(&["info", "--format", "{{json .}}"])).expect("JSON");
    assert_eq!(listed["Containers"], 0, "{listed}");
}

#[test]
fn the_parts_of_the_daemon_are_listed() {
    let Some(scene) = Scene::new() else { return };
    if scene.engine.is_docker() {
        return harness::program::skip("our client is tested against our daemon");
    }
    let said = scene.engine.coffer().ok(&["plugins", "ls"]);
    let store = said.lines().find(|line| line.starts_with("coffer.store.v1.surrealkv"));
    let words: Vec<_> = store.expect("the store").split_whitespace().collect();
    assert!(said.starts_with("ID") && words[1] == "ok" && words[2].ends_with("ms"), "{said}");
    let format = "{{.ID}} {{.State}}";
    let formatted = scene.engine.coffer().ok(&["plugins", "ls", "--format", format]);
    assert!(formatted.contains("coffer.metrics.v1.prometheus ok"), "{formatted}");
}
