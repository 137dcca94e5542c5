//! Death at a named point. A point is something that can be seen from outside (a file, a process, a
//! folder that goes): a watcher looks for it without pause and kills the daemon the moment it is there.

use crate::{create, engine, finish, run};
use harness::engine::Engine;
use harness::remains::signal;
use harness::{leak, wait};
use nix::sys::signal::Signal;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Tries at a point: some last for a moment only, and a busy machine may miss them.
const TRIES: u32 = 8;
/// How long after its cause, which was answered, a point may come.
const AFTER: Duration = Duration::from_secs(5);

/// Kills the daemon as soon as `point` holds while `action` goes on, or soon after; then starts it
/// again. True when the point was met.
pub fn killed_at(
    engine: &mut Engine,
    point: impl Fn() -> bool + Sync,
    action: impl FnOnce(&Engine),
) -> bool {
    let pid = engine.pid().expect("a running daemon");
    let (done, met) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut answered = None;
            while answered.is_none_or(|at: Instant| at.elapsed() < AFTER) {
                if answered.is_none() && done.load(Ordering::Relaxed) {
                    answered = Some(Instant::now());
                }
                if point() {
                    signal(pid, Signal::SIGKILL);
                    met.store(true, Ordering::Relaxed);
                    return;
                }
                std::hint::spin_loop();
            }
        });
        action(engine);
        done.store(true, Ordering::Relaxed);
    });
    engine.kill();
    engine.launch();
    met.load(Ordering::Relaxed)
}

/// Repeats `trial`, which says whether its point was met, until it was.
fn until_met(name: &str, mut trial: impl FnMut() -> bool) {
    let met = (1..=TRIES).find(|_| trial());
    let Some(tries) = met else { panic!("{name}: not met in {TRIES} tries") };
    eprintln!("killed when {name} (try {tries})");
}

fn any_entry(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Whatever state it is in: it can be inspected, removed, and its name used again.
fn usable(engine: &Engine, name: &str) {
    let client = engine.client();
    let seen = client.get(&format!("/containers/{name}/json"));
    if seen.status == 200 {
        let status = seen.json()["State"]["Status"].as_str().unwrap_or_default().to_owned();
        assert!(["created", "running", "exited"].contains(&status.as_str()), "{status}");
        if status == "running" {
            let pid = seen.json()["State"]["Pid"].as_u64().unwrap_or_default() as u32;
            assert!(leak::runs(pid), "said to run, but process {pid} does not");
        }
        if status != "running" {
            client.post(&format!("/containers/{name}/start")).expect(204);
        }
        client.delete(&format!("/containers/{name}?force=1")).expect(204);
    }
    let id = run(engine, name, &["sh", "-c", "exit 5"], json!({}));
    let ended = client.post(&format!("/containers/{id}/wait")).expect(200).json();
    assert_eq!(ended["StatusCode"], 5);
}

type Point = (&'static str, fn(&Paths) -> bool);

struct Paths {
    bundle: PathBuf,
    container: PathBuf,
    cgroup: PathBuf,
    trash: PathBuf,
}

fn paths(engine: &Engine, id: &str) -> Paths {
    let first = Path::new("/sys/fs/cgroup/memory").is_dir();
    let group = format!("{}{}/{id}", if first { "memory/" } else { "" }, engine.sandbox().name());
    Paths {
        bundle: engine.exec_root().join(id),
        container: engine.data_root().join("containers").join(id),
        cgroup: Path::new("/sys/fs/cgroup").join(group),
        trash: engine.data_root().join("trash"),
    }
}

const START: &[Point] = &[
    ("the bundle is made", |paths| paths.bundle.exists()),
    ("the shim listens", |paths| paths.bundle.join("shim.sock").exists()),
    ("the cgroup is made", |paths| paths.cgroup.exists()),
    ("the log is opened", |paths| any_entry(&paths.container)),
];

#[test]
fn of_start() {
    let Some((mut engine, before)) = engine() else { return };
    for (name, point) in START {
        until_met(name, || {
            let id = create(&engine, "subject", &["sleep", "1000"], json!({}));
            let paths = paths(&engine, &id);
            let start = format!("/containers/{id}/start");
            let met = killed_at(
                &mut engine,
                || point(&paths),
                |engine| drop(engine.client().try_call("POST", &start, None)),
            );
            usable(&engine, "subject");
            engine.remove_containers();
            met
        });
    }
    finish(&engine, &before);
}

const EXIT: &[Point] = &[
    ("the exit record is there", |paths| paths.bundle.join("exit/init").exists()),
    ("the cgroup is gone", |paths| !paths.cgroup.exists()),
    ("the bundle is gone", |paths| !paths.bundle.exists()),
];

#[test]
fn of_exit() {
    let Some((mut engine, before)) = engine() else { return };
    for (name, point) in EXIT {
        until_met(name, || {
            let id = run(&engine, "subject", &["trap", "USR1=6"], json!({}));
            let paths = paths(&engine, &id);
            wait::until_true("the program is ready", || {
                engine.client().get(&format!("/containers/{id}/logs?stdout=1")).bytes.len() > 8
            });
            let met = killed_at(
                &mut engine,
                || point(&paths),
                |engine| {
                    for request in ["kill?signal=USR1", "wait"] {
                        let path = format!("/containers/{id}/{request}");
                        let _ = engine.client().try_call("POST", &path, None);
                    }
                },
            );
            let ended = engine.client().post(&format!("/containers/{id}/wait")).expect(200).json();
            assert_eq!(ended["StatusCode"], 6, "{name}");
            usable(&engine, "subject");
            engine.remove_containers();
            met
        });
    }
    finish(&engine, &before);
}

const REMOVE: &[Point] = &[
    ("it was asked for", |_| true),
    ("something is in the trash", |paths| any_entry(&paths.trash)),
    ("its folder is gone", |paths| !paths.container.exists()),
    ("its bundle is gone", |paths| !paths.bundle.exists()),
];

#[test]
fn of_remove() {
    let Some((mut engine, before)) = engine() else { return };
    for (name, point) in REMOVE {
        until_met(name, || {
            let id = run(&engine, "subject", &["write", "/file", "3000000"], json!({}));
            let paths = paths(&engine, &id);
            let mut acknowledged = false;
            let met = killed_at(
                &mut engine,
                || point(&paths),
                |engine| {
                    let path = format!("/containers/{id}?force=1");
                    let answer = engine.client().try_call("DELETE", &path, None);
                    acknowledged = answer.is_ok_and(|answer| answer.status == 204);
                },
            );
            if acknowledged {
                engine.client().get(&format!("/containers/{id}/json")).expect(404);
            }
            usable(&engine, "subject");
            engine.remove_containers();
            met
        });
    }
    finish(&engine, &before);
}
