//! How fast keys are answered and what the console costs. Asserted loosely, since any build and any busy
//! machine runs this; `--nocapture` prints the figures for the performance notes.

use super::fake::Fake;
use super::screen::Console;
use harness::wait;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

fn kilobytes(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).expect("a figure").parse().expect("a number")
}

/// CPU time used so far, user and system.
fn cpu(pid: i32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("its figures");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks: u64 =
        fields[11].parse::<u64>().expect("user") + fields[12].parse::<u64>().expect("system");
    // 100 ticks a second on every Linux.
    Duration::from_millis(ticks * 10)
}

/// Share of one processor that a process uses, in per cent, over so many seconds.
fn share(pid: i32, seconds: u64) -> f64 {
    let (from, begin) = (cpu(pid), Instant::now());
    let end = begin + Duration::from_secs(seconds);
    wait::until("the time has passed", wait::LIMIT, || (Instant::now() > end).then_some(()));
    (cpu(pid) - from).as_secs_f64() / begin.elapsed().as_secs_f64() * 100.0
}

/// Median and 95th of a hundred.
fn quantiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 95 / 100])
}

/// A key, and what is on the screen once it has acted.
type Key = (&'static str, fn(&Console) -> bool);

/// How long it takes from a key to what it leads to, again and again.
fn answers(console: &mut Console, keys: &[Key]) -> Vec<Duration> {
    let mut times = Vec::new();
    for (key, done) in keys.iter().cycle().take(60) {
        let begin = Instant::now();
        console.terminal.send(key);
        while !done(console) {
            assert!(begin.elapsed() < wait::LIMIT, "no answer to {key} on\n{}", console.text());
            std::thread::sleep(Duration::from_micros(200));
        }
        times.push(begin.elapsed());
        // The rate of a key that is held.
        std::thread::sleep(Duration::from_millis(7));
    }
    times
}

fn first_bytes(console: &mut Console) -> Vec<Duration> {
    let mut times = Vec::new();
    for turn in 0..60 {
        let before = console.terminal.seen_after(0).len();
        let begin = Instant::now();
        console.terminal.send(if turn % 8 < 6 { "j" } else { "k" });
        while console.terminal.seen_after(before).is_empty() {
            assert!(begin.elapsed() < wait::LIMIT, "no answer to a key");
            std::thread::sleep(Duration::from_micros(200));
        }
        times.push(begin.elapsed());
        std::thread::sleep(Duration::from_millis(7));
    }
    times
}

fn measure(count: usize, rows: u16, columns: u16) -> (u64, Duration) {
    let fake = Fake::start(count);
    let mut console = Console::open(&fake, rows, columns);
    let pid = console.terminal.pid();
    let (p50, p95) = quantiles(first_bytes(&mut console));
    let share = share(pid, 5);
    let memory = kilobytes(pid);
    println!(
        "{count} containers at {columns}x{rows}: key to byte p50 {p50:?} p95 {p95:?}, idle CPU {share:.2} %, RSS {memory} kB"
    );
    (memory, p50)
}

#[test]
fn small_and_quick() {
    for (count, rows, columns, most) in [(200, 24, 80, 40_000), (1_000, 50, 160, 80_000)] {
        let (memory, p50) = measure(count, rows, columns);
        assert!(memory < most, "{memory} kB");
        assert!(p50 < Duration::from_secs(1), "{p50:?}");
    }
}

fn has_times(console: &Console) -> bool {
    console.text().contains("02:41:38.500")
}

#[test]
fn five_thousand_lines_a_second_hide_no_key() {
    let fake = Fake::start(1_000);
    fake.conduct.lines.store(5_000, Ordering::Relaxed);
    let mut console = Console::open(&fake, 50, 160);
    console.terminal.send("l");
    console.until("the log is full", |screen| screen.contains("older ones dropped here"));
    let times = answers(&mut console, &[("T", has_times), ("T", |c| !has_times(c))]);
    let (p50, p95) = quantiles(times);
    let pid = console.terminal.pid();
    let (share, memory) = (share(pid, 3), kilobytes(pid));
    println!(
        "5,000 lines a second: key to effect p50 {p50:?} p95 {p95:?}, CPU {share:.1} %, RSS {memory} kB"
    );
    assert!(p50 < Duration::from_secs(1) && memory < 80_000, "{p50:?} {memory} kB");
    // What is frozen stands still, whatever comes.
    console.terminal.send("f");
    console.until("it is frozen", |screen| screen.contains("frozen"));
    console.terminal.send("q");
    console.until("the list has the keys", |screen| !screen.contains("> next"));
}

#[test]
fn a_storm_of_events_hides_no_key() {
    let fake = Fake::start(1_000);
    fake.conduct.events.store(5_000, Ordering::Relaxed);
    let mut console = Console::open(&fake, 50, 160);
    console.terminal.send("2");
    // Only the last are kept.
    console.until("the list is full", |screen| screen.contains("5000 events"));
    let frozen = |c: &Console| c.text().contains("frozen");
    let times = answers(&mut console, &[("f", frozen), ("f", |c| c.text().contains("following"))]);
    let (p50, p95) = quantiles(times);
    let pid = console.terminal.pid();
    let (share, memory) = (share(pid, 3), kilobytes(pid));
    println!(
        "5,000 events a second: key to effect p50 {p50:?} p95 {p95:?}, CPU {share:.1} %, RSS {memory} kB"
    );
    assert!(p50 < Duration::from_secs(1) && memory < 80_000, "{p50:?} {memory} kB");
}
