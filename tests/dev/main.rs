//! `cargo dev <task>`: everything that a contributor and CI run, one file a task. A task calls cargo and
//! the built programs; it prints each command before it runs it and ends with the first that fails.

mod bench;
mod build;
mod check;
mod conformance;
mod foreign;
mod image;
mod install;
mod report;
mod step;
mod test;
mod up;
mod vm;

use build::Profile;
use harness::program;
use shared::error::{Error, Result};
use std::process::ExitCode;

/// A task: its name, one line about it, and what it does with its arguments.
struct Task {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<()>,
}

const TASKS: &[Task] = &[
    Task {
        name: "build",
        about: "all programs into target/release [--debug | --dist]",
        run: build::run,
    },
    Task {
        name: "up",
        about: "build, start a private daemon with demo containers, open the console",
        run: up::run,
    },
    Task { name: "test", about: "every test [--install] [--release] [FILTER]", run: test::run },
    Task {
        name: "check",
        about: "format, clippy, tidy, unit, contract, documentation, licences",
        run: check::run,
    },
    Task {
        name: "engine",
        about: "the engine and crash suites alone (root) [FILTER]",
        run: test::engine,
    },
    Task {
        name: "conformance",
        about: "public OCI suites against coffer-runtime --kit PROGRAM",
        run: conformance::run,
    },
    Task {
        name: "bench",
        about: "Coffer beside dockerd: start, exec, list, logs, ... [--rounds N] [--only NAME]",
        run: bench::run,
    },
    Task {
        name: "image",
        about: "write the built-in image as an archive for `docker load` FILE",
        run: image::run,
    },
    Task {
        name: "vm",
        about: "cgroup v2 and capabilities: part of the suites in a virtual machine [--release]",
        run: vm::run,
    },
    Task {
        name: "install",
        about: "programs and units below --prefix (/usr/local)",
        run: install::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.split_first() {
        None => usage(&[]),
        Some((name, rest)) if matches!(name.as_str(), "help" | "-h" | "--help") => usage(rest),
        // Started by `up` itself: cleans up when its parent is gone.
        Some((name, rest)) if name == up::GUARD => up::guard(rest),
        Some((name, rest)) => match TASKS.iter().find(|task| task.name == name) {
            Some(task) => {
                // Programs of an earlier build, for tasks that do not build.
                program::choose(Profile::of(rest, Profile::Release).folder());
                (task.run)(rest)
            }
            None => {
                Err(Error::invalid(format!("{name}: no such task; `cargo dev help` lists them")))
            }
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo dev: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage(_: &[String]) -> Result<()> {
    println!("cargo dev <task>");
    for task in TASKS {
        println!("  {:12} {}", task.name, task.about);
    }
    Ok(())
}
