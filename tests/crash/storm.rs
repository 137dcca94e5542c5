//! Kills at random instants under a load of clients. `COFFER_CRASH_KILLS` sets how many (20).

use crate::ledger::{Entry, Step};
use crate::{body, engine, finish, inspect, numbers};
use harness::engine::Engine;
use harness::http::Client;
use harness::{leak, wait};
use serde_json::json;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CLIENTS: u64 = 3;

fn step(client: &Client, method: &str, path: &str, good: &[u16]) -> (Step, u16) {
    match client.try_call(method, path, None) {
        Ok(answer) if good.contains(&answer.status) => (Step::Done, answer.status),
        Ok(answer) => panic!("{method} {path}: {} {}", answer.status, answer.text()),
        Err(_) => (Step::Unknown, 0),
    }
}

/// One life: create, start, sometimes wait and remove, each written down.
fn live(client: &Client, number: u64, starts: &AtomicU64) -> Entry {
    let mut entry = Entry::plan(number);
    let path = format!("/containers/create?name={}", entry.name);
    entry.created = match client.try_call(
        "POST",
        &path,
        Some(&body(&["sh", "-c", &entry.command()], json!({}))),
    ) {
        Ok(answer) if answer.status == 201 => Step::Done,
        Ok(answer) => panic!("create {}: {} {}", entry.name, answer.status, answer.text()),
        Err(_) => Step::Unknown,
    };
    if entry.created != Step::Done {
        return entry;
    }
    let base = format!("/containers/{}", entry.name);
    entry.started = step(client, "POST", &format!("{base}/start"), &[204]).0;
    starts.fetch_add(u64::from(entry.started == Step::Done), Ordering::Relaxed);
    if entry.started == Step::Done && number.is_multiple_of(3) {
        let waited = client.try_call("POST", &format!("{base}/wait"), None);
        if let Ok(answer) = waited
            && answer.status == 200
            && !answer.bytes.is_empty()
        {
            assert_eq!(answer.json()["StatusCode"], entry.code, "{}", entry.name);
            entry.removed = step(client, "DELETE", &base, &[204]).0;
        }
    }
    entry
}

fn verify(engine: &Engine, entry: &Entry) {
    let client = engine.client();
    let seen = client.get(&format!("/containers/{}/json", entry.name));
    if entry.removed == Step::Done {
        assert_eq!(seen.status, 404, "{entry:?} is back");
        return;
    }
    if seen.status == 404 {
        let may = entry.created != Step::Done || entry.removed == Step::Unknown;
        assert!(may, "{entry:?} is lost");
        return;
    }
    let id = seen.expect(200).json()["Id"].as_str().expect("an id").to_owned();
    let state = wait::until("it has ended, or never began", wait::LIMIT, || {
        let state = inspect(engine, &id)["State"].clone();
        (state["Status"] != "running").then_some(state)
    });
    match state["Status"].as_str() {
        Some("exited") => {
            assert_eq!(state["ExitCode"], entry.code, "{entry:?} {state}");
            let seen = numbers(engine, &id);
            assert!(seen.iter().copied().eq(1..=entry.lines), "{entry:?}: {} lines", seen.len());
        }
        Some("created") => {
            assert_ne!(entry.started, Step::Done, "{entry:?} was acknowledged: {state}")
        }
        other => panic!("{entry:?}: {other:?}"),
    }
}

#[test]
fn kills_under_load_lose_nothing() {
    let Some((mut engine, before)) = engine() else { return };
    let kills: u32 =
        std::env::var("COFFER_CRASH_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let (stop, next, ledger) = (AtomicBool::new(false), AtomicU64::new(1), Mutex::new(Vec::new()));
    let (mut slowest, starts) = (Duration::ZERO, AtomicU64::new(0));
    std::thread::scope(|scope| {
        let client = engine.client();
        for _ in 0..CLIENTS {
            let client = client.clone();
            let (stop, next, ledger, starts) = (&stop, &next, &ledger, &starts);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let entry = live(&client, next.fetch_add(1, Ordering::Relaxed), starts);
                    if entry.created != Step::Done {
                        // The daemon is away: do not spin.
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    ledger.lock().expect("the ledger").push(entry);
                }
            });
        }
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let storm = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..kills {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                // A random instant, but not before something was promised that could be broken.
                let known = starts.load(Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20 + seed % 400));
                wait::until_true("a start is acknowledged", || {
                    starts.load(Ordering::Relaxed) > known
                });
                engine.kill();
                let begin = Instant::now();
                engine.launch();
                slowest = slowest.max(begin.elapsed());
            }
        }));
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = storm {
            std::panic::resume_unwind(panic);
        }
    });
    let ledger = ledger.into_inner().expect("the ledger");
    let made = ledger.iter().filter(|entry| entry.created == Step::Done).count();
    let acknowledged = ledger.iter().filter(|entry| entry.started == Step::Done).count();
    eprintln!(
        "{kills} kills, {made} containers made, {acknowledged} starts acknowledged, ready again within {slowest:?}"
    );
    for entry in &ledger {
        verify(&engine, entry);
    }
    let left = leak::processes(engine.sandbox().name());
    eprintln!("{} processes before the end", left.len());
    finish(&engine, &before);
}
