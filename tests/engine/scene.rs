//! What an engine test works with: an engine, the docker client, names of its own, and at the end the
//! hunt for leaks.

use harness::docker::{Docker, Output};
use harness::engine::Engine;
use harness::http::Client;
use harness::leak::{self, Inventory};
use harness::{image, wait};
use serde_json::Value;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

static NEXT: AtomicU32 = AtomicU32::new(1);

/// An engine with the image of `probe`.
pub struct Scene {
    /// The docker client.
    pub docker: Docker,
    /// Plain HTTP.
    pub client: Client,
    before: Inventory,
    tag: String,
    /// The engine; last, since it goes last.
    pub engine: Engine,
}

impl Scene {
    /// `None`, with a visible reason, where such a test cannot run.
    pub fn new() -> Option<Self> {
        Self::with(&[])
    }

    /// With more flags for the daemon.
    pub fn with(arguments: &[&str]) -> Option<Self> {
        let engine = Engine::real_with(arguments)?;
        let docker = engine.docker()?;
        // The first call makes what every later one needs: cgroups of the parent, tables.
        let (client, before) = (engine.client(), Inventory::new());
        let tag = format!("t{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut scene = Self { docker, client, before, tag, engine };
        scene.run(&[], &["true"]).good();
        scene.before = leak::inventory(&scene.engine);
        Some(scene)
    }

    /// `name` made unique.
    pub fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.tag)
    }

    /// `docker run --rm --network none FLAGS probe COMMAND`.
    #[track_caller]
    pub fn run(&self, flags: &[&str], command: &[&str]) -> Output {
        self.docker.run(&words(&["run", "--rm"], flags, command))
    }

    /// The same, detached and kept; its id. `name` is made unique.
    #[track_caller]
    pub fn start(&self, name: &str, flags: &[&str], command: &[&str]) -> String {
        let name = self.name(name);
        self.docker.ok(&words(&["run", "-d", "--name", &name], flags, command))
    }

    /// A value of inspect by JSON pointer.
    #[track_caller]
    pub fn inspect(&self, reference: &str, pointer: &str) -> Value {
        let seen: Value =
            serde_json::from_str(&self.docker.ok(&["inspect", reference])).expect("JSON");
        seen[0].pointer(pointer).cloned().unwrap_or_default()
    }

    /// Events of a container until now, each printed by `format`.
    #[track_caller]
    pub fn events(&self, id: &str, format: &str) -> Vec<String> {
        let filter = format!("container={id}");
        let next = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs() + 1;
        let until = next.to_string();
        let words =
            ["events", "--since", "1h", "--until", &until, "--filter", &filter, "--format", format];
        self.ok(&words).lines().map(|line| line.trim().to_owned()).collect()
    }

    /// Waits until the log of a container contains `text`.
    pub fn said(&self, reference: &str, text: &str) {
        wait::until_true(&format!("{reference} says {text}"), || {
            let output = self.docker.run(&["logs", reference]);
            output.out.contains(text) || output.err.contains(text)
        });
    }
}

fn words<'a>(head: &[&'a str], flags: &[&'a str], command: &[&'a str]) -> Vec<&'a str> {
    [head, &["--network", "none"], flags, &[image::PROBE], command].concat()
}

/// What a test says about a call's result.
pub trait Verdict {
    /// Exit status 0; standard output.
    fn good(self) -> String;
    /// This exit status; both outputs.
    fn ended(self, status: i32) -> String;
}

impl Verdict for Output {
    #[track_caller]
    fn good(self) -> String {
        assert_eq!(self.status, 0, "{}{}", self.out, self.err);
        self.out
    }

    #[track_caller]
    fn ended(self, status: i32) -> String {
        assert_eq!(self.status, status, "{}{}", self.out, self.err);
        self.out + &self.err
    }
}

impl Deref for Scene {
    type Target = Docker;

    fn deref(&self) -> &Docker {
        &self.docker
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if self.engine.pid().is_none() {
            // A peer: only what is ours.
            let filter = format!("name={}", self.tag);
            let ids = self.docker.run(&["ps", "-aq", "--filter", &filter]).out;
            for id in ids.split_whitespace() {
                self.docker.run(&["rm", "-fv", id]);
            }
        } else if !std::thread::panicking() {
            self.engine.remove_containers();
            leak::check(&self.engine, &self.before);
        }
    }
}
