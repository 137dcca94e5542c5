//! The daemon may die: it is killed (`SIGKILL`) at named points and at random instants, started again on the
//! same roots, and held to what it acknowledged. Needs root.

mod boot;
mod ledger;
mod load;
mod point;
mod storm;
mod survive;

use harness::engine::Engine;
use harness::leak::{self, Inventory};
use serde_json::{Value, json};

/// An engine that has run one container already, and what it has then: later containers add nothing.
pub fn engine() -> Option<(Engine, Inventory)> {
    let engine = Engine::real()?;
    let id = create(&engine, "first", &["true"], json!({}));
    engine.client().post(&format!("/containers/{id}/start")).expect(204);
    engine.client().post(&format!("/containers/{id}/wait")).expect(200);
    engine.client().delete(&format!("/containers/{id}")).expect(204);
    let before = leak::inventory(&engine);
    Some((engine, before))
}

/// Kills the daemon, starts it again.
pub fn crash(engine: &mut Engine) {
    engine.kill();
    engine.launch();
}

/// Creates a container, returns its id.
#[track_caller]
pub fn create(engine: &Engine, name: &str, command: &[&str], host: Value) -> String {
    let body = body(command, host);
    let answer = engine.client().post_json(&format!("/containers/create?name={name}"), &body);
    answer.expect(201).json()["Id"].as_str().expect("an id").to_owned()
}

/// Creates and starts one.
#[track_caller]
pub fn run(engine: &Engine, name: &str, command: &[&str], host: Value) -> String {
    let id = create(engine, name, command, host);
    engine.client().post(&format!("/containers/{id}/start")).expect(204);
    id
}

/// A create body; `host` are further keys of `HostConfig`.
pub fn body(command: &[&str], host: Value) -> Value {
    let mut body = json!({"Image": "probe", "Cmd": command, "HostConfig": host});
    body["HostConfig"]["NetworkMode"] = json!("none");
    body
}

/// What inspect says.
#[track_caller]
pub fn inspect(engine: &Engine, id: &str) -> Value {
    engine.client().get(&format!("/containers/{id}/json")).expect(200).json()
}

/// Numbers of the lines that `log` wrote, read back from the log.
#[track_caller]
pub fn numbers(engine: &Engine, id: &str) -> Vec<u64> {
    let answer =
        engine.client().get(&format!("/containers/{id}/logs?stdout=1&stderr=1")).expect(200);
    let (out, _) = harness::http::demultiplex(&answer.bytes);
    let text = String::from_utf8_lossy(&out).into_owned();
    text.lines().map(|line| line[..8].parse().expect("a numbered line")).collect()
}

/// Removes everything and looks for what is left.
pub fn finish(engine: &Engine, before: &Inventory) {
    engine.remove_containers();
    let usual = before
        .iter()
        .filter(|line| !line.starts_with("descriptor"))
        .cloned()
        .collect::<Inventory>();
    let descriptors =
        |inventory: &Inventory| inventory.iter().filter(|l| l.starts_with("descriptor")).count();
    let known = descriptors(before);
    let mut allowed = usual;
    // A restarted daemon has descriptors of its own; their number is what must not grow.
    let now = leak::inventory(engine);
    if descriptors(&now) <= known + 8 {
        allowed.extend(now.into_iter().filter(|line| line.starts_with("descriptor")));
    }
    leak::check(engine, &allowed);
}
