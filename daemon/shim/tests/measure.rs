//! Figures, not verdicts: memory of many shims while they log, throughput of logs and attach, the time
//! of a whole life. Run by hand, on a quiet machine, against a static release build:
//!
//! ```text
//! RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" cargo test --release \
//!     --target x86_64-unknown-linux-gnu -p coffer-shim --test measure -- --ignored --nocapture --test-threads 1
//! ```

mod harness;

use harness::{Shim, possible};
use shared::frame::{HEADER, parse};
use shared::shim::*;
use std::fs::File;
use std::io::Read;
use std::time::Instant;

const STDOUT: Streams = Streams { stdin: false, stdout: true, stderr: true };
const MB: f64 = 1e6;

fn pss_kb(pid: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = text.lines().find(|line| line.starts_with("Pss:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Seconds of processor time that the shim itself has used, in steps of 10 ms.
fn cpu(shim: &Shim) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", shim.child.pid())).unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

fn end(mut shim: Shim) {
    shim.call(&Kill { process: "init".into(), signal: 9, all: true });
    shim.notice::<Exited>();
    shim.finish();
}

#[test]
#[ignore = "a measurement"]
fn memory_of_many() {
    if !possible(&Runtime::Embedded) {
        return;
    }
    let mut shims: Vec<Shim> = (0..20)
        .map(|_| {
            let mut shim = Shim::start("pss", &Runtime::Embedded);
            let script = "read x; yes 'a line of the usual length, eighty characters or so, as logs have' | head -n 1000; sleep 1000";
            shim.create(&["/bin/sh", "-c", script], Stdin::Open).unwrap();
            shim.begin().unwrap();
            shim
        })
        .collect();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let sum = |shims: &[Shim]| shims.iter().map(|shim| pss_kb(shim.child.pid())).sum::<u64>() / 20;
    println!("PSS of one of 20 idle shims: {} kB", sum(&shims));
    for shim in &mut shims {
        let only = Streams { stdin: true, stdout: false, stderr: false };
        let (_, mut fds) = shim.call(&Attach { process: "init".into(), streams: only });
        std::io::Write::write_all(&mut File::from(fds.pop().unwrap()), b"go\n").unwrap();
    }
    shims.iter().for_each(|shim| shim.until("1000 lines", |shim| shim.log().len() == 1000));
    println!("PSS of one of 20 after 1000 lines each: {} kB", sum(&shims));
    std::thread::sleep(std::time::Duration::from_millis(1500));
    println!("PSS of one of 20, quiet again: {} kB", sum(&shims));
    shims.into_iter().for_each(end);
}

fn log_speed(name: &str, script: &str, bytes: f64) {
    let mut shim = Shim::start("speed", &Runtime::Embedded);
    shim.log = Some((LogFormat::JsonFile, 20 << 20, 5, None));
    shim.create(&["/bin/sh", "-c", script], Stdin::Closed).unwrap();
    let began = Instant::now();
    shim.begin().unwrap();
    shim.notice::<Exited>();
    let speed = bytes / MB / began.elapsed().as_secs_f64();
    let own = bytes / MB / cpu(&shim);
    println!("log in, {name}: {speed:.0} MB/s; {own:.0} MB a second of the shim's own time");
    shim.finish();
}

#[test]
#[ignore = "a measurement"]
fn log_throughput() {
    if !possible(&Runtime::Embedded) {
        return;
    }
    for _ in 0..3 {
        let line = "a line of the usual length, one hundred characters or so, as the logs of real programs have it.....";
        let script = format!("yes '{line}' | head -n 4000000");
        log_speed("100 byte lines through yes | head", &script, 400e6);
        let script = format!(
            "yes '{line}' | head -c 64000000 > /tmp/x; cat /tmp/x /tmp/x /tmp/x /tmp/x /tmp/x"
        );
        log_speed("100 byte lines through cat", &script, 320e6);
        log_speed("zeros", "dd if=/dev/zero bs=64k count=2000", 131e6);
    }
}

#[test]
#[ignore = "a measurement"]
fn attach_throughput() {
    if !possible(&Runtime::Embedded) {
        return;
    }
    for logged in [false, false, false, true] {
        let mut shim = Shim::start("attach", &Runtime::Embedded);
        if !logged {
            shim.log = None;
        }
        let script = ["/bin/dd", "if=/dev/zero", "bs=64k", "count=32768"];
        let count = if logged { "count=2048" } else { script[3] };
        shim.create(&[script[0], script[1], script[2], count], Stdin::Closed).unwrap();
        let (_, mut fds) = shim.call(&Attach { process: "init".into(), streams: STDOUT });
        let mut stream = File::from(fds.pop().unwrap());
        let began = Instant::now();
        shim.begin().unwrap();
        let (mut bytes, mut frames, mut header) = (0usize, 0usize, [0; HEADER]);
        let mut buffer = vec![0; 1 << 20];
        while stream.read_exact(&mut header).is_ok() {
            let (_, length) = parse(&header).unwrap();
            stream.read_exact(&mut buffer[..length]).unwrap();
            bytes += length;
            frames += 1;
        }
        let speed = bytes as f64 / MB / began.elapsed().as_secs_f64();
        let own = bytes as f64 / MB / cpu(&shim);
        println!("attach, log {logged}: {speed:.0} MB/s, {} bytes a frame", bytes / frames);
        println!("attach, log {logged}: {own:.0} MB a second of the shim's own time");
        shim.notice::<Exited>();
        shim.finish();
    }
}

#[test]
#[ignore = "a measurement"]
fn life_latency() {
    if !possible(&Runtime::Embedded) {
        return;
    }
    let mut times = Vec::new();
    for _ in 0..30 {
        let began = Instant::now();
        let mut shim = Shim::start("latency", &Runtime::Embedded);
        let started = began.elapsed();
        shim.create(&["/bin/true"], Stdin::Closed).unwrap();
        let created = began.elapsed();
        shim.begin().unwrap();
        shim.notice::<Exited>();
        let exited = began.elapsed();
        shim.finish();
        times.push((exited, started, created, began.elapsed()));
    }
    times.sort();
    println!("median: exit seen, shim greeted, created, all gone: {:?}", times[times.len() / 2]);
}
