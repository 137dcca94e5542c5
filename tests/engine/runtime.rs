//! Other OCI runtimes through the same shim.

use crate::scene::{Scene, Verdict};
use harness::{program, wait};

fn with_runtime(name: &str) {
    let Some(path) = program::foreign(name) else {
        return program::skip(&format!("{name} is not installed"));
    };
    let flag = format!("--add-runtime={name}={}", path.display());
    let Some(scene) = Scene::with(&[&flag]) else { return };
    if scene.engine.is_docker() && name != "runc" {
        return program::skip("the peer knows runc only");
    }
    let runtime = ["--runtime", name];
    let output = scene.run(&runtime, &["sh", "-c", "echo out; echo err >&2; exit 9"]);
    assert_eq!((output.status, &output.out[..], &output.err[..]), (9, "out\n", "err\n"));
    // Each runtime has words of its own; the client knows runc's.
    let missing = scene.run(&runtime, &["nope"]);
    assert!(missing.status != 0 && missing.err.contains("not found"), "{}", missing.err);
    let flags = [&runtime[..], &["-m", "48m", "--memory-swap", "48m"]].concat();
    let id = scene.start("foreign", &flags, &["trap", "TERM=4"]);
    scene.said(&id, "ready");
    assert_eq!(scene.ok(&["exec", &id, "echo", "inside"]), "inside");
    scene.docker.run(&["exec", &id, "sh", "-c", "exit 3"]).ended(3);
    scene.ok(&["pause", &id]);
    assert_eq!(scene.inspect(&id, "/State/Status"), "paused");
    scene.ok(&["unpause", &id]);
    scene.ok(&["stop", &id]);
    assert_eq!(scene.inspect(&id, "/State/ExitCode"), 4);
    let id = scene.start("oom", &flags, &["alloc", "100"]);
    assert_eq!(scene.ok(&["wait", &id]), "137");
    wait::until_true("it is told", || scene.inspect(&id, "/State/OOMKilled") == true);
}

#[test]
fn runc() {
    with_runtime("runc");
}

#[test]
fn crun() {
    with_runtime("crun");
}

#[test]
fn an_installed_runc_needs_no_configuration() {
    let Some(path) = program::foreign("runc") else {
        return program::skip("runc is not installed");
    };
    let Some(scene) = Scene::new() else { return };
    let info = scene.client.get("/info").expect(200).json();
    assert!(info["Runtimes"]["runc"]["path"].is_string(), "{} is not seen", path.display());
    assert_eq!(scene.run(&["--runtime", "runc"], &["echo", "hello"]).good(), "hello\n");
}
