//! Memory, processor, processes, descriptors: what a container may take, and what happens beyond.

use crate::scene::{Scene, Verdict};
use harness::wait;

#[test]
fn a_killed_child_is_not_the_end() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("child", &["-m", "32m", "--memory-swap", "32m"], &["oomchild", "100"]);
    scene.said(&id, "child ended: signal: 9");
    assert_eq!(scene.inspect(&id, "/State/Running"), true);
    scene.ok(&["stop", &id]);
    scene.ok(&["rm", &id]);
}

#[test]
fn within_its_memory_it_lives() {
    let Some(scene) = Scene::new() else { return };
    let out = scene.run(&["-m", "64m"], &["alloc", "40"]).good();
    assert_eq!(out, "allocated 40 MiB\n");
}

#[test]
fn processes_are_limited() {
    let Some(scene) = Scene::new() else { return };
    let out = scene.run(&["--pids-limit", "8"], &["forks", "50"]).good();
    let started: u32 = out.split([' ', ',']).nth(1).and_then(|n| n.parse().ok()).expect("a number");
    assert!((5..8).contains(&started), "{out}");
}

#[test]
fn processor_time_is_limited() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("cpu", &["--cpus", "0.1"], &["spin"]);
    let pid = scene.inspect(&id, "/State/Pid").as_u64().expect("a pid");
    let ticks = || -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
        let fields: Vec<_> = stat.rsplit_once(") ").expect("a state").1.split(' ').collect();
        fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime")
    };
    let (before, begin) = (ticks(), std::time::Instant::now());
    std::thread::sleep(std::time::Duration::from_secs(2));
    let used = (ticks() - before) as f64 / 100.0 / begin.elapsed().as_secs_f64();
    assert!(used < 0.25, "{used:.2} processors, 0.1 were allowed");
    scene.ok(&["rm", "-f", &id]);
}

#[test]
fn ulimits_and_sysctls() {
    let Some(scene) = Scene::new() else { return };
    let limits =
        scene.run(&["--ulimit", "nofile=123:456", "--ulimit", "core=0"], &["limits"]).good();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
    assert!(line.contains("123") && line.contains("456"), "{line}");
    let out = scene.run(&["--sysctl", "kernel.msgmax=9000"], &["sysctl", "kernel.msgmax"]).good();
    assert_eq!(out, "9000\n");
    let out = scene.run(&["--oom-score-adj", "200"], &["cat", "/proc/self/oom_score_adj"]).good();
    assert_eq!(out, "200\n");
}

#[test]
fn update_acts_on_a_running_one() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("update", &["-m", "256m", "--memory-swap", "256m"], &["sleep", "1000"]);
    scene.ok(&["update", "-m", "48m", "--memory-swap", "48m", &id]);
    scene.docker.run(&["exec", &id, "alloc", "100"]).ended(137);
    scene.ok(&["rm", "-f", &id]);
}

#[test]
fn stats_say_what_is_used() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("stats", &["-m", "128m"], &["alloc", "40", "hold"]);
    scene.said(&id, "allocated");
    let format = "{{.Name}} {{.MemUsage}} {{.PIDs}}";
    let line = scene.ok(&["stats", "--no-stream", "--format", format, &id]);
    assert!(line.starts_with(&scene.name("stats")) && line.contains("/ 128MiB"), "{line}");
    let used: f64 = line
        .split(' ')
        .nth(1)
        .and_then(|word| word.trim_end_matches("MiB").parse().ok())
        .unwrap_or(0.0);
    assert!((40.0..60.0).contains(&used), "{line}");
    assert!(line.ends_with(" 1"), "{line}");
    let seen = scene.client.get(&format!("/containers/{id}/stats?stream=0")).expect(200).json();
    assert_eq!(seen["memory_stats"]["limit"], 128 << 20);
    assert!(seen["cpu_stats"]["cpu_usage"]["total_usage"].as_u64() > Some(0), "{seen}");
    scene.ok(&["rm", "-f", &id]);
}

#[test]
fn top_shows_its_processes() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("top", &[], &["sleep", "4321"]);
    let out = scene.ok(&["top", &id]);
    assert!(out.contains("sleep 4321") && out.contains("PID"), "{out}");
    let out = scene.ok(&["top", &id, "-o", "pid,args"]);
    assert!(out.contains("sleep 4321"), "{out}");
    wait::until_true("still there", || scene.inspect(&id, "/State/Running") == true);
    scene.ok(&["rm", "-f", &id]);
}

/// A file of a container's group: of the controller under version 1, or version 2's name.
fn group_file(scene: &Scene, id: &str, controller: &str, first: &str, second: &str) -> String {
    let tail = format!("{}/{id}", scene.engine.sandbox().name());
    let one = format!("/sys/fs/cgroup/{controller}/{tail}/{first}");
    let path = match std::path::Path::new(&one).exists() {
        true => one,
        false => format!("/sys/fs/cgroup/{tail}/{second}"),
    };
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}")).trim().to_owned()
}

#[test]
fn every_limit_reaches_the_kernel() {
    let Some(scene) = Scene::new() else { return };
    let memory = ["-m", "64m", "--memory-swap", "96m", "--memory-reservation", "32m"];
    let others =
        ["--cpus", "0.5", "--cpu-shares", "512", "--pids-limit", "77", "--cpuset-cpus", "0"];
    let disk = "/dev/loop0:1mb";
    let has_disk = std::path::Path::new("/sys/block/loop0").exists()
        && std::path::Path::new("/dev/loop0").exists();
    let disk = if has_disk { &["--device-write-bps", disk][..] } else { &[] };
    let flags = [&memory[..], &others, disk].concat();
    let id = scene.start("limits", &flags, &["sleep", "1000"]);
    let file = |controller, first, second| group_file(&scene, &id, controller, first, second);
    let second = std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    let either = |first: &str, other: &str| if second { other } else { first }.to_owned();
    assert_eq!(file("memory", "memory.limit_in_bytes", "memory.max"), (64 << 20).to_string());
    assert_eq!(
        file("memory", "memory.memsw.limit_in_bytes", "memory.swap.max"),
        either(&(96 << 20).to_string(), &(32 << 20).to_string())
    );
    assert_eq!(file("memory", "memory.soft_limit_in_bytes", "memory.low"), (32 << 20).to_string());
    assert_eq!(file("cpu", "cpu.cfs_quota_us", "cpu.max"), either("50000", "50000 100000"));
    assert_eq!(file("cpu", "cpu.shares", "cpu.weight"), either("512", "20"));
    assert_eq!(file("pids", "pids.max", "pids.max"), "77");
    assert_eq!(file("cpuset", "cpuset.cpus", "cpuset.cpus"), "0");
    if has_disk {
        let line = file("blkio", "blkio.throttle.write_bps_device", "io.max");
        assert!(line.contains("7:0") && line.contains("1048576"), "{line}");
    }
    scene.ok(&["rm", "-f", &id]);
}
