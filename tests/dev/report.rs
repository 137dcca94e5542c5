//! What `cargo dev up` prints where there is no terminal: the engine's own words about the demo.

use harness::engine::Engine;
use harness::wait;
use shared::error::{Error, Result};

/// The calls of the report: heading and arguments of `coffer`.
const CALLS: &[(&str, &[&str])] = &[
    ("containers", &["ps", "--all"]),
    ("resources", &["stats", "--no-stream"]),
    ("processes in `web`, by exec", &["exec", "web", "ps"]),
    ("last lines of `counter`", &["logs", "--tail", "4", "--timestamps", "counter"]),
    ("images", &["images"]),
];

/// Families of metrics of which the report shows the first samples.
const METRICS: &[&str] = &["engine_daemon_engine_info", "engine_daemon_container_states"];

/// Waits until the demo has something to show, prints it.
pub fn print(engine: &Engine) -> Result<()> {
    let client = engine.client();
    wait::until_true("`done` has ended and `counter` has written", || {
        let ended = client.get("/containers/done/json");
        let lines = client.get("/containers/counter/logs?stdout=1&stderr=1");
        ended.status == 200 && ended.json()["State"]["ExitCode"] == 3 && lines.bytes.len() > 200
    });
    let coffer = engine.coffer();
    for (heading, words) in CALLS {
        let output = coffer.run(words);
        println!("== {heading}: coffer {}\n{}", words.join(" "), output.out.trim_end());
        if output.status != 0 {
            let sentence = format!("coffer {} ended with {}", words.join(" "), output.status);
            return Err(Error::internal(format!("{sentence}: {}", output.err.trim())));
        }
        println!();
    }
    println!("== GET /metrics, some of it");
    let metrics = client.get("/metrics").expect(200).text();
    for family in METRICS {
        metrics
            .lines()
            .filter(|line| line.starts_with(family))
            .take(4)
            .for_each(|l| println!("{l}"));
    }
    println!("{} samples in all", metrics.lines().filter(|line| !line.starts_with('#')).count());
    Ok(())
}
