//! What a loss of power can do to a layer, played on a real store: its record says that it was not on disk
//! when another boot ended, and its files are not what they were.

use super::tests::{Bench, archive, tar};
use super::{Image, record};
use crate::snapshot::Whiteouts;
use crate::store::{Durability, Tx};
use crate::task;
use shared::id::{ContainerId, Digest};
use std::path::Path;
use std::sync::Arc;

/// An image of one layer with two files, loaded.
async fn image(bench: &Bench, name: &str) -> Arc<Image> {
    let layer = tar(&[("f", name.as_bytes()), ("folder/g", b"more")]);
    bench.load(archive(name, name, &[layer])).await.unwrap();
    bench.images.resolve(name).unwrap()
}

/// Writes into the store what the daemon of another boot would have left there.
async fn unsettle(bench: &Bench, digest: &Digest) {
    let layer = bench.images.read().layer(digest).unwrap().clone();
    assert_eq!(layer.unsettled, None, "an image is answered for when it is on disk");
    let doubtful = record::LayerRecord {
        unsettled: Some("another boot".to_owned()),
        ..record::LayerRecord::clone(&layer)
    };
    let key = digest.as_str().to_owned();
    let put = move |tx: &mut Tx<'_>| tx.put(&key, &doubtful);
    bench.store.commit(Durability::Eventual, None, put).await.unwrap();
}

/// Everything that a disk may make of a layer that did not reach it, by the folder of the layer.
const DAMAGE: &[(&str, fn(&Path))] = &[
    ("empty", |folder| std::fs::write(folder.join("fs/f"), "").unwrap()),
    ("other", |folder| std::fs::write(folder.join("fs/f"), "changed:1").unwrap()),
    ("longer", |folder| std::fs::write(folder.join("fs/folder/g"), "more and more").unwrap()),
    ("file", |folder| std::fs::remove_file(folder.join("fs/f")).unwrap()),
    ("inner", |folder| std::fs::remove_dir_all(folder.join("fs/folder")).unwrap()),
    ("recipe", |folder| std::fs::remove_file(folder.join("recipe")).unwrap()),
    ("cut", |folder| {
        let recipe = std::fs::read(folder.join("recipe")).unwrap();
        std::fs::write(folder.join("recipe"), &recipe[..recipe.len() / 2]).unwrap();
    }),
    ("zeros", |folder| {
        let length = folder.join("recipe").metadata().unwrap().len() as usize;
        std::fs::write(folder.join("recipe"), vec![0; length]).unwrap();
    }),
    ("files", |folder| std::fs::remove_dir_all(folder.join("fs")).unwrap()),
    ("all", |folder| std::fs::remove_dir_all(folder).unwrap()),
];

#[test]
fn a_damaged_layer_is_found_and_given_up() {
    task::block_on(async {
        let bench = Bench::new().await;
        let good = image(&bench, "good:1").await;
        unsettle(&bench, &good.layers()[0]).await;
        for (name, damage) in DAMAGE {
            let bad = image(&bench, &format!("{name}:1")).await;
            unsettle(&bench, &bad.layers()[0]).await;
            let files = bench.images.snapshots().files(bad.layers()[0].as_str()).unwrap();
            damage(files.parent().unwrap());
        }
        let bench = bench.restart().await;
        assert_eq!(bench.images.get(&good.id).unwrap().tags(), ["good:1"]);
        for (name, _) in DAMAGE {
            assert!(bench.images.resolve(&format!("{name}:1")).is_err(), "{name} is served");
        }
        assert_eq!(bench.images.snapshots().walk().len(), 1);
        for (name, _) in DAMAGE {
            image(&bench, &format!("{name}:1")).await;
        }
        let bench = bench.restart().await;
        assert_eq!(bench.images.count(), DAMAGE.len() + 1);
        bench.end().await;
    });
}

/// A container of the image `bad:1`, whose layer another boot lost.
async fn container_on_damaged_layer(bench: &Bench) -> (Digest, ContainerId) {
    let bad = image(bench, "bad:1").await;
    let digest = bad.layers()[0].clone();
    let container = ContainerId::parse(&"a".repeat(64)).unwrap();
    bench.images.prepare(&bad, &container).await.unwrap();
    unsettle(bench, &digest).await;
    let files = bench.images.snapshots().files(digest.as_str()).unwrap();
    std::fs::write(files.join("f"), "").unwrap();
    (digest, container)
}

#[test]
fn a_container_on_a_damaged_layer_waits_for_a_whole_one() {
    task::block_on(async {
        let bench = Bench::new().await;
        if bench.images.snapshots().driver().whiteouts() != Whiteouts::Overlay {
            eprintln!("skipped: without overlays a container's tree is a copy of its own");
            return bench.end().await;
        }
        let (digest, container) = container_on_damaged_layer(&bench).await;

        let bench = bench.restart().await;
        assert!(bench.images.resolve("bad:1").is_err());
        let error = bench.images.rootfs(&container).unwrap_err();
        assert!(error.to_string().contains("damaged: load the image again"), "{error}");
        // The same archive once more: its layer is not taken for one that is here.
        image(&bench, "bad:1").await;
        assert!(bench.images.rootfs(&container).is_ok());
        let files = bench.images.snapshots().files(digest.as_str()).unwrap();
        assert_eq!(std::fs::read(files.join("f")).unwrap(), b"bad:1");

        let bench = bench.restart().await;
        assert!(bench.images.rootfs(&container).is_ok());
        assert_eq!(
            std::fs::read_dir(bench.paths.snapshots().join("overlayfs")).unwrap().count(),
            2
        );
        bench.images.release(&container).await.unwrap();
        bench.end().await;
    });
}

#[test]
fn a_damaged_layer_goes_with_its_last_container() {
    task::block_on(async {
        let bench = Bench::new().await;
        let (_, container) = container_on_damaged_layer(&bench).await;
        let bench = bench.restart().await;
        bench.images.release(&container).await.unwrap();
        assert!(bench.images.snapshots().walk().is_empty());
        bench.end().await;
    });
}
