//! Memory of an engine: the proportional set size of all its processes, containers' own left out.

use super::table::{Row, Unit};
use harness::engine::Engine;
use harness::{leak, wait};
use serde_json::json;
use std::collections::BTreeSet;

/// Containers of the loaded measurement.
const MANY: usize = 20;

/// Megabytes of every process of the engine itself: the daemon, its helpers, its shims.
fn megabytes(engine: &Engine) -> f64 {
    let contained: BTreeSet<u32> = container_pids(engine);
    let own = leak::processes(engine.sandbox().name())
        .into_iter()
        .filter(|(pid, _)| !contained.contains(pid));
    let kilobytes = |pid: u32| -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("Pss:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
    };
    own.map(|(pid, _)| kilobytes(pid)).sum::<u64>() as f64 / 1000.0
}

fn container_pids(engine: &Engine) -> BTreeSet<u32> {
    let list = engine.client().get("/containers/json").json();
    let ids =
        list.as_array().into_iter().flatten().filter_map(|c| c["Id"].as_str().map(str::to_owned));
    let pid = |id: String| {
        let seen = engine.client().get(&format!("/containers/{id}/json")).json();
        seen["State"]["Pid"].as_u64().map(|pid| pid as u32)
    };
    ids.filter_map(pid).collect()
}

/// Before any container runs.
pub fn idle(engines: &[(&str, Engine)]) -> Vec<Row> {
    let figures = engines.iter().map(|(_, engine)| megabytes(engine)).collect();
    vec![Row { what: "memory, 0 containers", unit: Unit::Megabytes, figures, bar: 5.0 }]
}

/// With [`MANY`] sleeping containers: what each adds beside itself.
pub fn loaded(engines: &[(&str, Engine)]) -> Vec<Row> {
    let mut figures = Vec::new();
    for (_, engine) in engines {
        let before = megabytes(engine);
        for number in 0..MANY {
            let body = json!({"Image": "probe", "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "none"}});
            let path = format!("/containers/create?name=memory{number}");
            engine.client().post_json(&path, &body).expect(201);
            engine.client().post(&format!("/containers/memory{number}/start")).expect(204);
        }
        wait::until_true("all of them run", || container_pids(engine).len() == MANY);
        figures.push((megabytes(engine) - before) / MANY as f64);
        engine.remove_containers();
    }
    vec![Row {
        what: "memory for each of 20 containers",
        unit: Unit::Megabytes,
        figures,
        bar: 13.0,
    }]
}
