//! What is measured. Each scenario prepares an engine once, then gives samples round by round; every
//! answer is checked, so that a fast failure is no success.

use super::table::Unit;
use harness::engine::Engine;
use harness::http;
use harness::image::{Image, Layer};
use serde_json::{Value, json};
use std::io::Read;
use std::time::{Duration, Instant};

/// One measurement.
pub struct Scenario {
    /// Its name in the table.
    pub name: &'static str,
    /// What a sample is in.
    pub unit: Unit,
    /// How many times better than docker it has to be.
    pub bar: f64,
    /// Done once for each engine; what it gives is handed to every round.
    pub prepare: fn(&Engine) -> Value,
    /// Samples of one round.
    pub round: fn(&Engine, &Value) -> Vec<f64>,
}

/// All of them, in the order of the table.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "create, start, wait, delete of `true`",
        unit: Unit::Milliseconds,
        bar: 20.0,
        prepare: nothing,
        round: life,
    },
    Scenario {
        name: "exec of `true`, attached",
        unit: Unit::Milliseconds,
        bar: 10.0,
        prepare: sleeper,
        round: exec,
    },
    Scenario {
        name: "20 starts by 4 clients",
        unit: Unit::PerSecond,
        bar: 25.0,
        prepare: nothing,
        round: parallel,
    },
    Scenario {
        name: "list of 30 containers",
        unit: Unit::Milliseconds,
        bar: 10.0,
        prepare: thirty,
        round: list,
    },
    Scenario {
        name: "inspect",
        unit: Unit::Milliseconds,
        bar: 1.0,
        prepare: sleeper,
        round: inspect,
    },
    Scenario { name: "ping", unit: Unit::Milliseconds, bar: 1.0, prepare: nothing, round: ping },
    Scenario {
        name: "20 MB into a log",
        unit: Unit::MegabytesPerSecond,
        bar: 5.0,
        prepare: nothing,
        round: log_in,
    },
    Scenario {
        name: "20 MB out of a log",
        unit: Unit::MegabytesPerSecond,
        bar: 8.0,
        prepare: logged,
        round: log_out,
    },
    Scenario {
        name: "100 MB through attach",
        unit: Unit::MegabytesPerSecond,
        bar: 1.5,
        prepare: nothing,
        round: attach,
    },
    Scenario {
        name: "cp of 50 MB out",
        unit: Unit::MegabytesPerSecond,
        bar: 1.0,
        prepare: file,
        round: copy_out,
    },
    Scenario {
        name: "load of an image, 3,000 files",
        unit: Unit::Milliseconds,
        bar: 3.0,
        prepare: nothing,
        round: load,
    },
    Scenario {
        name: "one-shot statistics",
        unit: Unit::Milliseconds,
        bar: 100.0,
        prepare: sleeper,
        round: stats,
    },
    Scenario {
        name: "die event to a subscriber",
        unit: Unit::Milliseconds,
        bar: 5.0,
        prepare: nothing,
        round: event,
    },
];

const REPEATS: usize = 10;

fn timed(work: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    work();
    begin.elapsed().as_secs_f64() * 1000.0
}

fn repeat(count: usize, mut work: impl FnMut()) -> Vec<f64> {
    (0..count).map(|_| timed(&mut work)).collect()
}

fn nothing(_: &Engine) -> Value {
    Value::Null
}

fn create(engine: &Engine, command: &[&str], more: Value) -> String {
    let mut body = json!({"Image": "probe", "Cmd": command, "HostConfig": {"NetworkMode": "none"}});
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    let made = engine.client().post_json("/containers/create", &body).expect(201);
    made.json()["Id"].as_str().expect("an id").to_owned()
}

fn start(engine: &Engine, id: &str) {
    engine.client().post(&format!("/containers/{id}/start")).expect(204);
}

fn end(engine: &Engine, id: &str) {
    let ended = engine.client().post(&format!("/containers/{id}/wait")).expect(200).json();
    assert_eq!(ended["StatusCode"], 0);
}

fn delete(engine: &Engine, id: &str) {
    engine.client().delete(&format!("/containers/{id}?force=1")).expect(204);
}

fn sleeper(engine: &Engine) -> Value {
    let id = create(engine, &["sleep", "100000"], json!({}));
    start(engine, &id);
    json!(id)
}

fn thirty(engine: &Engine) -> Value {
    (0..30).map(|_| sleeper(engine)).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("an id")
}

fn life(engine: &Engine, _: &Value) -> Vec<f64> {
    repeat(5, || {
        let id = create(engine, &["true"], json!({}));
        start(engine, &id);
        end(engine, &id);
        delete(engine, &id);
    })
}

fn exec(engine: &Engine, id: &Value) -> Vec<f64> {
    let path = format!("/containers/{}/exec", text(id));
    repeat(5, || {
        let body = json!({"Cmd": ["true"], "AttachStdout": true, "AttachStderr": true});
        let exec = engine.client().post_json(&path, &body).expect(201).json();
        let exec = text(&exec["Id"]);
        let (status, mut stream) = engine
            .client()
            .hijack(&format!("/exec/{exec}/start"), Some(&json!({})))
            .expect("a stream");
        assert_eq!(status, 101);
        stream.read_to_end(&mut Vec::new()).expect("its end");
        let seen = engine.client().get(&format!("/exec/{exec}/json")).expect(200).json();
        assert_eq!(seen["ExitCode"], 0);
    })
}

fn parallel(engine: &Engine, _: &Value) -> Vec<f64> {
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    start(engine, &create(engine, &["sleep", "1000"], json!({})));
                }
            });
        }
    });
    let rate = 20.0 / begin.elapsed().as_secs_f64();
    engine.remove_containers();
    vec![rate]
}

fn list(engine: &Engine, _: &Value) -> Vec<f64> {
    let client = engine.client();
    repeat(REPEATS, || {
        let found = client.get("/containers/json").expect(200);
        assert!(found.bytes.len() > 30 * 200);
    })
}

fn inspect(engine: &Engine, id: &Value) -> Vec<f64> {
    let (client, path) = (engine.client(), format!("/containers/{}/json", text(id)));
    repeat(REPEATS, || drop(client.get(&path).expect(200)))
}

fn ping(engine: &Engine, _: &Value) -> Vec<f64> {
    let client = engine.client();
    repeat(REPEATS * 5, || drop(client.get("/_ping").expect(200)))
}

fn log_in(engine: &Engine, _: &Value) -> Vec<f64> {
    let id = create(engine, &["log", "200000", "100"], json!({}));
    let took = timed(|| {
        start(engine, &id);
        end(engine, &id);
    });
    delete(engine, &id);
    vec![20_000.0 / took]
}

fn logged(engine: &Engine) -> Value {
    let id = create(engine, &["log", "200000", "100"], json!({}));
    start(engine, &id);
    end(engine, &id);
    json!(id)
}

fn log_out(engine: &Engine, id: &Value) -> Vec<f64> {
    let path = format!("/containers/{}/logs?stdout=1", text(id));
    let mut bytes = Vec::new();
    let took = timed(|| bytes = engine.client().get(&path).expect(200).bytes);
    assert_eq!(http::demultiplex(&bytes).0.len(), 20_000_000);
    vec![20_000.0 / took]
}

fn attach(engine: &Engine, _: &Value) -> Vec<f64> {
    let more = json!({"AttachStdout": true, "HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": "none"}}});
    let id = create(engine, &["log", "100000", "1000"], more);
    let path = format!("/containers/{id}/attach?stream=1&stdout=1");
    let (_, mut stream) = engine.client().hijack(&path, None).expect("a stream");
    let mut seen = 0;
    let took = timed(|| {
        start(engine, &id);
        let mut buffer = vec![0; 1 << 20];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            seen += read;
        }
    });
    assert!(seen >= 100_000_000, "{seen} bytes came through");
    delete(engine, &id);
    vec![100_000.0 / took]
}

fn file(engine: &Engine) -> Value {
    let id = create(engine, &["sh", "-c", "write /file 50000000; sleep 100000"], json!({}));
    start(engine, &id);
    let path = format!("/containers/{id}/archive?path=/file");
    harness::wait::until_true("the file is written", || {
        let head = engine.client().open("HEAD", &path, &[], b"");
        head.is_ok_and(|answer| answer.status == 200)
            && engine.client().get(&path).bytes.len() > 50_000_000
    });
    json!(id)
}

fn copy_out(engine: &Engine, id: &Value) -> Vec<f64> {
    let path = format!("/containers/{}/archive?path=/file", text(id));
    let mut size = 0;
    let took = timed(|| size = engine.client().get(&path).expect(200).bytes.len());
    assert!(size > 50_000_000);
    vec![50_000.0 / took]
}

fn load(engine: &Engine, _: &Value) -> Vec<f64> {
    let mut layer = Layer::new().folder("many", 0o755);
    let stamp = format!("{:?}", Instant::now());
    for number in 0..3_000 {
        layer = layer
            .file(&format!("many/{number}"), format!("{stamp}{number}").repeat(100).as_bytes());
    }
    let archive = Image::probe(&["many:1"]).with(layer).docker_archive();
    let took = timed(|| engine.load(&archive));
    engine.client().delete("/images/many:1").expect(200);
    vec![took]
}

fn stats(engine: &Engine, id: &Value) -> Vec<f64> {
    let path = format!("/containers/{}/stats?stream=0", text(id));
    repeat(2, || {
        let seen = engine.client().get(&path).expect(200).json();
        assert!(seen["cpu_stats"]["cpu_usage"]["total_usage"].as_u64().is_some());
    })
}

fn event(engine: &Engine, _: &Value) -> Vec<f64> {
    let filters = http::encode(r#"{"event":["die"]}"#);
    let stream = engine.client().open("GET", &format!("/events?filters={filters}"), &[], b"");
    let mut stream = stream.expect("a stream").body();
    stream.limit(Duration::from_secs(20)).expect("a limit");
    let id = create(engine, &["sleep", "1000"], json!({}));
    start(engine, &id);
    let took = timed(|| {
        engine.client().post(&format!("/containers/{id}/kill")).expect(204);
        let seen = stream.line().expect("an event").expect("the stream goes on");
        assert_eq!(seen["Actor"]["ID"], id.as_str());
    });
    delete(engine, &id);
    vec![took]
}
