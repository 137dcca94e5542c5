//! Foreign programs that some tests compare with. None is needed: a test without its program is a
//! visible skip.

use crate::step;
use harness::program;
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

/// Gets what is missing by apt, without starting any service. What apt does not have stays missing: its
/// tests are skipped.
pub fn install() {
    let missing = missing();
    let mut packages: Vec<_> = WANTED
        .iter()
        .filter(|(name, _)| missing.contains(name))
        .map(|(_, package)| *package)
        .collect();
    packages.dedup();
    if packages.is_empty() {
        return;
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.arg("-q").args(arguments);
        command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
        if let Err(error) = step::run(command) {
            eprintln!("{error}");
        }
    };
    apt(&["update"]);
    for package in packages {
        apt(&["install", "--yes", "--no-install-recommends", package]);
    }
}
