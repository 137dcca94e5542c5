//! How fast keys are answered and what the console costs. Asserted loosely, since any build and any busy
//! machine runs this; `--nocapture` prints the figures for the performance notes.

use super::fake::Fake;
use super::screen::Console;
use harness::wait;
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

fn measure(count: usize, rows: u16, columns: u16) -> (u64, Duration, Duration) {
    let fake = Fake::start(count);
    let mut console = Console::open(&fake, rows, columns);
    let pid = console.terminal.pid();
    let mut times = Vec::new();
    for turn in 0..60 {
        let before = console.terminal.seen().len();
        let begin = Instant::now();
        console.terminal.send(if turn % 8 < 6 { "j" } else { "k" });
        while console.terminal.seen().len() == before {
            assert!(begin.elapsed() < wait::LIMIT, "no answer to a key");
            std::thread::sleep(Duration::from_micros(200));
        }
        times.push(begin.elapsed());
        std::thread::sleep(Duration::from_millis(7));
    }
    times.sort();
    let (from, begin) = (cpu(pid), Instant::now());
    wait::until("five seconds have passed", wait::LIMIT, || {
        (begin.elapsed() > Duration::from_secs(5)).then_some(())
    });
    let share = (cpu(pid) - from).as_secs_f64() / begin.elapsed().as_secs_f64() * 100.0;
    let (p50, p95) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    let memory = kilobytes(pid);
    println!(
        "{count} containers at {columns}x{rows}: key to byte p50 {p50:?} p95 {p95:?}, idle CPU {share:.2} %, RSS {memory} kB"
    );
    (memory, p50, p95)
}

#[test]
fn small_and_quick() {
    let (memory, p50, _) = measure(200, 24, 80);
    assert!(memory < 40_000, "{memory} kB");
    assert!(p50 < Duration::from_secs(1), "{p50:?}");
    measure(1_000, 50, 160);
}
