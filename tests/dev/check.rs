//! What must hold before a change is handed in: quick to say no, cheapest first.

use crate::build::{self, Profile};
use crate::{step, test};
use harness::program;
use shared::error::Result;

/// The task.
pub fn run(arguments: &[String]) -> Result<()> {
    step::run(step::cargo(&["fmt", "--all", "--", "--check"]))?;
    let mut clippy = step::cargo(&["clippy", "--locked", "--workspace", "--all-targets"]);
    clippy.args(["--", "-D", "warnings"]);
    step::run(clippy)?;
    let mut documentation =
        step::cargo(&["doc", "--locked", "--workspace", "--no-deps", "--quiet"]);
    documentation.env("RUSTDOCFLAGS", "-D warnings");
    step::run(documentation)?;
    match program::foreign("cargo-deny") {
        Some(_) => {
            let config = step::workspace().join(".cargo/deny.toml");
            let mut deny = step::cargo(&["deny", "check", "--config"]);
            deny.arg(config);
            step::run(deny)?;
        }
        None => eprintln!("skipped: cargo deny is not installed"),
    }
    let profile = Profile::of(arguments, Profile::Debug);
    build::build(profile)?;
    step::run(test::tests(profile, &["--workspace", "--lib", "--bins"], &[]))?;
    let suites = ["--package", "tests", "--test", "tidy", "--test", "contract"];
    step::run(test::tests(profile, &suites, &[]))
}
