//! What both versions must do alike, tried on whichever hierarchies this machine has: on a hybrid one
//! both. Needs root; says so where it is skipped.

use super::{
    Access, Cgroup, Depth, DeviceKind, DeviceRule, Freeze, Hierarchy, Layout, Limits, Version,
};
use crate::error::Kind;
use crate::kernel::process::{Ending, Process};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The layouts to try: the machine's own, and a hybrid one's version 2 hierarchy alone.
fn layouts() -> Vec<Layout> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: control groups need root");
        return Vec::new();
    }
    let Ok(own) = Layout::detect() else {
        eprintln!("skipped: no control groups are mounted");
        return Vec::new();
    };
    let second = own.unified.clone().map(|unified: Hierarchy| Layout {
        version: Version::V2,
        hierarchies: vec![unified],
        unified: None,
    });
    std::iter::once(own).chain(second).collect()
}

/// A group of its own for each test and layout; killed and removed at the end.
struct Scene(Box<dyn Cgroup>);

impl Scene {
    fn new(layout: &Layout, name: &str) -> Self {
        let path = format!("/coffer-contract-{name}-{}", std::process::id());
        let group = layout.group(&path).unwrap();
        group.create().unwrap();
        Self(group)
    }

    fn child(&self, program: &str, argument: &str) -> Child {
        let mut command = Command::new(program);
        let child = command.arg(argument).stdout(Stdio::null()).spawn().unwrap();
        self.0.attach(child.id() as i32).unwrap();
        child
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let killed = self.0.kill(libc::SIGKILL);
        let removed = self.0.remove();
        if !std::thread::panicking() {
            killed.unwrap();
            removed.unwrap();
            let left: Vec<_> = self.0.folders().into_iter().filter(|(_, f)| f.exists()).collect();
            assert!(left.is_empty(), "left behind: {left:?}");
        }
    }
}

#[test]
fn members_come_and_are_killed() {
    for layout in layouts() {
        let scene = Scene::new(&layout, "kill");
        scene.0.create().unwrap();
        let mut child = scene.child("sleep", "600");
        assert_eq!(scene.0.processes().unwrap(), [child.id() as i32]);
        scene.0.kill(libc::SIGKILL).unwrap();
        let ending = Process::open(child.id() as i32).unwrap().wait().unwrap();
        assert_eq!(ending, Ending::Signal(9), "{:?}", layout.version);
        let _reaped = child.try_wait();
        assert_eq!(scene.0.oom_kills().unwrap(), 0);
    }
}

#[test]
fn a_frozen_group_does_not_run() {
    for layout in layouts() {
        if layout.version == Version::V1 && layout.group("/").unwrap().folder("freezer").is_none() {
            continue;
        }
        let scene = Scene::new(&layout, "freeze");
        let mut child = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        scene.0.attach(child.id() as i32).unwrap();
        let ticks = || cpu_ticks(child.id());
        until("it runs", || ticks() > 0);
        scene.0.freeze(Freeze::Frozen).unwrap();
        assert!(scene.0.frozen().unwrap());
        let before = ticks();
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(ticks(), before, "it ran although frozen: {:?}", layout.version);
        scene.0.freeze(Freeze::Thawed).unwrap();
        assert!(!scene.0.frozen().unwrap());
        until("it runs again", || ticks() > before);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// User time of a process, in clock ticks.
fn cpu_ticks(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    text.rsplit(')').next().unwrap().split_ascii_whitespace().nth(11).unwrap().parse().unwrap()
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn work_is_counted() {
    for layout in layouts() {
        let scene = Scene::new(&layout, "count");
        let mut child = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        scene.0.attach(child.id() as i32).unwrap();
        let end = Instant::now() + Duration::from_secs(10);
        // A version 2 hierarchy counts CPU time even without its controller.
        while scene.0.statistics(Depth::Full).unwrap().cpu.usage_nanos < 1_000_000 {
            assert!(Instant::now() < end, "no CPU time is counted: {:?}", layout.version);
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn limits_are_kept() {
    for layout in layouts() {
        let scene = Scene::new(&layout, "limit");
        let limits = Limits { pids: Some(7), ..Limits::default() };
        match scene.0.apply(&limits) {
            Ok(_) => assert_eq!(scene.0.statistics(Depth::Full).unwrap().pids.limit, Some(7)),
            // The controller is in the other hierarchy of a hybrid machine.
            Err(error) => assert_eq!(error.kind(), Kind::Unavailable, "{error}"),
        }
    }
}

#[test]
fn devices_are_denied() {
    let rule = |allow, major: Option<u32>, minor: Option<u32>| DeviceRule {
        allow,
        kind: if major.is_some() { DeviceKind::Character } else { DeviceKind::All },
        major,
        minor,
        access: Access::ALL,
    };
    for layout in layouts() {
        let scene = Scene::new(&layout, "device");
        // Twice, since an update replaces what is in force.
        for allowed in [5, 3] {
            let devices = vec![rule(false, None, None), rule(true, Some(1), Some(allowed))];
            scene.0.apply(&Limits { devices, ..Limits::default() }).unwrap();
        }
        let script = "read -r go; true < /dev/null || exit 2; true 2>/dev/null < /dev/zero && exit 3; exit 0";
        let mut command = Command::new("sh");
        let mut child = command.args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap();
        scene.0.attach(child.id() as i32).unwrap();
        drop(child.stdin.take());
        let code = child.wait().unwrap().code();
        assert_eq!(code, Some(0), "{:?}", layout.version);
    }
}

#[test]
fn removal_takes_what_is_below() {
    for layout in layouts() {
        let scene = Scene::new(&layout, "below");
        let below = scene.0.below(&[], "inner").unwrap();
        below.create().unwrap();
        assert!(below.folders().iter().all(|(_, folder)| folder.exists()));
        scene.0.remove().unwrap();
        scene.0.remove().unwrap();
        let gone = scene.0.statistics(Depth::Short);
        assert_eq!(gone.unwrap_err().kind(), Kind::NotFound, "{:?}", layout.version);
        assert!(scene.0.processes().unwrap().is_empty());
    }
}
