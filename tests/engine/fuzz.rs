//! Random verbs by many clients on a handful of names: every request is answered in time, none with a
//! server's error, and nothing is left. `COFFER_FUZZ_SECONDS` sets for how long (5), `COFFER_FUZZ_SEED`
//! repeats a run as far as the scheduler allows.

use crate::scene::Scene;
use harness::http::Client;
use harness::program;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const CLIENTS: u64 = 10;
const NAMES: u64 = 5;
/// Streams that last as long as their container, at once.
const STREAMS_MAX: usize = 40;
/// No verb may take longer: a stop gives a second at most.
const LIMIT: Duration = Duration::from_secs(30);

/// xorshift: good enough to choose verbs.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % end
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

struct Request {
    method: &'static str,
    path: String,
    body: Option<Value>,
}

fn name(dice: &mut Dice) -> String {
    format!("shared{}", dice.below(NAMES))
}

fn create(dice: &mut Dice, name: &str) -> Request {
    let command: &[&str] = dice.one_of(&[
        &["sleep", "1000"][..],
        &["trap", "TERM=3", "USR1=say"],
        &["trap", "TERM=say"],
        &["log", "100000", "200", "500"],
        &["sh", "-c", "sleep 0.05; exit 4"],
        &["alloc", "100", "hold"],
        &["nope"],
    ]);
    let policy = dice.one_of(&["no", "no", "always", "on-failure", "unless-stopped"]);
    let body = json!({
        "Image": "probe", "Cmd": command,
        "Tty": dice.below(4) == 0, "OpenStdin": dice.below(2) == 0,
        "HostConfig": {
            "NetworkMode": "none", "Memory": 32 << 20, "MemorySwap": 32 << 20,
            "RestartPolicy": {"Name": policy}, "AutoRemove": policy == "no" && dice.below(3) == 0,
            "Init": dice.below(4) == 0,
        },
    });
    Request { method: "POST", path: format!("/containers/create?name={name}"), body: Some(body) }
}

/// A verb that is answered soon, whatever state its container is in.
fn verb(dice: &mut Dice) -> Request {
    let name = name(dice);
    let of = |method, tail: &str| Request {
        method,
        path: format!("/containers/{name}{tail}"),
        body: None,
    };
    match dice.below(24) {
        0..=3 => create(dice, &name),
        4..=7 => of("POST", "/start"),
        8 => of("POST", &format!("/stop?t={}", dice.below(2))),
        9 => {
            let signal = dice.one_of(&["KILL", "TERM", "USR1", "STOP", "CONT"]);
            of("POST", &format!("/kill?signal={signal}"))
        }
        10 => of("POST", "/pause"),
        11 | 12 => of("POST", "/unpause"),
        13 => of("POST", "/restart?t=0"),
        14 => of("DELETE", "?force=1&v=1"),
        15 => of("DELETE", ""),
        16 => of("POST", &format!("/rename?name=shared{}", dice.below(NAMES))),
        17 => {
            let memory = (16 + dice.below(32)) << 20;
            let limits = json!({"Memory": memory, "MemorySwap": memory, "PidsLimit": 50});
            Request { body: Some(limits), ..of("POST", "/update") }
        }
        18 => of("GET", "/json"),
        19 => of("GET", dice.one_of(&["/top", "/stats?stream=0&one-shot=1", "/changes"])),
        20 => of("GET", "/archive?path=/etc/passwd"),
        21 => of("GET", "/logs?stdout=1&stderr=1&tail=5"),
        22 => of("POST", "/resize?h=20&w=70"),
        _ => Request { method: "GET", path: "/containers/json?all=1".into(), body: None },
    }
}

/// What all clients share.
struct Fuzz {
    client: Client,
    end: Instant,
    answers: Mutex<BTreeMap<u16, u64>>,
    streams: AtomicUsize,
    slowest: Mutex<(Duration, String)>,
    failures: Mutex<Vec<String>>,
}

impl Fuzz {
    fn judge(&self, what: &str, status: u16, said: &str, took: Duration) {
        if status >= 500 || took > LIMIT {
            self.fail(format!("{what}: {status} after {took:?}: {said}"));
        }
        *self.answers.lock().expect("the answers").entry(status).or_default() += 1;
        let mut slowest = self.slowest.lock().expect("the slowest");
        if took > slowest.0 {
            *slowest = (took, what.to_owned());
        }
    }

    /// Told at the end: a panic here would leave the others waiting.
    fn fail(&self, what: String) {
        self.failures.lock().expect("the failures").push(what);
    }

    fn ask(&self, request: &Request) -> Option<Value> {
        let Request { method, path, body } = request;
        let (what, begin) = (format!("{method} {path}"), Instant::now());
        let answer = self.client.try_call(method, path, body.as_ref());
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.fail(format!("{what}: {error} after {:?}", begin.elapsed()));
                return None;
            }
        };
        self.judge(&what, answer.status, &answer.text(), begin.elapsed());
        serde_json::from_slice(&answer.bytes).ok()
    }

    fn exec(&self, dice: &mut Dice) {
        let command: &[&str] = dice.one_of(&[&["true"][..], &["sleep", "0.1"], &["alloc", "60"]]);
        let body = json!({"Cmd": command, "AttachStdout": true});
        let path = format!("/containers/{}/exec", name(dice));
        let made = self.ask(&Request { method: "POST", path, body: Some(body) });
        let Some(id) = made.as_ref().and_then(|made| made["Id"].as_str()) else { return };
        // As long as it takes: its container may be frozen.
        let body = json!({"Detach": dice.below(2) == 0});
        let path = format!("/exec/{id}/start");
        match self.client.try_call("POST", &path, Some(&body)) {
            Ok(answer) => self.judge(&path, answer.status, &answer.text(), Duration::ZERO),
            Err(error) => self.fail(format!("{path}: {error}")),
        }
        self.ask(&Request { method: "GET", path: format!("/exec/{id}/json"), body: None });
    }

    /// Something that lasts until its container ends or goes, which the others see to, at the latest
    /// when all are removed.
    fn stream(&self, dice: &mut Dice) {
        let (method, tail) = dice.one_of(&[
            ("POST", "wait"),
            ("POST", "wait?condition=next-exit"),
            ("POST", "wait?condition=removed"),
            ("GET", "logs?stdout=1&stderr=1&follow=1"),
            ("POST", "attach?stream=1&stdout=1&stderr=1&logs=1"),
            ("GET", "stats"),
        ]);
        let what = format!("{method} /containers/{}/{tail}", name(dice));
        let (_, path) = what.split_once(' ').expect("two words");
        let opened = self.client.open(method, path, &[], b"");
        let answer = opened.and_then(|answer| {
            let status = answer.status;
            answer.whole().map(|whole| (status, whole))
        });
        match answer {
            Ok((status, whole)) => {
                let text = String::from_utf8_lossy(&whole.bytes[..whole.bytes.len().min(300)]);
                self.judge(&what, status, &text, Duration::ZERO);
            }
            Err(error) => self.fail(format!("{what}: {error}: did it not end?")),
        }
    }
}

#[test]
fn random_verbs_are_all_answered() {
    let Some(scene) = Scene::new() else { return };
    if scene.engine.is_docker() {
        return program::skip("about cofferd");
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = number("COFFER_FUZZ_SECONDS").unwrap_or(5);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_nanos() as u64;
    let seed = number("COFFER_FUZZ_SEED").unwrap_or(now);
    eprintln!("COFFER_FUZZ_SEED={seed}");
    let daemon = scene.engine.pid();
    let fuzz = Fuzz {
        client: scene.engine.client(),
        end: Instant::now() + Duration::from_secs(seconds),
        answers: Mutex::default(),
        streams: AtomicUsize::new(0),
        slowest: Mutex::default(),
        failures: Mutex::default(),
    };
    let fuzz = &fuzz;
    std::thread::scope(|all| {
        std::thread::scope(|scope| {
            for number in 1..=CLIENTS {
                scope.spawn(move || {
                    let mut dice = Dice(seed.wrapping_mul(number) | 1);
                    while Instant::now() < fuzz.end {
                        let room = fuzz.streams.load(Ordering::Relaxed) < STREAMS_MAX;
                        if !room || dice.below(5) > 0 {
                            fuzz.ask(&verb(&mut dice));
                            continue;
                        }
                        fuzz.streams.fetch_add(1, Ordering::Relaxed);
                        let mut own = Dice(dice.0 ^ number);
                        all.spawn(move || {
                            match own.below(2) {
                                0 => fuzz.exec(&mut own),
                                _ => fuzz.stream(&mut own),
                            }
                            fuzz.streams.fetch_sub(1, Ordering::Relaxed);
                        });
                    }
                });
            }
        });
        scene.engine.remove_containers();
    });
    let answers = fuzz.answers.lock().expect("the answers");
    let slowest = fuzz.slowest.lock().expect("the slowest");
    eprintln!(
        "{seconds} s, {} answers: {answers:?}; slowest {slowest:?}",
        answers.values().sum::<u64>()
    );
    let failures = fuzz.failures.lock().expect("the failures");
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(answers.get(&204).is_some_and(|count| *count > 5), "hardly anything was done");
    assert!(!scene.engine.log().contains("panicked"), "a panic");
    assert_eq!(scene.engine.pid(), daemon);
    assert_eq!(scene.client.get("/containers/json?all=1").expect(200).json(), json!([]));
}
