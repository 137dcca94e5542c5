//! In and out, what Docker refuses, and containers that cheat.

use super::*;
use crate::container::io::root::Root;
use shared::error::Kind;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

struct Box(PathBuf);

impl Box {
    fn new(name: &str) -> Self {
        let base =
            std::env::temp_dir().join(format!("coffer-archive-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        fs::create_dir_all(base.join("root/etc")).unwrap();
        fs::create_dir_all(base.join("host")).unwrap();
        fs::write(base.join("root/etc/name"), "inside\n").unwrap();
        Self(base)
    }

    fn inside(&self, path: &str) -> PathBuf {
        self.0.join("root").join(path)
    }

    fn root(&self) -> Root {
        Root::open(&self.0.join("root")).unwrap()
    }

    fn pack(&self, path: &str) -> shared::error::Result<BTreeMap<String, String>> {
        let mut bytes = Vec::new();
        pack(&self.root(), path, "web", &mut bytes)?;
        Ok(listing(&bytes))
    }
}

impl Drop for Box {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Names and contents (links: `-> target`).
fn listing(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(bytes);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        match entry.link_name().unwrap() {
            Some(link) => text = format!("-> {}", link.display()),
            None => drop(entry.read_to_string(&mut text).unwrap()),
        }
        (entry.path().unwrap().display().to_string(), text)
    });
    entries.collect()
}

fn tar(entries: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, text) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o640);
        header.set_mtime(1_000_000);
        let body = if kind.is_file() { *text } else { "" };
        header.set_size(body.len() as u64);
        if matches!(kind, tar::EntryType::Symlink | tar::EntryType::Link) {
            header.set_link_name(text).unwrap();
        }
        let raw = name.as_bytes();
        header.as_old_mut().name[..raw.len()].copy_from_slice(raw);
        header.set_cksum();
        builder.append(&header, body.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

const HOW: Unpack = Unpack { replace: Replace::All, owner: Owner::Archive };
const FILE: tar::EntryType = tar::EntryType::Regular;
const FOLDER: tar::EntryType = tar::EntryType::Directory;

fn root_only() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: giving files away needs root");
    }
    is_root
}

#[test]
fn names_follow_what_was_asked() {
    let cell = Box::new("names");
    symlink("name", cell.inside("etc/link")).unwrap();
    let keys = |path| cell.pack(path).unwrap().into_keys().collect::<Vec<_>>();
    assert_eq!(keys("/etc"), ["etc/", "etc/link", "etc/name"]);
    assert_eq!(keys("/etc/."), ["./", "./link", "./name"]);
    assert_eq!(keys("etc/name"), ["name"]);
    assert_eq!(cell.pack("/etc/link").unwrap()["link"], "-> name");
    let error = cell.pack("/nope").unwrap_err();
    assert_eq!(error.to_string(), "Could not find the file /nope in container web");
    assert_eq!(error.kind(), Kind::NotFound);
}

#[test]
fn a_stat_says_where_a_link_leads() {
    let cell = Box::new("stat");
    symlink("/etc/name", cell.inside("link")).unwrap();
    symlink("../../nowhere", cell.inside("dangling")).unwrap();
    let get = |path| stat(&cell.root(), path, "web").unwrap();
    assert_eq!((get("/link").link_target.as_str(), get("/link").mode >> 27), ("/etc/name", 1));
    assert_eq!(get("/dangling").link_target, "/nowhere");
    assert_eq!((get("/etc/name").size, get("/etc/name").name.as_str()), (7, "name"));
    assert_eq!(get("/etc/").mode & 1 << 31, 1 << 31);
    assert_eq!(
        stat(&cell.root(), "", "web").unwrap_err().message(),
        "bad parameter: pathcannot be empty"
    );
}

#[test]
fn long_names_big_ids_and_hard_links_come_back() {
    if !root_only() {
        return;
    }
    let cell = Box::new("round");
    let long = format!("etc/{}/{}", "d".repeat(90), "ä".repeat(60));
    fs::create_dir_all(cell.inside(&long).parent().unwrap()).unwrap();
    fs::write(cell.inside(&long), "far").unwrap();
    fs::hard_link(cell.inside(&long), cell.inside("etc/twin")).unwrap();
    std::os::unix::fs::chown(cell.inside("etc/name"), Some(3_000_000_000), Some(7)).unwrap();
    xattr::set(cell.inside("etc/name"), "user.colour", b"red").ok();
    let mut bytes = Vec::new();
    export(&cell.root(), Boundary::Kernel, &mut bytes).unwrap();
    let other = Box::new("round-in");
    unpack(&other.root(), "/", "web", bytes.as_slice(), HOW).unwrap();
    assert_eq!(fs::read_to_string(other.inside(&long)).unwrap(), "far");
    assert_eq!(fs::metadata(other.inside("etc/twin")).unwrap().nlink(), 2);
    let meta = fs::metadata(other.inside("etc/name")).unwrap();
    assert_eq!((meta.uid(), meta.gid()), (3_000_000_000, 7));
}

#[test]
fn folders_and_files_arrive_with_mode_and_time() {
    if !root_only() {
        return;
    }
    let cell = Box::new("arrive");
    let bytes = tar(&[("new/", FOLDER, ""), ("new/a", FILE, "text"), ("deep/er/b", FILE, "b")]);
    let how = Unpack { owner: Owner::User { uid: 33, gid: 34 }, ..HOW };
    unpack(&cell.root(), "/etc/", "web", bytes.as_slice(), how).unwrap();
    let meta = fs::metadata(cell.inside("etc/new/a")).unwrap();
    assert_eq!((meta.uid(), meta.gid(), meta.permissions().mode() & 0o7777), (33, 34, 0o640));
    assert_eq!(
        (meta.mtime(), fs::metadata(cell.inside("etc/new")).unwrap().mtime()),
        (1_000_000, 1_000_000)
    );
    assert_eq!(fs::read_to_string(cell.inside("etc/deep/er/b")).unwrap(), "b");
}

#[test]
fn what_docker_refuses_is_refused() {
    let cell = Box::new("refuse");
    let text = |path: &str, entries: &[_], how| {
        unpack(&cell.root(), path, "web", tar(entries).as_slice(), how).unwrap_err().to_string()
    };
    assert_eq!(text("/nope", &[], HOW), "Could not find the file /nope in container web");
    assert_eq!(text("/etc/name", &[], HOW), "extraction point is not a directory");
    let same = Unpack { replace: Replace::SameKind, ..HOW };
    assert!(text("/", &[("etc", FILE, "x")], same).starts_with("cannot overwrite directory"));
    assert!(
        text("/etc", &[("name", FOLDER, "")], same).starts_with("cannot overwrite non-directory")
    );
    assert!(text("/etc", &[("../../x", FILE, "x")], HOW).contains("outside of the folder"));
    assert!(cell.pack("/etc").unwrap().contains_key("etc/name"), "nothing was harmed");
}

#[test]
fn links_in_archives_and_containers_stay_inside() {
    if !root_only() {
        return;
    }
    let cell = Box::new("links");
    let host = cell.0.join("host");
    symlink(&host, cell.inside("out")).unwrap();
    symlink("../../host", cell.inside("up")).unwrap();
    for name in ["out/x", "up/x"] {
        // The link leads to a place inside the root, where there is nothing: it must fail or stay.
        let _ = unpack(&cell.root(), "/", "web", tar(&[(name, FILE, "bad")]).as_slice(), HOW);
    }
    let evil = tar(&[
        ("etc/l", tar::EntryType::Symlink, host.to_str().unwrap()),
        ("etc/l/x", FILE, "bad"),
    ]);
    let _ = unpack(&cell.root(), "/", "web", evil.as_slice(), HOW);
    assert_eq!(fs::read_dir(&host).unwrap().count(), 0);
}

/// A container swaps a folder for a link to the outside all the time while files go in and out.
#[test]
fn a_race_leads_nowhere() {
    if !root_only() {
        return;
    }
    let cell = Box::new("race");
    let host = cell.0.join("host");
    fs::write(host.join("secret"), "secret").unwrap();
    fs::create_dir(cell.inside("real")).unwrap();
    fs::write(cell.inside("real/secret"), "harmless").unwrap();
    symlink(&host, cell.inside("link")).unwrap();
    let stop = AtomicBool::new(false);
    let swapped = std::thread::scope(|scope| {
        let cheat = scope.spawn(|| {
            let mut swaps = 0u64;
            while !stop.load(Ordering::Relaxed) {
                let _ = fs::rename(cell.inside("real"), cell.inside("dir"));
                let _ = fs::rename(cell.inside("dir"), cell.inside("real"));
                let _ = fs::rename(cell.inside("link"), cell.inside("dir"));
                let _ = fs::rename(cell.inside("dir"), cell.inside("link"));
                swaps += 1;
            }
            swaps
        });
        let root = cell.root();
        for _ in 0..2000 {
            let mut bytes = Vec::new();
            if pack(&root, "/dir/secret", "web", &mut bytes).is_ok() {
                assert_eq!(listing(&bytes)["secret"], "harmless");
            }
            let _ = unpack(&root, "/", "web", tar(&[("dir/new", FILE, "x")]).as_slice(), HOW);
        }
        stop.store(true, Ordering::Relaxed);
        cheat.join().unwrap()
    });
    assert!(swapped > 100, "the cheat ran {swapped} times only");
    assert_eq!(fs::read_dir(&host).unwrap().count(), 1, "something was written outside");
}

#[test]
fn kernel_filesystems_are_not_entered() {
    let root = Root::open(Path::new("/")).unwrap();
    for path in ["/proc/self/environ", "/proc/1/", "/sys/kernel"] {
        assert_eq!(stat(&root, path, "web").unwrap_err().kind(), Kind::NotFound, "{path}");
    }
    let error = unpack(
        &root,
        "/proc/sys/kernel",
        "web",
        tar(&[("core_pattern", FILE, "x")]).as_slice(),
        HOW,
    );
    assert_eq!(error.unwrap_err().kind(), Kind::NotFound);
}
