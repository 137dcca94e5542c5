//! `cargo dev up`: a private daemon with demo containers, and the console on it (a report where there is
//! no terminal). Nothing of it is left when it ends: a guard, a process of its own that outlives a
//! ctrl-c and a `kill -9` of this one, cleans up.

use crate::build::{self, Profile};
use crate::{report, step};
use harness::docker::Docker;
use harness::engine::{Engine, Flavour};
use harness::remains::Remains;
use harness::{image, program};
use shared::error::{Context, Error, Result};
use std::io::{IsTerminal, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// The hidden task that the guard runs.
pub const GUARD: &str = "up-guard";

/// Name, flags, and command of each demo container.
const DEMO: &[(&str, &[&str], &[&str])] = &[
    ("web", &["-m", "64m", "--health-cmd", "true", "--health-interval", "5s"], &["http", "8080"]),
    ("counter", &["--log-opt", "max-size=1m"], &["log", "1000000", "60", "2"]),
    ("spinner", &["--cpus", "0.2"], &["spin"]),
    ("memory", &["-m", "64m", "--oom-score-adj", "300"], &["alloc", "52", "hold"]),
    ("idle", &["--read-only", "--pids-limit", "20"], &["hold"]),
    ("flaky", &["--restart", "on-failure:20"], &["sh", "-c", "sleep 2; exit 1"]),
    ("done", &[], &["sh", "-c", "echo finished; exit 3"]),
];

/// The task: `--debug` for a quick build, `--report` for a report even on a terminal, `--no-build`.
pub fn run(arguments: &[String]) -> Result<()> {
    if !program::is_root() {
        return Err(Error::forbidden("containers need root: run `sudo -E cargo dev up`"));
    }
    if !step::has(arguments, "--no-build") {
        build::build(Profile::of(arguments, Profile::Release))?;
    }
    let engine = Engine::start(Flavour::Real, &[]);
    let mut guard = start_guard(&engine.remains())?;
    let done = show(&engine, step::has(arguments, "--report"));
    drop(engine);
    // The guard sees its standard input end, finds nothing left to do and ends too.
    drop(guard.stdin.take());
    guard.wait().context("wait for the guard")?;
    done
}

fn show(engine: &Engine, report_wanted: bool) -> Result<()> {
    let coffer = engine.coffer();
    let archive = engine.sandbox().join("probe.tar");
    let bytes = image::Image::probe(&[image::PROBE, "demo:latest"]).docker_archive();
    std::fs::write(&archive, bytes).with_context(|| format!("write {}", archive.display()))?;
    call(&coffer, &["load", "--input", &archive.to_string_lossy()])?;
    for (name, flags, command) in DEMO {
        let head = ["run", "--detach", "--name", name];
        let words: Vec<_> = [&head[..], flags, &["demo"], command].concat();
        call(&coffer, &words)?;
    }
    if report_wanted || !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return report::print(engine);
    }
    let mut console = Command::new(program::built("coffer"));
    console.arg("-H").arg(format!("unix://{}", engine.socket().display()));
    step::run(console)
}

fn call(coffer: &Docker, words: &[&str]) -> Result<()> {
    let output = coffer.run(words);
    match output.status {
        0 => Ok(()),
        status => {
            let words = words.join(" ");
            Err(Error::internal(format!(
                "coffer {words} ended with {status}: {}",
                output.err.trim()
            )))
        }
    }
}

fn start_guard(remains: &Remains) -> Result<Child> {
    let own = std::env::current_exe().context("find the running program")?;
    let daemon = remains.daemon.unwrap_or_default().to_string();
    let mut command = Command::new(own);
    // Its arguments do not name the sandbox: what does is taken for a part of the engine.
    let socket = remains.socket.file_name().unwrap_or_default();
    command.arg(GUARD).arg(daemon).arg(socket).current_dir(&remains.folder);
    // Not in the terminal's foreground group: a ctrl-c is not for the guard.
    command.process_group(0).stdin(Stdio::piped());
    command.spawn().context("start the guard")
}

/// The guard: waits until nobody holds the other end of its standard input.
pub fn guard(arguments: &[String]) -> Result<()> {
    let [daemon, socket] = arguments else {
        return Err(Error::invalid("the guard is started by `cargo dev up`"));
    };
    let folder = std::env::current_dir().context("find the sandbox")?;
    // Its folder may go while it waits; `/` cannot.
    std::env::set_current_dir("/").context("leave the sandbox")?;
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest).context("wait for the parent's end")?;
    if !folder.exists() {
        return Ok(());
    }
    let daemon = daemon.parse().ok().filter(|pid| *pid != 0);
    Remains { folder: folder.clone(), socket: folder.join(socket), daemon }.clean();
    std::fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))
}
