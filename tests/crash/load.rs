//! Death while an image is loaded: at every step from the first bytes to the answer. What the daemon had
//! by then is gone after its next start, and the same archive loads as if nothing had been.

use crate::point::killed_at;
use crate::{body, crash, engine, finish};
use harness::engine::Engine;
use harness::{image, wait};
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How much of the archive the client sends before it waits for the daemon's death.
enum Sent {
    /// Up to the middle of the big file.
    HalfALayer,
    /// Both layers: only the configuration and the manifest are missing.
    Layers,
    /// All.
    Everything,
}

struct Point {
    name: &'static str,
    sent: Sent,
    /// Sees that the daemon has come so far.
    seen: fn(&Folders) -> bool,
}

/// Where the daemon keeps images, and what was there before the load.
struct Folders {
    data: PathBuf,
    before: BTreeSet<PathBuf>,
}

impl Folders {
    fn of(engine: &Engine) -> Self {
        let data = engine.data_root();
        wait::until_true("the trash is empty", || list(&data.join("trash")).is_empty());
        Self { before: entries(&data), data }
    }

    /// The folders of layers that were not there before.
    fn new_layers(&self) -> Vec<PathBuf> {
        let all = list(&self.data.join("snapshots/overlayfs")).into_iter();
        all.filter(|path| !self.before.contains(path)).collect()
    }

    fn has(&self, tail: &str) -> bool {
        self.new_layers().iter().any(|layer| layer.join(tail).exists())
    }
}

const POINTS: &[Point] = &[
    Point {
        name: "bytes arrive",
        sent: Sent::HalfALayer,
        seen: |folders| !folders.new_layers().is_empty(),
    },
    Point {
        name: "a file is half written",
        sent: Sent::HalfALayer,
        seen: |folders| {
            let size = |layer: &PathBuf| layer.join("fs/big").metadata().map_or(0, |m| m.len());
            folders.new_layers().iter().any(|layer| size(layer) > 0)
        },
    },
    Point {
        name: "layers are unpacked, nothing is recorded",
        sent: Sent::Layers,
        seen: |folders| folders.has("fs/last"),
    },
    Point {
        name: "the configuration is stored, nothing is recorded",
        sent: Sent::Everything,
        seen: |folders| {
            let blobs = list(&folders.data.join("content/blobs/sha256"));
            blobs.iter().any(|path| !folders.before.contains(path))
        },
    },
];

#[test]
fn of_load() {
    let Some((mut engine, before)) = engine() else { return };
    let big: Vec<u8> =
        (0..8_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let image = image::Image::probe(&["loaded:1"])
        .with(image::Layer::new().file("big", &big).file("last", b"x"));
    let archive = image.docker_archive();
    for point in POINTS {
        let folders = Folders::of(&engine);
        let end = match point.sent {
            Sent::HalfALayer => archive.len() - big.len() / 2,
            Sent::Layers => configuration(&archive),
            Sent::Everything => archive.len(),
        };
        let met =
            killed_at(&mut engine, || (point.seen)(&folders), |engine| send(engine, &archive, end));
        assert!(met, "{}: the daemon never came so far", point.name);
        wait::until_true("nothing of the load is left", || {
            let now = entries(&folders.data);
            // Killed between storing and recording, or just after: both are right, half is not.
            now == folders.before || matches!(point.sent, Sent::Everything) && is_whole(&engine)
        });
        engine.load(&archive);
        assert!(is_whole(&engine), "{}", point.name);
        engine.client().delete("/images/loaded:1").expect(200);
    }
    finish(&engine, &before);
}

/// The answer to a load is a promise.
#[test]
fn after_the_answer_of_a_load() {
    let Some((mut engine, before)) = engine() else { return };
    let image = image::Image::probe(&["loaded:1"])
        .with(image::Layer::new().file("big", &[7; 3_000_000]).file("last", b"x"));
    for _ in 0..5 {
        engine.load(&image.docker_archive());
        crash(&mut engine);
        assert!(is_whole(&engine));
        engine.client().delete("/images/loaded:1").expect(200);
    }
    finish(&engine, &before);
}

/// Where the configuration's header begins, behind the last layer.
fn configuration(archive: &[u8]) -> usize {
    let name = b".json\0";
    let at = archive.windows(name.len()).position(|bytes| bytes == name).expect("a configuration");
    at / 512 * 512
}

/// Sends the archive's beginning, and then nothing until the daemon answers or is gone.
fn send(engine: &Engine, archive: &[u8], end: usize) {
    let mut socket = engine.client().connect().expect("a connection");
    let head = format!(
        "POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-tar\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n",
        archive.len()
    );
    // The daemon may be killed at any byte of it: that is what the caller looks at.
    let sent = socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(&archive[..end]));
    if sent.is_ok() {
        socket.set_read_timeout(Some(Duration::from_secs(15))).expect("a limit");
        let _ = socket.read_to_end(&mut Vec::new());
    }
}

/// The image is there with all its files.
fn is_whole(engine: &Engine) -> bool {
    if engine.client().get("/images/loaded:1/json").status != 200 {
        return false;
    }
    let mut body = body(&["stat", "/big", "/last", "/bin/probe"], json!({}));
    body["Image"] = json!("loaded:1");
    engine.client().post_json("/containers/create?name=reader", &body).expect(201);
    engine.client().post("/containers/reader/start").expect(204);
    let ended = engine.client().post("/containers/reader/wait").expect(200).json();
    engine.client().delete("/containers/reader").expect(204);
    ended["StatusCode"] == 0
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Everything that a load could leave.
fn entries(data: &Path) -> BTreeSet<PathBuf> {
    let folders = ["snapshots/overlayfs", "content/blobs/sha256", "content/ingest", "trash", "tmp"];
    folders.iter().flat_map(|folder| list(&data.join(folder))).collect()
}
