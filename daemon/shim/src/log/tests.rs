//! Rotation, full disks, reopening, the ring: on real files.

use super::*;
use shared::logline::{Step, next};
use shared::shim::LogFormat;
use std::path::{Path, PathBuf};

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("coffer-log-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn settings(path: &Path, format: LogFormat) -> Settings {
    let path = path.join("c-json.log");
    Settings { format, path, max_bytes: 0, max_files: 1, ring_bytes: None, attrs: None }
}

fn lines(path: &Path, format: LogFormat) -> Vec<String> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let (mut rest, mut lines) = (bytes.as_slice(), Vec::new());
    while let Step::Line(line, used) = next(format, rest) {
        let mut text = Vec::new();
        line.append_text(&mut text);
        lines.push(String::from_utf8(text).unwrap());
        rest = &rest[used..];
    }
    assert!(rest.is_empty(), "{rest:?}");
    lines
}

#[test]
fn files_stay_below_the_limit_and_lines_in_order() {
    for (format, limit) in [(LogFormat::JsonFile, 1000), (LogFormat::Local, 400)] {
        let folder = Folder::new(&format!("rotate-{format:?}"));
        let mut settings = settings(&folder.0, format);
        (settings.max_bytes, settings.max_files) = (limit, 4);
        let path = settings.path.clone();
        let mut log = Log::open(settings).unwrap();
        let text: String = (0..60).map(|number| format!("line {number}\n")).collect();
        for chunk in text.as_bytes().chunks(100) {
            log.write(Stream::Stdout, chunk, 1_700_000_000_000_000_000);
        }
        let numbered = |n: u32| PathBuf::from(format!("{}.{n}", path.display()));
        let files = [numbered(3), numbered(2), numbered(1), path.clone()];
        assert!(files.iter().all(|f| f.metadata().is_ok_and(|m| m.len() <= limit)));
        assert!(!numbered(4).exists());
        let all: Vec<String> = files.iter().flat_map(|file| lines(file, format)).collect();
        let expected: Vec<String> = (60 - all.len()..60).map(|n| format!("line {n}\n")).collect();
        assert!(all.len() > 30 && all == expected, "{all:?}");
    }
}

#[test]
fn a_single_file_starts_over() {
    let folder = Folder::new("single");
    let mut settings = settings(&folder.0, LogFormat::JsonFile);
    settings.max_bytes = 150;
    let mut log = Log::open(settings.clone()).unwrap();
    for number in 0..5 {
        log.write(Stream::Stderr, format!("line {number}\n").as_bytes(), 0);
    }
    assert_eq!(lines(&settings.path, LogFormat::JsonFile).last().unwrap(), "line 4\n");
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1);
}

#[test]
fn a_torn_record_is_cut_off_and_a_piece_closes_the_stream() {
    let folder = Folder::new("torn");
    let settings = settings(&folder.0, LogFormat::JsonFile);
    let mut log = Log::open(settings.clone()).unwrap();
    log.write(Stream::Stdout, b"one\ntwo", 0);
    log.end(Stream::Stdout, 0);
    drop(log);
    let mut text = std::fs::read(&settings.path).unwrap();
    text.extend_from_slice(b"{\"log\":\"thr");
    std::fs::write(&settings.path, text).unwrap();
    let mut log = Log::open(settings.clone()).unwrap();
    log.write(Stream::Stdout, b"four\n", 0);
    assert_eq!(lines(&settings.path, LogFormat::JsonFile), ["one\n", "two", "four\n"]);
    assert_eq!(log.settled_bytes(), std::fs::metadata(&settings.path).unwrap().len());
}

#[test]
fn a_moved_file_is_opened_anew() {
    let folder = Folder::new("reopen");
    let settings = settings(&folder.0, LogFormat::Local);
    let mut log = Log::open(settings.clone()).unwrap();
    log.write(Stream::Stdout, b"one\n", 0);
    let moved = folder.0.join("moved");
    std::fs::rename(&settings.path, &moved).unwrap();
    log.write(Stream::Stdout, b"two\n", 0);
    log.reopen().unwrap();
    log.write(Stream::Stdout, b"three\n", 0);
    assert_eq!(lines(&moved, LogFormat::Local), ["one\n", "two\n"]);
    assert_eq!(lines(&settings.path, LogFormat::Local), ["three\n"]);
}

#[test]
fn a_full_disk_costs_lines_and_nothing_else() {
    let folder = Folder::new("full");
    let mut settings = settings(&folder.0, LogFormat::JsonFile);
    std::os::unix::fs::symlink("/dev/full", &settings.path).unwrap();
    settings.max_bytes = 0;
    let mut log = Log::open(settings).unwrap();
    log.write(Stream::Stdout, b"one\ntwo\n", 0);
    log.write(Stream::Stdout, b"three\n", 0);
    assert_eq!((log.lost(), log.trouble, log.batch.len()), (3, Trouble::Warned, 0));
}

#[test]
fn the_ring_counts_what_it_drops() {
    let folder = Folder::new("ring");
    let mut settings = settings(&folder.0, LogFormat::JsonFile);
    settings.ring_bytes = Some(200);
    let mut log = Log::open(settings.clone()).unwrap();
    log.write(Stream::Stdout, b"1\n2\n3\n4\n5\n6\n7\n8\n9\n", 0);
    assert!(log.waiting() && log.lost() > 0);
    log.pour();
    let kept = lines(&settings.path, LogFormat::JsonFile);
    assert_eq!(kept.len() as u64 + log.lost(), 9);
    assert_eq!(kept[0], "1\n");
    assert!(!log.waiting());
}
