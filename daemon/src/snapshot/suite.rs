//! The contract of every snapshotter, run against each.

use super::lower::Lower;
use super::{Access, ChangeKind, CopySnapshotter, Kind, Overlay, Snapshots, Whiteouts};
use super::{change, choose, merge, tree};
use crate::store::Store;
use crate::{limits, task, trash::Trash};
use shared::error::Kind as ErrorKind;
use shared::kernel::detached::detached;
use shared::paths::Paths;
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

struct Bench {
    paths: Paths,
    root: PathBuf,
    store: Store,
    trash: Trash,
}

impl Bench {
    fn new() -> Self {
        let name = format!("coffer-snapshot-{}", shared::id::hex(&shared::id::random::<6>()));
        let root = std::env::temp_dir().join(name);
        let paths = Paths::new(root.join("data"), root.join("run"));
        let store = Store::open(&paths).unwrap();
        let trash = Trash::open(paths.trash()).unwrap();
        Self { paths, root, store, trash }
    }

    async fn open(&self, driver: &str) -> Snapshots {
        let driver = choose(Some(driver), &self.paths).unwrap();
        Snapshots::open(driver, self.store.clone(), self.trash.clone()).await.unwrap()
    }

    async fn close(self) {
        self.trash.wait_until_empty(Duration::from_secs(20)).unwrap();
        self.store.close().await.unwrap();
        fs::remove_dir_all(&self.root).unwrap();
    }
}

fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: overlays and mounts need root");
    }
    is_root
}

/// Two layers: the second deletes `gone`, replaces `both` and hides what the first has in `opaque`.
async fn layers(snapshots: &Snapshots) -> Vec<String> {
    let low = snapshots.draft().unwrap();
    let fs_low = low.folder().join("fs");
    fs::create_dir_all(fs_low.join("opaque/below")).unwrap();
    for name in ["gone", "both", "kept", "opaque/old"] {
        fs::write(fs_low.join(name), name).unwrap();
    }
    snapshots.commit(low, "low", 16).await.unwrap();

    let target = snapshots.draft().unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    for (path, data) in
        [(".wh.gone", ""), ("both", "new"), ("opaque/.wh..wh..opq", ""), ("opaque/new", "x")]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, data.as_bytes()).unwrap();
    }
    let bytes = tar.into_inner().unwrap();
    let place = crate::image::unpack::Target {
        folder: target.folder(),
        whiteouts: snapshots.driver().whiteouts(),
    };
    crate::image::unpack::unpack(&bytes[..], &place).unwrap();
    snapshots.commit(target, "high", 4).await.unwrap();
    vec!["low".to_owned(), "high".to_owned()]
}

fn seen(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn contract(driver: &'static str) {
    if !is_root() {
        return;
    }
    task::block_on(async move {
        let bench = Bench::new();
        let snapshots = bench.open(driver).await;
        let lower = layers(&snapshots).await;
        let labels = BTreeMap::from([("image".to_owned(), "x".to_owned())]);
        snapshots.prepare("web", lower.clone(), Access::ReadWrite, labels, &[]).await.unwrap();
        assert_eq!(snapshots.stat("web").unwrap().kind, Kind::Active);

        let root = detached(&snapshots.mounts("web").unwrap(), snapshots.scratch()).unwrap();
        let path = PathBuf::from(format!("/proc/self/fd/{}", root.as_raw_fd()));
        assert_eq!(seen(&path), ["both", "kept", "opaque"]);
        assert_eq!(seen(&path.join("opaque")), ["new"]);
        assert_eq!(fs::read(path.join("both")).unwrap(), b"new");
        assert_eq!(snapshots.changes("web").unwrap(), []);
        assert_eq!(snapshots.usage("web", &[]).unwrap().bytes, 0);

        fs::create_dir(path.join("made")).unwrap();
        fs::write(path.join("made/file"), "12345").unwrap();
        fs::write(path.join("both"), "changed").unwrap();
        fs::remove_file(path.join("kept")).unwrap();
        fs::remove_dir_all(path.join("opaque")).unwrap();
        fs::create_dir(path.join("opaque")).unwrap();
        let changes: Vec<_> = snapshots.changes("web").unwrap();
        let changes: Vec<_> = changes.iter().map(|c| (c.path.to_str().unwrap(), c.kind)).collect();
        assert_eq!(
            changes,
            [
                ("/both", ChangeKind::Modified),
                ("/kept", ChangeKind::Deleted),
                ("/made", ChangeKind::Added),
                ("/made/file", ChangeKind::Added),
                ("/opaque", ChangeKind::Modified),
                ("/opaque/new", ChangeKind::Deleted),
            ]
        );
        assert_eq!(snapshots.usage("web", &[]).unwrap().bytes, 12);
        drop(root);

        view_and_errors(&snapshots, &lower).await;
        restart(bench, driver, snapshots).await;
    });
}

async fn view_and_errors(snapshots: &Snapshots, lower: &[String]) {
    snapshots
        .prepare("look", lower.to_vec(), Access::ReadOnly, BTreeMap::new(), &[])
        .await
        .unwrap();
    let root = detached(&snapshots.mounts("look").unwrap(), snapshots.scratch()).unwrap();
    let path = PathBuf::from(format!("/proc/self/fd/{}", root.as_raw_fd()));
    assert_eq!(seen(&path), ["both", "kept", "opaque"]);
    assert!(fs::write(path.join("x"), "").is_err());
    drop(root);
    snapshots.remove("look").await.unwrap();

    let again = snapshots.prepare("web", Vec::new(), Access::ReadWrite, BTreeMap::new(), &[]).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Conflict);
    let unknown = vec!["nope".to_owned()];
    let missing = snapshots.prepare("x", unknown, Access::ReadWrite, BTreeMap::new(), &[]).await;
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(snapshots.remove("low").await.unwrap_err().kind(), ErrorKind::Conflict);
    snapshots.remove("never was").await.unwrap();

    snapshots.prepare("empty", Vec::new(), Access::ReadWrite, BTreeMap::new(), &[]).await.unwrap();
    let root = detached(&snapshots.mounts("empty").unwrap(), snapshots.scratch()).unwrap();
    let path = PathBuf::from(format!("/proc/self/fd/{}", root.as_raw_fd()));
    fs::write(path.join("file"), "1").unwrap();
    assert_eq!(snapshots.changes("empty").unwrap().len(), 1);
    drop(root);
    snapshots.remove("empty").await.unwrap();
}

/// What was stored is there again; what was not is gone.
async fn restart(bench: Bench, driver: &str, snapshots: Snapshots) {
    let lost = snapshots.draft().unwrap();
    let folder = lost.folder();
    std::mem::forget(lost);
    let before = snapshots.walk().len();
    drop(snapshots);
    let snapshots = bench.open(driver).await;
    assert_eq!(snapshots.walk().len(), before);
    assert!(!folder.exists());
    let next = snapshots.draft().unwrap();
    assert_ne!(next.folder(), snapshots.driver().folder(snapshots.stat("web").unwrap().number));
    drop(next);
    for name in ["web", "high", "low"] {
        snapshots.remove(name).await.unwrap();
    }
    assert_eq!(seen(snapshots.driver().root()), Vec::<String>::new());
    drop(snapshots);
    bench.close().await;
}

#[test]
fn overlay_keeps_the_contract() {
    contract(Overlay::NAME);
}

#[test]
fn copy_keeps_the_contract() {
    contract(CopySnapshotter::NAME);
}

#[test]
fn many_layers_are_mounted() {
    if !is_root() {
        return;
    }
    task::block_on(async {
        let bench = Bench::new();
        let snapshots = bench.open("overlay2").await;
        let mut lower = Vec::new();
        for number in 0..200 {
            let draft = snapshots.draft().unwrap();
            fs::write(draft.folder().join("fs").join(number.to_string()), "").unwrap();
            let name = format!("layer {number}");
            snapshots.commit(draft, &name, 0).await.unwrap();
            lower.push(name);
        }
        snapshots.prepare("web", lower, Access::ReadWrite, BTreeMap::new(), &[]).await.unwrap();
        let root = detached(&snapshots.mounts("web").unwrap(), snapshots.scratch()).unwrap();
        let path = PathBuf::from(format!("/proc/self/fd/{}", root.as_raw_fd()));
        assert_eq!(seen(&path).len(), 200);
        drop((root, snapshots));
        bench.close().await;
    });
}

#[test]
fn a_snapshotter_with_data_is_not_left_behind() {
    if !is_root() {
        return;
    }
    task::block_on(async {
        let bench = Bench::new();
        let error = choose(Some("nope"), &bench.paths).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let snapshots = bench.open("copy").await;
        let draft = snapshots.draft().unwrap();
        snapshots.commit(draft, "layer", 0).await.unwrap();
        drop(snapshots);
        let error = choose(Some("overlayfs"), &bench.paths).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(choose(None, &bench.paths).unwrap().name(), "copy");
        bench.close().await;
    });
}

/// Every walk goes as deep as it says, on the stack of an ordinary thread.
#[test]
fn deep_trees_are_walked() {
    let root = std::env::temp_dir().join(format!("coffer-deep-{}", std::process::id()));
    let deep = |levels: usize| root.join("tree").join("d/".repeat(levels));
    fs::create_dir_all(deep(limits::TREE_DEPTH - 1)).unwrap();
    fs::write(deep(limits::TREE_DEPTH - 1).join("file"), "12345").unwrap();
    let tree = root.join("tree");
    let nothing = Lower::new(Vec::new(), Whiteouts::Overlay);
    assert_eq!(change::usage(&tree).unwrap().bytes, 5);
    assert_eq!(change::of_upper(&tree, &nothing).unwrap().len(), limits::TREE_DEPTH);
    assert_eq!(change::of_copy(&tree, &nothing).unwrap().len(), limits::TREE_DEPTH);
    fs::create_dir(root.join("copy")).unwrap();
    tree::Copier::default().folder(&tree, &root.join("copy")).unwrap();
    assert_eq!(change::usage(&root.join("copy")).unwrap().bytes, 5);
    fs::create_dir(root.join("merged")).unwrap();
    merge::merge(std::slice::from_ref(&tree), &root.join("merged")).unwrap();
    assert_eq!(change::usage(&root.join("merged")).unwrap().bytes, 5);
    let folder = fs::File::open(&tree).unwrap();
    let mut archive = Vec::new();
    crate::image::pack::tree(std::os::fd::AsFd::as_fd(&folder), &mut archive).unwrap();
    assert_eq!(tar::Archive::new(&archive[..]).entries().unwrap().count(), limits::TREE_DEPTH);

    fs::create_dir_all(deep(limits::TREE_DEPTH + 2)).unwrap();
    assert_eq!(change::usage(&tree).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(change::of_upper(&tree, &nothing).unwrap_err().kind(), ErrorKind::Invalid);
    fs::remove_dir_all(&root).unwrap();
}
