//! All tests: build, then every suite; the contract suite a second time against a real dockerd where
//! there is one, which tests the tests.

use crate::build::{self, Profile};
use crate::{foreign, step};
use harness::engine::{Engine, PEER};
use harness::program;
use shared::error::Result;
use std::process::Command;

/// The task.
pub fn run(arguments: &[String]) -> Result<()> {
    if step::has(arguments, "--install") {
        foreign::install();
    }
    foreign::report();
    let profile = Profile::of(arguments, Profile::Debug);
    build::build(profile)?;
    let filter = filters(arguments);
    let done = step::run(tests(profile, &["--workspace"], &filter));
    // cargo has put dynamic ones in their place.
    build::place(profile)?;
    done?;
    if !nextest() {
        return peer(profile, &filter);
    }
    // nextest leaves documentation tests out.
    let mut documented = step::cargo(&["test", "--locked", "--doc", "--workspace", "--quiet"]);
    documented.args(profile.flags());
    step::run(documented)?;
    peer(profile, &filter)
}

/// The suites that need root, alone.
pub fn engine(arguments: &[String]) -> Result<()> {
    let profile = Profile::of(arguments, Profile::Debug);
    build::build(profile)?;
    let suites = ["--package", "tests", "--test", "runtime", "--test", "engine", "--test", "crash"];
    step::run(tests(profile, &suites, &filters(arguments)))
}

/// The contract suite against a dockerd of our own.
fn peer(profile: Profile, filter: &[&str]) -> Result<()> {
    let Some(peer) = Engine::dockerd() else { return Ok(()) };
    let mut command = tests(profile, &["--package", "tests", "--test", "contract"], filter);
    command.env(PEER, peer.socket());
    step::run(command)
}

/// Runs suites by nextest when it is installed, else by cargo.
pub fn tests(profile: Profile, suites: &[&str], filter: &[&str]) -> Command {
    let runner: &[&str] = if nextest() { &["nextest", "run"] } else { &["test"] };
    let mut command = step::cargo(runner);
    command.arg("--locked").args(profile.flags()).args(suites);
    match nextest() {
        // Without a failed run in between: a filter may match nothing in one of the suites.
        true => command.args(["--no-fail-fast", "--no-tests=pass"]).args(filter),
        false => command.arg("--no-fail-fast").arg("--").args(filter),
    };
    command
}

fn nextest() -> bool {
    program::foreign("cargo-nextest").is_some()
}

fn filters(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).filter(|argument| !argument.starts_with("--")).collect()
}
