//! cp against a container that cheats: while files go in and out, a folder on their way becomes a link
//! to the host's and a folder again, thousands of times a second. And cp out of a container into itself.

use crate::scene::Scene;
use harness::image::Layer;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long each direction is attacked.
const WHILE: Duration = Duration::from_secs(3);

/// Exchanges two names in the container until it is told to stop, as a process inside could; gives how
/// often.
fn exchange(root: &Path, stop: &AtomicBool) -> u64 {
    let (one, other) = (root.join("tmp/way"), root.join("tmp/link"));
    let mut times = 0;
    while !stop.load(Ordering::Relaxed) {
        renameat2(AT_FDCWD, &one, AT_FDCWD, &other, RenameFlags::RENAME_EXCHANGE)
            .expect("exchange two names");
        times += 1;
    }
    times
}

/// Ends the exchange, after a failed assertion too.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Everything in a folder with the time of its last change.
fn picture(folder: &Path) -> Vec<(PathBuf, std::time::SystemTime, u64)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        let metadata = std::fs::symlink_metadata(&next).expect("it is there");
        if metadata.is_dir() {
            let entries = std::fs::read_dir(&next).expect("a folder");
            open.extend(entries.map(|entry| entry.expect("an entry").path()));
        }
        found.push((next, metadata.modified().expect("a time"), metadata.len()));
    }
    found.sort();
    found
}

#[test]
fn cp_against_a_container_that_exchanges_folders_and_links() {
    let Some(scene) = Scene::new() else { return };
    let victim = scene.engine.sandbox().join("victim");
    std::fs::create_dir_all(victim.join("inner")).expect("a folder");
    std::fs::write(victim.join("secret"), b"a secret of the host").expect("a file");
    let before = picture(&victim);
    let up =
        format!("{}{}", "../".repeat(20), victim.display().to_string().trim_start_matches('/'));
    for target in [victim.display().to_string(), up] {
        let id = scene.start("cheat", &[], &["sleep", "1000"]);
        let pid = scene.inspect(&id, "/State/Pid").as_u64().expect("a pid");
        let root = PathBuf::from(format!("/proc/{pid}/root"));
        std::fs::create_dir_all(root.join("tmp/way/inner")).expect("a folder");
        std::os::unix::fs::symlink(&target, root.join("tmp/link")).expect("a link");
        let (stop, copied) = (AtomicBool::new(false), AtomicU64::new(0));
        let times = std::thread::scope(|scope| {
            let cheat = scope.spawn(|| exchange(&root, &stop));
            let end = Stop(&stop);
            let begin = Instant::now();
            while begin.elapsed() < WHILE {
                copy(&scene, &id, &copied);
            }
            drop(end);
            cheat.join().expect("the cheat")
        });
        let copied = copied.load(Ordering::Relaxed);
        eprintln!("{copied} copies, {times} exchanges");
        assert!(copied > 20 && times > 1000, "{copied} copies, {times} exchanges");
        assert_eq!(picture(&victim), before, "something outside was changed");
        scene.ok(&["rm", "-f", &id]);
    }
}

/// One file in and one out by every path that the exchange touches; what is not there is refused.
fn copy(scene: &Scene, id: &str, copied: &AtomicU64) {
    let archive = Layer::new().file("stolen", b"x").file("inner/stolen", b"x").finish();
    for folder in ["/tmp/way", "/tmp/link", "/tmp/way/inner"] {
        let path = format!("/containers/{id}/archive?path={folder}");
        let answer = scene.client.upload("PUT", &path, &archive);
        copied.fetch_add(u64::from(answer.status == 200), Ordering::Relaxed);
        assert!([200, 400, 404, 500].contains(&answer.status), "{}", answer.text());
    }
    for file in ["/tmp/way/secret", "/tmp/link/secret", "/tmp/way", "/tmp/link/."] {
        let path = format!("/containers/{id}/archive?path={file}");
        // A download breaks off when its folder becomes a link on the way.
        let Ok(answer) = scene.client.try_call("GET", &path, None) else { continue };
        copied.fetch_add(u64::from(answer.status == 200), Ordering::Relaxed);
        let secret = b"a secret of the host";
        let leaked = answer.bytes.windows(secret.len()).any(|bytes| bytes == secret);
        assert!(!leaked, "{file} led out");
    }
}

#[test]
fn cp_into_the_same_container() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("self", &[], &["sleep", "1000"]);
    let big = vec![7; 20 << 20];
    let path = format!("/containers/{id}/archive?path=/tmp");
    scene.client.upload("PUT", &path, &Layer::new().file("from/big", &big).finish()).expect(200);
    scene.ok(&["exec", &id, "mkdir", "-p", "/tmp/to"]);
    let mut out = scene.docker.command(&["cp", &format!("{id}:/tmp/from"), "-"]);
    let mut out = out.stdout(Stdio::piped()).spawn().expect("docker cp");
    let pipe = out.stdout.take().expect("its output");
    let mut into = scene.docker.command(&["cp", "-", &format!("{id}:/tmp/to")]);
    let status = into.stdin(pipe).status().expect("docker cp");
    assert!(status.success() && out.wait().expect("docker cp").success());
    let listed = scene.ok(&["exec", &id, "stat", "/tmp/to/from/big"]);
    assert!(listed.contains(&format!(" {} ", big.len())), "{listed}");
    scene.ok(&["rm", "-f", &id]);
}
