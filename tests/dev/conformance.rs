//! Public OCI runtime suites against `coffer-runtime`. The kit that fetches and builds them is a
//! program of its own, named by `--kit`; this task gives it our runtime and passes its verdict on.

use crate::build::{self, Profile};
use crate::step;
use shared::error::{Error, Result};
use std::process::Command;

/// The task: `--kit PROGRAM`, `--runtime PATH` for another runtime; the rest goes to the kit.
pub fn run(arguments: &[String]) -> Result<()> {
    let Some(kit) = step::value(arguments, "--kit") else {
        return Err(Error::invalid(
            "--kit PROGRAM is needed: what runs the suites against --runtime PATH",
        ));
    };
    build::build(Profile::Dist)?;
    let own = Profile::Dist.folder().join("coffer-runtime");
    let mut command = Command::new(kit);
    command.arg("--runtime").arg(step::value(arguments, "--runtime").map_or(own, Into::into));
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--kit" | "--runtime" => {
                rest.next();
            }
            _ => {
                command.arg(argument);
            }
        }
    }
    step::run(command)
}
