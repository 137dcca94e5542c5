//! What a contract test works with: an engine, a client, names of its own.

use harness::engine::Engine;
use harness::http::{self, Client, encode};
use harness::{image, wait};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(1);

/// The label that every container of a bench has, with the bench's tag as value.
pub const LABEL: &str = "coffer.test";

/// An engine and names that no other test uses.
pub struct Bench {
    /// The engine under test.
    pub engine: Engine,
    /// A client of its newest API.
    pub client: Client,
    tag: String,
}

impl Bench {
    /// A daemon of its own, or the peer.
    pub fn new() -> Self {
        let engine = Engine::contract();
        let client = engine.client();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { engine, client, tag: format!("t{}x{number}", std::process::id()) }
    }

    /// `name` made unique.
    pub fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.tag)
    }

    /// The value of [`LABEL`].
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// A create body: command, then whatever `more` adds or replaces; keys of `HostConfig` are merged.
    pub fn body(&self, command: &[&str], more: Value) -> Value {
        let mut body = json!({
            "Image": image::PROBE,
            "Cmd": command,
            "Labels": {LABEL: self.tag},
            "HostConfig": {"NetworkMode": "none"},
        });
        merge(&mut body, more);
        body
    }

    /// Creates a container, returns its id.
    #[track_caller]
    pub fn create(&self, name: &str, command: &[&str], more: Value) -> String {
        let path = format!("/containers/create?name={}", self.name(name));
        let answer = self.client.post_json(&path, &self.body(command, more)).expect(201);
        answer.json()["Id"].as_str().expect("an id").to_owned()
    }

    /// Creates and starts.
    #[track_caller]
    pub fn run(&self, name: &str, command: &[&str], more: Value) -> String {
        let id = self.create(name, command, more);
        self.client.post(&format!("/containers/{id}/start")).expect(204);
        id
    }

    /// Waits for the end, returns the exit code.
    #[track_caller]
    pub fn wait(&self, id: &str) -> i64 {
        let answer = self.client.post(&format!("/containers/{id}/wait")).expect(200);
        answer.json()["StatusCode"].as_i64().expect("a code")
    }

    /// What inspect says.
    #[track_caller]
    pub fn inspect(&self, id: &str) -> Value {
        self.client.get(&format!("/containers/{id}/json")).expect(200).json()
    }

    /// Both outputs from the log.
    #[track_caller]
    pub fn logs(&self, id: &str, query: &str) -> (String, String) {
        let path = format!("/containers/{id}/logs?stdout=1&stderr=1&{query}");
        let (out, err) = http::demultiplex(&self.client.get(&path).expect(200).bytes);
        (String::from_utf8_lossy(&out).into_owned(), String::from_utf8_lossy(&err).into_owned())
    }

    /// Containers of this bench that match `filters`, as the list has them.
    #[track_caller]
    pub fn list(&self, query: &str, mut filters: Value) -> Vec<Value> {
        filters["label"] = json!([format!("{LABEL}={}", self.tag)]);
        let path = format!("/containers/json?{query}&filters={}", encode(&filters.to_string()));
        self.client.get(&path).expect(200).json().as_array().expect("a list").clone()
    }

    /// Waits until a program that prints `ready` has done so.
    pub fn ready(&self, id: &str) {
        wait::until_true("the program is ready", || self.logs(id, "").0.contains("ready"));
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let filters = encode(&json!({"label": [format!("{LABEL}={}", self.tag)]}).to_string());
        let path = format!("/containers/json?all=1&filters={filters}");
        let Ok(list) = self.client.try_call("GET", &path, None) else { return };
        let Ok(list) = serde_json::from_slice::<Value>(&list.bytes) else { return };
        for container in list.as_array().into_iter().flatten() {
            let path =
                format!("/containers/{}?force=1&v=1", container["Id"].as_str().unwrap_or("-"));
            if let Err(error) = self.client.try_call("DELETE", &path, None) {
                eprintln!("{path}: {error}");
            }
        }
    }
}

/// Objects are merged key by key, everything else is replaced.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
