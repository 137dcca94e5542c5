//! Images from one end to the other on a real store: loaded, listed, named, saved, committed, removed, and
//! still there after a restart.

use super::list::Intermediate;
use super::*;
use crate::snapshot::choose;
use crate::store::Store;
use crate::trash::Trash;
use shared::error::Kind;
use shared::id::ContainerId;
use shared::paths::Paths;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

pub(super) struct Bench {
    root: PathBuf,
    pub(super) paths: Paths,
    pub(super) store: Store,
    pub(super) trash: Trash,
    pub(super) images: Images,
}

impl Bench {
    pub(super) async fn new() -> Self {
        let name = format!("coffer-image-{}", shared::id::hex(&shared::id::random::<6>()));
        let root = std::env::temp_dir().join(name);
        Self::at(root).await
    }

    pub(super) async fn at(root: PathBuf) -> Self {
        let paths = Paths::new(root.join("data"), root.join("run"));
        let store = Store::open(&paths).unwrap();
        let trash = Trash::open(paths.trash()).unwrap();
        let driver = choose(None, &paths).unwrap();
        let journal = Journal::open(store.clone()).await.unwrap();
        let snapshots = Snapshots::open(driver, store.clone(), trash.clone()).await.unwrap();
        let content = Content::open(&paths).unwrap();
        let images = Images::open(journal, content, snapshots).await.unwrap();
        Self { root, paths, store, trash, images }
    }

    pub(super) async fn restart(self) -> Self {
        let root = self.root.clone();
        self.stop().await;
        Self::at(root).await
    }

    pub(super) async fn stop(self) {
        self.images.0.journal.close().await.unwrap();
        drop(self.images);
        self.trash.wait_until_empty(Duration::from_secs(20)).unwrap();
        self.store.close().await.unwrap();
    }

    pub(super) async fn end(self) {
        let root = self.root.clone();
        self.stop().await;
        std::fs::remove_dir_all(root).unwrap();
    }

    pub(super) async fn load(&self, archive: Vec<u8>) -> Result<(Vec<Arc<Image>>, Vec<String>)> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        let progress = Box::new(move |step| {
            if let step::Step::Line(line) = step {
                kept.lock().unwrap().push(line);
            }
        });
        let loaded = self.images.load(std::io::Cursor::new(archive), progress).await?;
        let lines = lines.lock().unwrap().clone();
        Ok((loaded, lines))
    }
}

pub(super) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, data) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_600_000_000);
        tar.append_data(&mut header, path, *data).unwrap();
    }
    tar.into_inner().unwrap()
}

pub(super) fn sha(bytes: &[u8]) -> Digest {
    use sha2::Digest as _;
    Digest::from_sha256(&sha2::Sha256::digest(bytes).into())
}

/// A docker archive of one image, its layers before the table of contents, as old engines write it.
pub(super) fn archive(name: &str, label: &str, layers: &[Vec<u8>]) -> Vec<u8> {
    let diff_ids: Vec<String> = layers.iter().map(|l| sha(l).as_str().to_owned()).collect();
    let history: Vec<_> = layers.iter().map(|_| serde_json::json!({"created_by": "x"})).collect();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "created": "2024-01-02T03:04:05Z",
        "config": {"Cmd": ["/bin/true"], "Labels": {"which": label}},
        "rootfs": {"type": "layers", "diff_ids": diff_ids}, "history": history,
    });
    let config = config.to_string().into_bytes();
    let config_path = format!("{}.json", sha(&config).digits());
    let paths: Vec<String> = (0..layers.len()).map(|n| format!("layer{n}/layer.tar")).collect();
    let table = serde_json::json!([{"Config": config_path, "RepoTags": [name], "Layers": paths}]);
    let table = table.to_string().into_bytes();
    let mut files: Vec<(&str, &[u8])> = Vec::new();
    for (path, layer) in paths.iter().zip(layers) {
        files.push((path, layer));
    }
    files.push((&config_path, &config));
    files.push(("manifest.json", &table));
    tar(&files)
}

const STOPPED: &(dyn Fn(&ContainerId) -> bool + Sync) = &|_| false;

#[test]
fn loads_lists_restarts_and_saves_the_same() {
    task::block_on(async {
        let bench = Bench::new().await;
        let layers = [tar(&[("etc/os", b"one")]), tar(&[("etc/more", b"two"), ("x", b"12345")])];
        let (loaded, lines) = bench.load(archive("demo:1", "a", &layers)).await.unwrap();
        assert_eq!(lines, ["Loaded image: demo:1"]);
        let id = loaded[0].id.clone();
        assert_eq!((loaded[0].size, loaded[0].layers().len()), (11, 2));
        let (again, _) = bench.load(archive("demo:1", "a", &layers)).await.unwrap();
        assert_eq!((again[0].id.clone(), bench.images.count()), (id.clone(), 1));

        let chosen = bench.images.choose(&["demo:1".to_owned()]).unwrap();
        let mut saved = Vec::new();
        bench.images.save(&chosen, &mut saved).unwrap();
        bench.images.saved(&chosen).await.unwrap();

        let bench = bench.restart().await;
        let image = bench.images.resolve("demo:1").unwrap();
        assert_eq!((&image.id, image.size, image.tags()), (&id, 11, vec!["demo:1".to_owned()]));
        assert_eq!(image.config().cmd.as_deref().unwrap(), ["/bin/true"]);
        let history = bench.images.history("demo:1").unwrap();
        assert_eq!((history[0].size, history[0].id.as_ref()), (8, Some(&id)));

        let other = Bench::new().await;
        let (copied, _) = other.load(saved).await.unwrap();
        assert_eq!(copied[0].id, id);
        let mut stream = Vec::new();
        other.images.write_layer(&copied[0].layers()[1], &mut stream).unwrap();
        assert_eq!(stream, layers[1]);
        other.end().await;
        bench.end().await;
    });
}

#[test]
fn damaged_archives_leave_nothing() {
    task::block_on(async {
        let bench = Bench::new().await;
        let layer = tar(&[("f", b"content")]);
        let good = archive("demo:1", "a", std::slice::from_ref(&layer));
        let mut wrong = good.clone();
        let place = wrong.windows(7).position(|w| w == b"content").unwrap();
        wrong[place] = b'k';
        let error = bench.load(wrong).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(error.to_string().contains("invalid diffID for layer 0"), "{error}");
        for cut in [600, 1_600, good.len() / 2] {
            assert!(bench.load(good[..cut].to_vec()).await.is_err(), "{cut}");
        }
        let error = bench.load(tar(&[("x", b"y")])).await.unwrap_err();
        assert!(error.to_string().contains("manifest.json"), "{error}");
        assert!(bench.load(b"no archive at all".to_vec()).await.is_err());
        assert_eq!(bench.images.count(), 0);
        assert!(bench.images.snapshots().walk().is_empty());
        bench.trash.wait_until_empty(Duration::from_secs(10)).unwrap();
        let root = bench.images.snapshots().driver().root().to_owned();
        assert_eq!(std::fs::read_dir(root).unwrap().count(), 0);
        bench.end().await;
    });
}

#[test]
fn names_move_and_removal_keeps_dockers_rules() {
    task::block_on(async {
        let bench = Bench::new().await;
        let images = &bench.images;
        let base = tar(&[("base", b"base")]);
        bench.load(archive("a:1", "a", std::slice::from_ref(&base))).await.unwrap();
        let (b, _) =
            bench.load(archive("b:1", "b", &[base.clone(), tar(&[("b", b"b")])])).await.unwrap();
        let (moved, lines) = bench.load(archive("a:1", "c", &[tar(&[("c", b"c")])])).await.unwrap();
        assert!(lines[0].starts_with("The image a:1 already exists, renaming the old one with ID"));
        assert_eq!(images.resolve("a:1").unwrap().id, moved[0].id);
        let dangling = BTreeMap::from([("dangling".to_owned(), vec!["true".to_owned()])]);
        assert_eq!(images.list(&dangling, Intermediate::Hidden).unwrap().len(), 1);

        images.tag("b:1", "other/b", "2").await.unwrap();
        let error = images.remove(b[0].id.short(), Force::No, Parents::Prune, STOPPED).await;
        assert_eq!(
            error.unwrap_err().to_string(),
            format!(
                "conflict: unable to delete {} (must be forced) - image is referenced in multiple repositories",
                b[0].id.short()
            )
        );
        let done = images.remove("b:1", Force::No, Parents::Prune, STOPPED).await.unwrap();
        assert_eq!(done, [Removed::Untagged("b:1".to_owned())]);

        let container = ContainerId::generate();
        images.prepare(&images.resolve("other/b:2").unwrap(), &container).await.unwrap();
        let error =
            images.remove("other/b:2", Force::No, Parents::Prune, STOPPED).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict);
        assert_eq!(
            error.to_string(),
            format!(
                "conflict: unable to remove repository reference \"other/b:2\" (must force) - \
                 container {} is using its referenced image {}",
                container.short(),
                b[0].id.short()
            )
        );
        let running: &(dyn Fn(&ContainerId) -> bool + Sync) = &|_| true;
        let error = images.remove(b[0].id.as_str(), Force::Yes, Parents::Prune, running).await;
        assert!(error.unwrap_err().to_string().contains("cannot be forced"));
        // By force the image goes, and its layers stay as long as the container needs them.
        let done = images.remove("other/b:2", Force::Yes, Parents::Prune, STOPPED).await.unwrap();
        assert_eq!(done.len(), 2, "{done:?}");
        assert!(images.rootfs(&container).is_ok());
        images.release(&container).await.unwrap();

        let pruned = images.prune(&BTreeMap::new(), STOPPED).await.unwrap();
        assert_eq!(pruned.reclaimed_bytes, 4);
        let everything = BTreeMap::from([("dangling".to_owned(), vec!["false".to_owned()])]);
        images.prune(&everything, STOPPED).await.unwrap();
        assert_eq!((images.count(), images.snapshots().walk().len()), (0, 0));
        let missing = images.remove("nope", Force::No, Parents::Prune, STOPPED).await.unwrap_err();
        assert_eq!(missing.to_string(), "No such image: nope:latest");
        bench.end().await;
    });
}

#[test]
fn imports_and_commits() {
    task::block_on(async {
        let bench = Bench::new().await;
        let images = &bench.images;
        let asked = Import {
            repository: "imported".to_owned(),
            changes: vec!["CMD [\"/x\"]".to_owned(), "LABEL a=b".to_owned()],
            ..Import::default()
        };
        let root = std::io::Cursor::new(tar(&[("x", b"program"), ("etc/a", b"a")]));
        let image = images.import(root, asked).await.unwrap();
        assert_eq!(image.tags(), ["imported:latest"]);
        assert_eq!(image.config().cmd.as_deref().unwrap(), ["/x"]);

        let container = ContainerId::generate();
        images.prepare(&image, &container).await.unwrap();
        let upper = images.layers(&container).unwrap().upper;
        std::fs::write(upper.join("new"), "123").unwrap();
        assert_eq!(images.changes(&container).await.unwrap().len(), 1);
        assert_eq!(images.usage(&container).await.unwrap().bytes, 3);
        let asked = Commit {
            repository: "made".to_owned(),
            tag: "2".to_owned(),
            config: image.config().clone(),
            changes: vec!["ENV A=1".to_owned()],
            created_by: "sh".to_owned(),
            ..Commit::default()
        };
        let made = images.commit(&container, Some(&image), asked).await.unwrap();
        assert_eq!((made.layers().len(), made.parent.as_ref()), (2, Some(&image.id)));
        assert_eq!(made.layers()[0], image.layers()[0]);
        assert_eq!(images.history("made:2").unwrap()[0].size, 3);
        let error = images.remove(image.id.as_str(), Force::Yes, Parents::Keep, STOPPED).await;
        assert!(error.unwrap_err().to_string().contains("image has dependent child images"));

        let second = ContainerId::generate();
        images.prepare(&made, &second).await.unwrap();
        let bench = bench.restart().await;
        bench.images.retain(&HashSet::from([second.clone()])).await.unwrap();
        assert!(bench.images.rootfs(&container).is_err());
        assert!(bench.images.rootfs(&second).is_ok());
        let disk = bench.images.disk();
        assert_eq!(disk.layers_bytes, 11);
        bench.end().await;
    });
}
