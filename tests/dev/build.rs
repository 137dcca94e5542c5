//! The build: what runs beside a user is dynamic, what runs beside or in each container is static and
//! not position-independent, so that a hundred copies share their pages (relocations would be private
//! memory of each). The static ones have a target folder of their own, since their flags would
//! otherwise rebuild everything; all end up in one folder, where each program looks for its helpers.

use crate::step;
use harness::program;
use shared::error::{Context, Error, Result};
use std::path::PathBuf;
use std::process::Command;

/// Packages of programs for the host.
const HOST: [&str; 2] = ["daemon", "console"];
/// The suites' own programs: tests run on what is quick to build unless asked otherwise.
const SUITES: &str = "tests";
/// Static programs: package and name.
const STATIC: [(&str, &str); 4] = [
    ("coffer-shim", "coffer-shim"),
    ("coffer-shim", "coffer-init"),
    ("runtime", "coffer-runtime"),
    ("probe", "probe"),
];

/// How much time a build may take for how fast a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// What is installed and measured: each program optimised as a whole.
    Dist,
    /// cargo's `release` profile: optimised crate by crate.
    Release,
    /// cargo's `dev` profile.
    Debug,
}

impl Profile {
    /// What `--debug`, `--release` or `--dist` among the arguments says, else the task's own.
    pub fn of(arguments: &[String], own: Self) -> Self {
        let asked =
            [("--debug", Self::Debug), ("--release", Self::Release), ("--dist", Self::Dist)];
        let asked = asked.into_iter().find(|(flag, _)| step::has(arguments, flag));
        asked.map_or(own, |(_, profile)| profile)
    }

    /// What cargo is told.
    pub fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Dist => &["--profile", "dist"],
            Self::Release => &["--release"],
            Self::Debug => &[],
        }
    }

    /// Where its programs are.
    pub fn folder(self) -> PathBuf {
        step::target().join(match self {
            Self::Dist => "dist",
            Self::Release => "release",
            Self::Debug => "debug",
        })
    }
}

/// The task.
pub fn run(arguments: &[String]) -> Result<()> {
    let profile = Profile::of(arguments, Profile::Release);
    build(profile)?;
    eprintln!("built into {}", profile.folder().display());
    Ok(())
}

/// Builds everything.
pub fn build(profile: Profile) -> Result<()> {
    program::choose(profile.folder());
    compiler()?;
    let mut host = step::cargo(&["build", "--locked"]);
    host.args(profile.flags());
    let suites = (profile == Profile::Debug).then_some(SUITES);
    for package in HOST.into_iter().chain(suites) {
        host.args(["--package", package]);
    }
    step::run(host)?;

    let triple = triple()?;
    let folder = step::target().join("static");
    let mut fixed = step::cargo(&["build", "--locked", "--target", &triple, "--target-dir"]);
    fixed.arg(&folder).args(profile.flags());
    let mut packages: Vec<_> = STATIC.iter().map(|(package, _)| *package).collect();
    packages.dedup();
    for package in packages {
        fixed.args(["--package", package]);
    }
    fixed.env("RUSTFLAGS", "-C target-feature=+crt-static -C relocation-model=static");
    step::run(fixed)?;

    place(profile)
}

/// Puts the static programs beside the host's and, for the suites, into a folder of their own: a run of
/// all tests makes cargo put dynamic ones of the same names beside the host's.
pub fn place(profile: Profile) -> Result<()> {
    let host = profile.folder();
    let from = step::target().join("static").join(triple()?);
    let from = from.join(host.file_name().unwrap_or_default());
    for to in [host.join(program::STATIC), host] {
        std::fs::create_dir_all(&to).with_context(|| format!("make {}", to.display()))?;
        for (_, name) in STATIC {
            // A running program cannot be written to, but its name can be given to another file.
            let (source, fresh) = (from.join(name), to.join(format!(".{name}.new")));
            let copied =
                std::fs::copy(&source, &fresh).and_then(|_| std::fs::rename(&fresh, to.join(name)));
            copied.with_context(|| format!("copy {} to {}", source.display(), to.display()))?;
        }
    }
    Ok(())
}

fn compiler() -> Result<()> {
    let found = Command::new("cc").arg("--version").output();
    if found.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    Err(Error::unavailable(
        "a C compiler and static libc are needed (Debian: apt-get install build-essential)",
    ))
}

/// The machine's own target, such as `x86_64-unknown-linux-gnu`.
fn triple() -> Result<String> {
    let compiler = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let output = Command::new(compiler).arg("-vV").output().context("run rustc -vV")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| Error::internal("rustc -vV names no host"))
}
