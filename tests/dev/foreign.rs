//! Foreign programs that some tests compare with. None is needed: a test without its program is a
//! visible skip.

use crate::step;
use harness::program;
use shared::error::{Error, Result};
use std::process::Command;

/// Program and Debian package.
const WANTED: [(&str, &str); 8] = [
    ("docker", "docker.io"),
    ("dockerd", "docker.io"),
    ("runc", "runc"),
    ("crun", "crun"),
    ("skopeo", "skopeo"),
    ("promtool", "prometheus"),
    ("tmux", "tmux"),
    ("strace", "strace"),
];

/// Says what is there and what its absence skips.
pub fn report() {
    let missing = missing();
    match missing.is_empty() {
        true => eprintln!("foreign programs: all there"),
        false => {
            eprintln!("foreign programs not found, their tests are skipped: {}", missing.join(" "))
        }
    }
}

fn missing() -> Vec<&'static str> {
    let absent = |name: &str| program::foreign(name).is_none();
    WANTED.iter().filter(|(name, _)| absent(name)).map(|(name, _)| *name).collect()
}

/// Gets what is missing by apt, without starting any service.
pub fn install() -> Result<()> {
    if program::foreign("apt-get").is_none() {
        return Err(Error::unavailable("--install needs apt-get"));
    }
    let missing = missing();
    let mut packages: Vec<_> = WANTED
        .iter()
        .filter(|(name, _)| missing.contains(name))
        .map(|(_, package)| *package)
        .collect();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    let mut update = Command::new("apt-get");
    update.args(["-q", "update"]);
    step::run(update)?;
    let mut get = Command::new("apt-get");
    get.args(["-q", "install", "--yes", "--no-install-recommends"]).args(&packages);
    get.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    step::run(get)
}
