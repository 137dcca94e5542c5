//! `--log-opt compress=true`: rotated logs are compressed, and read as if they were not.

use crate::scene::Scene;
use harness::{program, wait};
use std::fs;
use std::path::{Path, PathBuf};

const FLAGS: [&str; 6] =
    ["--log-opt", "max-size=20k", "--log-opt", "max-file=4", "--log-opt", "compress=true"];
/// 130 bytes a line in the file: some 150 lines of 90 bytes fill one, so that there are three rotations.
const LINES: u32 = 600;

fn rotated(log: &Path, number: u32, suffix: &str) -> PathBuf {
    format!("{}.{number}{suffix}", log.display()).into()
}

/// Files that were rotated and are not, or not only, compressed; and copies on the way.
fn left(log: &Path) -> Vec<PathBuf> {
    let plain = (1..4).map(|number| rotated(log, number, "")).filter(|path| path.exists());
    let copy = PathBuf::from(format!("{}.packing", log.display()));
    plain.chain(Some(copy).filter(|path| path.exists())).collect()
}

fn packed(log: &Path) -> usize {
    (1..4).filter(|number| rotated(log, *number, ".gz").exists()).count()
}

/// The numbers at the beginnings of lines.
fn numbers(text: &str) -> Vec<u32> {
    text.lines().map(|line| line[..8].parse().expect("a numbered line")).collect()
}

#[test]
fn rotated_logs_are_compressed_and_read_across() {
    let Some(scene) = Scene::new() else { return };
    let command = format!("log {LINES} 90; hold");
    let id = scene.start("packed", &FLAGS, &["sh", "-c", &command]);
    let log = PathBuf::from(scene.inspect(&id, "/LogPath").as_str().expect("a path"));
    scene.said(&id, &format!("{LINES:08}"));
    // The container runs, so that its shim puts them in place.
    wait::until_true("rotated files to be compressed", || {
        packed(&log) == 3 && left(&log).is_empty()
    });
    let seen = numbers(&scene.ok(&["logs", &id]));
    let first = LINES + 1 - seen.len() as u32;
    assert!(seen.len() > 400 && seen == (first..=LINES).collect::<Vec<_>>(), "{seen:?}");
    let tail = numbers(&scene.ok(&["logs", "--tail", "300", &id]));
    assert_eq!(tail, (LINES - 299..=LINES).collect::<Vec<_>>());
    let magic = fs::read(rotated(&log, 2, ".gz")).expect("a compressed file");
    assert_eq!(magic[..3], [0x1f, 0x8b, 8], "gzip");
    scene.ok(&["rm", "-f", &id]);
    assert!(!log.parent().expect("a folder").exists());
}

#[test]
fn what_a_crash_left_of_compressing_is_finished() {
    let Some(mut scene) = Scene::new() else { return };
    if scene.engine.is_docker() {
        return program::skip("dockerd leaves it");
    }
    let id = scene.start("torn", &FLAGS, &["log", &LINES.to_string(), "90"]);
    let log = PathBuf::from(scene.inspect(&id, "/LogPath").as_str().expect("a path"));
    scene.ok(&["wait", &id]);
    wait::until_true("rotated files to be compressed", || {
        packed(&log) == 3 && left(&log).is_empty()
    });
    let read = |scene: &Scene| numbers(&scene.ok(&["logs", &id]));
    let whole = read(&scene);
    // As if killed after the compressed file was renamed and before the original was removed, and in
    // the middle of the next one.
    let mut plain = Vec::new();
    let gzip = fs::File::open(rotated(&log, 2, ".gz")).expect("a compressed file");
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(gzip), &mut plain).expect("gzip");
    scene.engine.kill();
    fs::write(rotated(&log, 2, ""), plain).expect("a file");
    fs::write(format!("{}.packing", log.display()), b"\x1f\x8b half").expect("a file");
    scene.engine.launch();
    assert_eq!(read(&scene), whole, "nothing is lost or read twice");
    wait::until_true("the rest to be done", || packed(&log) == 3 && left(&log).is_empty());
    assert_eq!(read(&scene), whole);
    scene.ok(&["rm", &id]);
}
