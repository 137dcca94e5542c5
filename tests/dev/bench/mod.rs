//! `cargo dev bench`: the scenarios of PERFORMANCE.md, Coffer beside a real dockerd in the same run, round
//! by round in turns, so that what else the machine does hits both. Ratios hold, absolute times do not.

mod memory;
mod scenario;
mod table;

use crate::build::{self, Profile};
use crate::step;
use harness::engine::{Engine, Flavour};
use harness::program;
use scenario::SCENARIOS;
use shared::error::{Error, Result};
use table::Row;

/// The task: `--rounds N` (5), `--only NAME`, `--no-build`; without dockerd, Coffer alone.
pub fn run(arguments: &[String]) -> Result<()> {
    if !program::is_root() {
        return Err(Error::forbidden("containers need root"));
    }
    if !step::has(arguments, "--no-build") {
        build::build(Profile::Dist)?;
    }
    let rounds = match step::value(arguments, "--rounds") {
        Some(text) => text.parse().map_err(|_| Error::invalid(format!("--rounds {text}")))?,
        None => 5,
    };
    let only = step::value(arguments, "--only");
    let mut engines = vec![("coffer", Engine::start(Flavour::Real, &[]))];
    match program::foreign("dockerd") {
        Some(_) => engines.push(("docker", Engine::start(Flavour::Dockerd, &[]))),
        None => eprintln!("dockerd is not installed: Coffer alone, without ratios"),
    }
    for (_, engine) in &engines {
        engine.load_probe();
    }
    let mut rows = memory::idle(&engines);
    for scenario in SCENARIOS.iter().filter(|s| only.is_none_or(|name| s.name.contains(name))) {
        eprintln!("» {}", scenario.name);
        rows.push(measure(scenario, &engines, rounds));
    }
    if only.is_none() {
        rows.extend(memory::loaded(&engines));
    }
    println!("{}", table::markdown(&rows));
    Ok(())
}

fn measure(scenario: &scenario::Scenario, engines: &[(&str, Engine)], rounds: usize) -> Row {
    let prepared: Vec<_> = engines.iter().map(|(_, engine)| (scenario.prepare)(engine)).collect();
    let mut samples = vec![Vec::new(); engines.len()];
    for round in 0..rounds {
        for turn in 0..engines.len() {
            let index = (round + turn) % engines.len();
            samples[index].extend((scenario.round)(&engines[index].1, &prepared[index]));
        }
    }
    for (_, engine) in engines {
        engine.remove_containers();
    }
    Row {
        what: scenario.name,
        unit: scenario.unit,
        figures: samples.into_iter().map(table::median).collect(),
        bar: scenario.bar,
    }
}
