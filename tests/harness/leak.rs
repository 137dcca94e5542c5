//! What an engine has on the machine: mounts, cgroups, processes, namespaces, descriptors, files.
//! Taken before and after a test; what is there after and was not there before is a leak.

use crate::engine::Engine;
use crate::wait;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An inventory, one line a thing.
pub type Inventory = BTreeSet<String>;

/// Everything of this engine that can be left behind.
pub fn inventory(engine: &Engine) -> Inventory {
    let mut found = Inventory::new();
    let name = engine.sandbox().name();
    for line in fs::read_to_string("/proc/self/mountinfo").unwrap_or_default().lines() {
        if line.contains(name) {
            let point = line.split(' ').nth(4).unwrap_or(line);
            found.insert(format!("mount {point}"));
        }
    }
    for group in cgroups(name) {
        found.insert(format!("cgroup {}", group.display()));
    }
    // One zygote lives and ends with its daemon; a second one would be too many.
    let mut zygotes = 0;
    for (pid, command) in processes(name) {
        let zygote = command.contains(" --zygote ") && engine.pid() == parent(pid);
        zygotes += u32::from(zygote);
        if Some(pid) != engine.pid() && !(zygote && zygotes == 1) {
            found.insert(format!("process {pid} {command}"));
        }
    }
    if let Some(pid) = engine.pid() {
        descriptors(pid, &mut found);
    }
    for device in fs::read_dir("/sys/block").into_iter().flatten().flatten() {
        let file = fs::read_to_string(device.path().join("loop/backing_file")).unwrap_or_default();
        if file.contains(name) {
            found.insert(format!("loop device {}", device.path().display()));
        }
    }
    files(&engine.exec_root(), 3, &mut found);
    for folder in ["containers", "trash", "tmp", "content/ingest", "volumes"] {
        files(&engine.data_root().join(folder), 1, &mut found);
    }
    files(&engine.data_root().join("snapshots"), 2, &mut found);
    found
}

/// Descriptors of kinds that belong to one container; connections come and go and are not counted.
fn descriptors(pid: u32, found: &mut Inventory) {
    let kinds =
        ["net:[", "mnt:[", "anon_inode:[pidfd]", "/memfd:", "pipe:[", "/dev/ptmx", "(deleted)"];
    let mut counts = std::collections::BTreeMap::<&str, u32>::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        let target = target.to_string_lossy();
        if let Some(kind) = kinds.iter().find(|kind| target.contains(**kind)) {
            *counts.entry(kind).or_default() += 1;
        }
    }
    for (kind, count) in counts {
        found.extend((1..=count).map(|number| format!("descriptor {kind} number {number}")));
    }
}

fn files(folder: &Path, depth: u32, found: &mut Inventory) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        found.insert(format!("file {}", entry.path().display()));
        if depth > 1 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files(&entry.path(), depth - 1, found);
        }
    }
}

/// Cgroups of containers and shims in every hierarchy: folders below one called `name`, and any
/// deeper one whose path has it.
fn cgroups(name: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, name: &str, depth: u32, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let inside = folder.to_string_lossy().contains(name);
                if inside {
                    found.push(path.clone());
                }
                let ours = inside || path.to_string_lossy().contains(name);
                if ours || depth > 0 {
                    walk(&path, name, depth.saturating_sub(1), found);
                }
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new("/sys/fs/cgroup"), name, 1, &mut found);
    found
}

/// Processes that have to do with the sandbox `name`: by their arguments, or by their cgroup.
pub fn processes(name: &str) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let read = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
        let command = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        let cgroup = String::from_utf8_lossy(&read("cgroup")).into_owned();
        let ours = command.contains(name) || cgroup.contains(name);
        if pid != std::process::id() && ours {
            found.push((pid, command));
        }
    }
    found
}

/// The process that the engine forks its shims from, once it has started one.
pub fn zygote(engine: &Engine) -> Option<u32> {
    let ours = |(pid, command): &(u32, String)| {
        command.contains(" --zygote ") && engine.pid().is_some() && engine.pid() == parent(*pid)
    };
    processes(engine.sandbox().name()).into_iter().find(ours).map(|(pid, _)| pid)
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// True while a process runs; one that has ended and was not waited for does not.
pub fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, tail)| !tail.starts_with('Z'))
}

/// Lets what is frozen in the engine's cgroups run, or die of the signal that it has got.
pub fn thaw(name: &str) {
    for group in cgroups(name) {
        for (file, word) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
            // Most groups have neither.
            if group.join(file).exists()
                && let Err(error) = fs::write(group.join(file), word)
            {
                eprintln!("thaw {}: {error}", group.display());
            }
        }
    }
}

/// Removes the engine's own cgroups, deepest first, once nothing runs in them.
pub fn remove_cgroups(name: &str) {
    let mut groups = cgroups(name);
    groups.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
    let own = hierarchies.map(|entry| entry.path().join(name));
    for group in groups.into_iter().chain(own).chain([Path::new("/sys/fs/cgroup").join(name)]) {
        let begin = std::time::Instant::now();
        // A killed process leaves its cgroup a moment later.
        while let Err(error) = fs::remove_dir(&group) {
            // Under version 2 what stands beside the groups are files.
            let gone = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
            if gone || begin.elapsed() > Duration::from_secs(2) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Fails the test when something is there that was not there `before`; deleting goes on for a moment
/// in the background, so this waits.
///
/// # Panics
/// With the list of what is left.
pub fn check(engine: &Engine, before: &Inventory) {
    let mut last = Inventory::new();
    let begin = std::time::Instant::now();
    wait::until("nothing is left behind", wait::LIMIT, || {
        last = inventory(engine).difference(before).cloned().collect();
        let patience = begin.elapsed() < Duration::from_secs(15);
        assert!(patience || last.is_empty(), "left behind: {last:#?}");
        last.is_empty().then_some(())
    });
}
