//! What a program finds around itself in a container: signals, descriptors, the loopback interface, and
//! the files that everybody expects there. Against a real dockerd as well.

use crate::scene::{Scene, Verdict};
use harness::program;
use std::io::Read;
use std::process::Command;

/// A field of `/proc/self/status`.
fn field(status: &str, name: &str) -> String {
    let line = status.lines().find(|line| line.starts_with(&format!("{name}:")));
    let value = line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim());
    value.unwrap_or_else(|| panic!("no {name} in {status}")).to_owned()
}

#[test]
fn no_signal_is_ignored_or_blocked() {
    let Some(scene) = Scene::new() else { return };
    let held = scene.start("held", &[], &["hold"]);
    let status = ["cat", "/proc/self/status"];
    let ways = [
        ("run", scene.run(&[], &status).good()),
        ("run --init", scene.run(&["--init"], &status).good()),
        ("run --user", scene.run(&["--user", "1000"], &status).good()),
        ("exec", scene.ok(&["exec", &held, "cat", "/proc/self/status"])),
    ];
    for (way, status) in &ways {
        for name in ["SigIgn", "SigBlk", "ShdPnd"] {
            let set = u64::from_str_radix(&field(status, name), 16).expect("a set");
            // The probe itself ignores SIGPIPE, as every program in Rust.
            assert_eq!(set & !(1 << (libc::SIGPIPE - 1)), 0, "{name} by {way}");
        }
    }
    scene.ok(&["rm", "-f", &held]);
}

#[test]
fn an_init_hands_on_no_signal_that_it_ignores() {
    let mut init = Command::new(program::built("coffer-init"));
    let output = init.args(["--", "cat", "/proc/self/status"]).output().expect("run coffer-init");
    let status = String::from_utf8_lossy(&output.stdout);
    let set = |name| u64::from_str_radix(&field(&status, name), 16).expect("a set");
    // This program's own standard library ignores it.
    assert_eq!(set("SigIgn") & 1 << (libc::SIGPIPE - 1), 0, "{status}");
    assert_eq!(set("SigBlk"), 0, "{status}");
}

#[test]
fn standard_input_is_the_null_device_for_both_directions() {
    let Some(scene) = Scene::new() else { return };
    assert_eq!(scene.run(&[], &["readlink", "/proc/self/fd/0"]).good().trim(), "/dev/null");
    let info = scene.run(&[], &["cat", "/proc/self/fdinfo/0"]).good();
    let flags = u32::from_str_radix(&field(&info, "flags"), 8).expect("octal");
    assert_eq!(flags & 0o3, 0o2, "{info}");
}

#[test]
fn it_can_talk_to_itself() {
    let Some(scene) = Scene::new() else { return };
    // "down" otherwise; a loopback interface knows no more.
    let state = scene.run(&[], &["cat", "/sys/class/net/lo/operstate"]).good();
    assert_eq!(state.trim(), "unknown");
    let served = scene.start("served", &[], &["http", "80"]);
    let other = format!("container:{served}");
    let words = ["run", "--rm", "--network", &other, "probe", "cat", "/sys/class/net/lo/operstate"];
    assert_eq!(scene.ok(&words).trim(), "unknown");
    scene.ok(&["rm", "-f", &served]);
}

/// The paths in each layer of a saved image: whatever in it is an archive itself.
fn layers(archive: &[u8]) -> Vec<Vec<String>> {
    let mut layers = Vec::new();
    for entry in tar::Archive::new(archive).entries().expect("an archive") {
        let mut bytes = Vec::new();
        entry.expect("an entry").read_to_end(&mut bytes).expect("read a file");
        let mut layer = tar::Archive::new(bytes.as_slice());
        let paths = layer.entries().expect("an archive").map(|entry| {
            let path = entry?.path()?.to_string_lossy().into_owned();
            Ok::<_, std::io::Error>(path)
        });
        layers.extend(paths.collect::<Result<Vec<_>, _>>());
    }
    layers
}

#[test]
fn the_marks_of_a_container() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("marks", &[], &["hold"]);
    assert!(scene.ok(&["exec", &id, "ls", "-a", "/"]).contains(".dockerenv"));
    assert_eq!(scene.ok(&["exec", &id, "readlink", "/etc/mtab"]).trim(), "/proc/mounts");
    // They are the engine's: neither a change of the container's nor a part of an image of it.
    assert_eq!(scene.ok(&["diff", &id]), "");
    scene.ok(&["exec", &id, "touch", "/own"]);
    let image = scene.name("marks");
    scene.ok(&["commit", &id, &image]);
    scene.ok(&["rm", "-f", &id]);
    let archive = scene.engine.sandbox().join("marks.tar");
    scene.ok(&["save", "-o", &archive.to_string_lossy(), &image]);
    let bytes = std::fs::read(&archive).expect("read the archive");
    let layers = layers(&bytes);
    assert!(layers.contains(&vec!["own".to_owned()]), "{layers:?}");
    scene.ok(&["rmi", &image]);
}

#[test]
fn queues_are_there_without_shared_memory() {
    let Some(scene) = Scene::new() else { return };
    let mounts = scene.run(&["--ipc", "none"], &["mounts"]).good();
    assert!(mounts.contains("/dev/mqueue") && !mounts.contains("/dev/shm"), "{mounts}");
}

#[test]
fn below_an_init_a_program_leads_its_own_group() {
    let Some(scene) = Scene::new() else { return };
    // pid (command) state parent group session
    let stat = scene.run(&["--init"], &["cat", "/proc/self/stat"]).good();
    let fields: Vec<&str> = stat.split_whitespace().collect();
    assert_eq!((fields[3], fields[4], fields[5]), ("1", fields[0], "1"), "{stat}");
    // With a terminal that group is in its foreground.
    let stat = scene.run(&["--init", "-t"], &["cat", "/proc/self/stat"]).good();
    let fields: Vec<&str> = stat.split_whitespace().collect();
    assert_eq!((fields[4], fields[7]), (fields[0], fields[0]), "{stat}");
}
