//! Mistakes and what they are answered with: status and words, since clients match on both.

use crate::bench::Bench;
use harness::http::Whole;
use serde_json::{Value, json};

/// A running, a stopped and a paused container, and the mistakes that can be made with them.
struct Scene {
    bench: Bench,
    run: String,
    stopped: String,
    paused: String,
}

impl Scene {
    fn new() -> Self {
        let bench = Bench::new();
        let run = bench.run("run1", &["sleep", "1000"], json!({}));
        let stopped = bench.run("stopped", &["true"], json!({}));
        let paused = bench.run("paused", &["sleep", "1000"], json!({}));
        bench.wait(&stopped);
        bench.client.post(&format!("/containers/{paused}/pause")).expect(204);
        Self { bench, run, stopped, paused }
    }

    /// Replaces `{run}`, `{stopped}`, `{paused}` by names and `{run.id}` and so on by ids.
    fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (word, id) in [("run", &self.run), ("stopped", &self.stopped), ("paused", &self.paused)]
        {
            let name = self.bench.name(if word == "run" { "run1" } else { word });
            text =
                text.replace(&format!("{{{word}}}"), &name).replace(&format!("{{{word}.id}}"), id);
        }
        text.replace("{unique}", &self.bench.name("new"))
    }

    /// Sends and compares: `docker` is dockerd's status where it calls a caller's mistake its own.
    #[track_caller]
    fn mistake(&self, request: &str, body: Option<Value>, status: u16, docker: u16, words: &str) {
        let filled = self.fill(request);
        let (method, path) = filled.split_once(' ').expect("a method and a path");
        let path = path.replace(['{', '}', '"', '[', ']'], "_").replace(' ', "%20");
        let path = if filled.contains("filters=") { encode_filters(&filled) } else { path };
        let answer = self.bench.client.call(method, &path, body.as_ref());
        self.compare(request, &answer, status, docker, words);
    }

    #[track_caller]
    fn compare(&self, request: &str, answer: &Whole, status: u16, docker: u16, words: &str) {
        let wanted = self.bench.engine.either(status, docker);
        assert_eq!(answer.status, wanted, "{request}: {}", answer.text());
        if wanted != 304 {
            assert_eq!(answer.message(), self.fill(words), "{request}");
        }
    }

    /// A create body that differs from a good one in `more`.
    #[track_caller]
    fn refused(&self, more: Value, status: u16, words: &str) {
        let body = self.bench.body(&["true"], more.clone());
        let path = format!("/containers/create?name={}", self.bench.name("refused"));
        let answer = self.bench.client.post_json(&path, &body);
        self.compare(&format!("create {more}"), &answer, status, status, words);
    }
}

fn encode_filters(request: &str) -> String {
    let path = request.split_once(' ').map_or(request, |(_, path)| path);
    let (head, filters) = path.split_once("filters=").unwrap_or((path, ""));
    format!("{head}filters={}", harness::http::encode(filters))
}

const CONFLICT: &str = "Conflict. The container name \"/{run}\" is already in use by container \"{run.id}\". You have to remove (or rename) that container to be able to reuse that name.";

#[test]
fn unknown_objects() {
    let scene = Scene::new();
    let unknown = "No such container: nope";
    for request in [
        "GET /containers/nope/json",
        "POST /containers/nope/start",
        "DELETE /containers/nope",
        "POST /containers/nope/attach?stream=1&stdout=1",
        "POST /commit?container=nope",
        "GET /containers/nope/stats",
        "GET /containers/nope/logs?stdout=1",
        "GET /containers/nope/top",
        "GET /containers/nope/changes",
        "POST /containers/nope/wait",
        "POST /containers/nope/rename?name=x",
    ] {
        scene.mistake(request, None, 404, 404, unknown);
    }
    let killed = format!("Cannot kill container: nope: {unknown}");
    scene.mistake("POST /containers/nope/kill", None, 404, 404, &killed);
    let body = Some(json!({"Cmd": ["true"]}));
    scene.mistake("POST /containers/nope/exec", body, 404, 404, unknown);
    scene.mistake("GET /exec/nope/json", None, 404, 404, "No such exec instance: nope");
    let start = Some(json!({"Detach": true}));
    scene.mistake("POST /exec/nope/start", start, 404, 404, "No such exec instance: nope");
    let image = "No such image: nope:latest";
    scene.mistake("DELETE /images/nope", None, 404, 404, image);
    scene.mistake("POST /images/nope/tag?repo=a&tag=1", None, 404, 404, image);
    scene.mistake("GET /images/nope/history", None, 404, 404, image);
    let inspect =
        scene.bench.engine.either(image, "no such image: nope: No such image: nope:latest");
    let answer = scene.bench.client.get("/images/nope/json");
    assert!(
        answer.status == 404 && answer.message().ends_with(image),
        "{inspect}: {}",
        answer.text()
    );
    scene.mistake("GET /volumes/nope", None, 404, 404, "get nope: no such volume");
    scene.mistake("GET /networks/nope", None, 404, 404, "network nope not found");
    scene.mistake("GET /zzz", None, 404, 404, "page not found");
    scene.refused(json!({"Image": "nope:1"}), 404, "No such image: nope:1");
}

#[test]
fn verbs_in_the_wrong_state() {
    let scene = Scene::new();
    let idle = "Container {stopped.id} is not running";
    for (request, body, status, docker, words) in [
        (
            "DELETE /containers/{run}",
            None,
            409,
            409,
            "You cannot remove a running container {run.id}. Stop the container before attempting removal or force remove",
        ),
        (
            "DELETE /containers/{paused}",
            None,
            409,
            409,
            "You cannot remove a paused container {paused.id}. Unpause and then stop the container before attempting removal or force remove",
        ),
        ("POST /containers/{run}/start", None, 304, 304, ""),
        ("POST /containers/{stopped}/stop", None, 304, 304, ""),
        ("POST /containers/{stopped}/pause", None, 409, 409, idle),
        ("POST /containers/{run}/unpause", None, 409, 500, "Container {run.id} is not paused"),
        (
            "POST /containers/{stopped}/kill",
            None,
            409,
            409,
            "Cannot kill container: {stopped}: Container {stopped.id} is not running",
        ),
        ("POST /containers/{run}/kill?signal=FOO", None, 400, 400, "Invalid signal: FOO"),
        (
            "POST /containers/{paused}/pause",
            None,
            409,
            409,
            "Container {paused.id} is already paused",
        ),
        (
            "POST /containers/{paused}/start",
            None,
            409,
            409,
            "cannot start a paused container, try unpause instead",
        ),
        (
            "POST /containers/{paused}/exec",
            Some(json!({"Cmd": ["true"]})),
            409,
            409,
            "Container {paused} is paused, unpause the container before exec",
        ),
        ("POST /containers/{stopped}/exec", Some(json!({"Cmd": ["true"]})), 409, 409, idle),
        ("POST /containers/{run}/exec", Some(json!({})), 400, 400, "No exec command specified"),
        ("GET /containers/{stopped}/top", None, 409, 409, idle),
        ("POST /containers/{stopped}/resize?h=10&w=10", None, 409, 409, idle),
    ] {
        scene.mistake(request, body, status, docker, words);
    }
}

#[test]
fn names() {
    let scene = Scene::new();
    let good = || Some(scene.bench.body(&["true"], json!({})));
    scene.mistake("POST /containers/create?name={run}", good(), 409, 409, CONFLICT);
    let bad = "Invalid container name (-x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed";
    scene.mistake("POST /containers/create?name=-x", good(), 400, 400, bad);
    let taken = format!("Error when allocating new name: {CONFLICT}");
    scene.mistake("POST /containers/{stopped}/rename?name={run}", None, 409, 409, &taken);
    let same = "Renaming a container with the same name as its current name";
    scene.mistake("POST /containers/{stopped}/rename?name={stopped}", None, 400, 400, same);
    let empty = "Neither old nor new names may be empty";
    scene.mistake("POST /containers/{stopped}/rename?name=", None, 400, 400, empty);
}

#[test]
fn queries() {
    let scene = Scene::new();
    let streams = "Bad parameters: you must choose at least one stream";
    scene.mistake("GET /containers/{run}/logs", None, 400, 400, streams);
    let missing = "Could not find the file /nope in container {run}";
    scene.mistake("GET /containers/{run}/archive?path=/nope", None, 404, 404, missing);
    let answer = scene.bench.client.get(&scene.fill("/containers/{run}/archive"));
    assert_eq!(answer.status, 400);
    let json_words = "invalid character 'x' looking for beginning of value";
    scene.mistake(
        "GET /containers/json?filters={\"foo\":[\"x\"]}",
        None,
        400,
        400,
        "Invalid filter 'foo'",
    );
    scene.mistake("GET /containers/json?filters=x", None, 400, 500, json_words);
    let status = "Invalid filter 'status=x'";
    scene.mistake("GET /containers/json?filters={\"status\":[\"x\"]}", None, 400, 400, status);
    scene.mistake(
        "POST /containers/prune?filters={\"foo\":[\"x\"]}",
        None,
        400,
        400,
        "Invalid filter 'foo'",
    );
    let number = "strconv.ParseInt: parsing \"x\": invalid syntax";
    scene.mistake("GET /events?since=x&until=1", None, 400, 500, number);
    let memory = Some(json!({"Memory": 1}));
    let least = "Minimum memory limit allowed is 6MB";
    scene.mistake("POST /containers/{run}/update", memory, 400, 400, least);
    let policy = Some(json!({"RestartPolicy": {"Name": "foo"}}));
    let words = "invalid restart policy 'foo'";
    scene.mistake("POST /containers/{run}/update", policy, 400, 400, words);
    let reference = "invalid reference format: repository name must be lowercase";
    let tag = "POST /images/probe/tag?repo=UPPER&tag=1";
    scene.mistake(tag, None, 400, 500, reference);
    scene.mistake("POST /images/create?fromImage=UP:1", None, 400, 400, reference);
}

#[test]
fn create_bodies() {
    let scene = Scene::new();
    let host = |key: &str, value: Value| json!({"HostConfig": {key: value}});
    scene.refused(host("Memory", json!(1024)), 400, "Minimum memory limit allowed is 6MB");
    scene.refused(
        json!({"HostConfig": {"Memory": 20_000_000, "MemorySwap": 10_000_000}}),
        400,
        "Minimum memoryswap limit should be larger than memory limit, see usage",
    );
    let oom = "Invalid value 2000, range for oom score adj is [-1000, 1000]";
    scene.refused(host("OomScoreAdj", json!(2000)), 400, oom);
    scene.refused(
        host("RestartPolicy", json!({"Name": "foo"})),
        400,
        "invalid restart policy 'foo'",
    );
    scene.refused(
        json!({"HostConfig": {"AutoRemove": true, "RestartPolicy": {"Name": "always"}}}),
        400,
        "can't create 'AutoRemove' container with restart policy",
    );
    let mount = json!([{"Type": "bind", "Source": "/nope/x", "Target": "/x"}]);
    let missing =
        "invalid mount config for type \"bind\": bind source path does not exist: /nope/x";
    scene.refused(host("Mounts", mount), 400, missing);
    scene.refused(
        host("Binds", json!(["./x:/x"])),
        400,
        "create ./x: \"./x\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path",
    );
    let folder = "the working directory 'rel' is invalid, it needs to be an absolute path";
    scene.refused(json!({"WorkingDir": "rel"}), 400, folder);
    scene.refused(host("Runtime", json!("foo")), 400, "Unknown runtime specified foo");
    let driver = json!({"Type": "foo", "Config": {}});
    let plugin = "error looking up logging plugin foo: plugin \"foo\" not found";
    scene.refused(host("LogConfig", driver), 400, plugin);
    let option = json!({"Type": "json-file", "Config": {"foo": "1"}});
    scene.refused(host("LogConfig", option), 400, "unknown log opt 'foo' for json-file log driver");
    scene.refused(json!({"StopSignal": "FOO"}), 400, "Invalid signal: FOO");
    let capability = "invalid CapAdd: unknown capability: \"CAP_FOO\"";
    scene.refused(host("CapAdd", json!(["FOO"])), 400, capability);
    let cpus = std::thread::available_parallelism().expect("the number of processors").get();
    let words =
        format!("Range of CPUs is from 0.01 to {cpus}.00, as there are only {cpus} CPUs available");
    scene.refused(host("NanoCpus", json!(1_000_000_000_000_u64)), 400, &words);
}

#[test]
fn a_body_that_is_no_json() {
    let scene = Scene::new();
    for body in [&b"{"[..], b"[]", b"\"x\"", b"nonsense"] {
        let headers = [("Content-Type", "application/json")];
        let answer = scene.bench.client.open("POST", "/containers/create", &headers, body);
        let answer = answer.and_then(harness::http::Answer::whole).expect("an answer");
        let wanted = scene.bench.engine.either(400, 500);
        assert!([400, wanted].contains(&answer.status), "{body:?}: {}", answer.text());
        assert!(!answer.message().is_empty());
    }
    let headers = [("Content-Type", "application/json")];
    let answer = scene.bench.client.open("POST", "/volumes/create", &headers, b"{invalid json");
    let answer = answer.and_then(harness::http::Answer::whole).expect("an answer").expect(400);
    let words = "invalid character 'i' looking for beginning of object key string";
    assert!(answer.message().contains(words), "{}", answer.message());
}

#[test]
fn networks_that_come_with_the_engine() {
    let scene = Scene::new();
    let body = Some(json!({"Name": "host", "CheckDuplicate": true}));
    let create = "operation is not permitted on predefined host network";
    scene.mistake("POST /networks/create", body, 403, 403, create);
    let remove = "host is a pre-defined network and cannot be removed";
    scene.mistake("DELETE /networks/host", None, 403, 403, remove);
    let unknown = scene.bench.body(&["true"], json!({"HostConfig": {"NetworkMode": "zzz"}}));
    let path = format!("/containers/create?name={}", scene.bench.name("zzz"));
    let answer = scene.bench.client.post_json(&path, &unknown);
    answer.expect(201);
    let answer = scene.bench.client.post(&format!("/containers/{}/start", scene.bench.name("zzz")));
    assert_eq!((answer.status, answer.message()), (404, "network zzz not found".into()));
}

#[test]
fn volumes() {
    let scene = Scene::new();
    let name = Some(json!({"Name": "a/b"}));
    scene.mistake(
        "POST /volumes/create",
        name,
        400,
        400,
        "create a/b: \"a/b\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path",
    );
    let driver = Some(json!({"Name": "x", "Driver": "nope"}));
    let words = "create x: error looking up volume plugin nope: plugin \"nope\" not found";
    scene.mistake("POST /volumes/create", driver, 404, 404, words);
}

#[test]
fn swarm_is_not_here() {
    let scene = Scene::new();
    let words = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again.";
    scene.mistake("GET /swarm", None, 503, 503, words);
    scene.mistake("GET /services", None, 503, 503, words);
}

#[test]
fn an_image_in_use() {
    let scene = Scene::new();
    let answer = scene.bench.client.delete("/images/probe");
    assert_eq!(answer.status, 409, "{}", answer.text());
    let message = answer.message();
    let words =
        "conflict: unable to remove repository reference \"probe\" (must force) - container ";
    assert!(message.starts_with(words), "{message}");
    assert!(message.contains(" is using its referenced image "), "{message}");
}
