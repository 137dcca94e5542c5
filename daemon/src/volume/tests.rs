//! Volumes against a real store and folder.

use super::*;
use crate::store::Store;
use crate::task::block_on;
use shared::error::Kind;

struct Folder(PathBuf);
impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("coffer-volume-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    fn paths(&self) -> Paths {
        Paths::new(self.0.join("data"), self.0.join("exec"))
    }
    fn open(&self) -> Volumes {
        let paths = self.paths();
        let trash = Trash::open(paths.trash()).unwrap();
        let store = Store::open(&paths).unwrap();
        let journal = block_on(Journal::open(store)).unwrap();
        block_on(Volumes::open(journal, Arc::new(paths), trash)).unwrap()
    }
}
impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn close(volumes: Volumes) {
    let trash = volumes.0.trash.clone();
    trash.wait_until_empty(std::time::Duration::from_secs(10)).unwrap();
    block_on(volumes.0.journal.close()).unwrap();
    block_on(volumes.0.journal.store().clone().close()).unwrap();
}

fn named(name: &str) -> Wish {
    Wish { name: name.into(), ..Wish::default() }
}

#[test]
fn a_volume_in_use_stays_and_survives_a_restart() {
    let folder = Folder::new("use");
    let volumes = folder.open();
    let container = ContainerId::generate();
    let path = block_on(volumes.acquire(&named("data"), &container)).unwrap();
    std::fs::write(path.join("file"), "x").unwrap();
    let error = block_on(volumes.remove("data")).unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert_eq!(error.to_string(), format!("remove data: volume is in use - [{container}]"));
    close(volumes);

    let volumes = folder.open();
    assert!(volumes.get("data").unwrap().users.contains(container.as_str()));
    block_on(volumes.retain_users(|_| false)).unwrap();
    block_on(volumes.remove("data")).unwrap();
    assert_eq!(volumes.get("data").unwrap_err().to_string(), "get data: no such volume");
    assert!(!path.exists());
    close(volumes);
}

#[test]
fn creating_twice_is_fine_and_prune_spares_names() {
    let folder = Folder::new("prune");
    let volumes = folder.open();
    let first = block_on(volumes.create(named("data"))).unwrap();
    assert_eq!(block_on(volumes.create(named("data"))).unwrap(), first);
    let anonymous = block_on(volumes.create(Wish::default())).unwrap();
    assert_eq!(anonymous.volume.name.len(), 64);
    let pruned = block_on(volumes.prune(&Filter::default(), false)).unwrap();
    assert_eq!(pruned.names, std::slice::from_ref(&anonymous.volume.name));
    assert_eq!(block_on(volumes.prune(&Filter::default(), true)).unwrap().names, ["data"]);
    let plugin = Wish { driver: "nope".into(), ..named("xy") };
    let error = block_on(volumes.create(plugin)).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert_eq!(
        error.to_string(),
        "create xy: error looking up volume plugin nope: plugin \"nope\" not found"
    );
    close(volumes);
}

#[test]
fn half_done_work_is_finished_and_files_are_never_lost() {
    let folder = Folder::new("repair");
    let volumes = folder.open();
    block_on(volumes.create(named("removed"))).unwrap();
    close(volumes);
    let root = folder.paths().volumes();
    std::fs::remove_dir_all(root.join("removed")).unwrap();
    std::fs::create_dir_all(root.join("half/_data")).unwrap();
    std::fs::create_dir_all(root.join("found/_data")).unwrap();
    std::fs::write(root.join("found/_data/file"), "x").unwrap();

    let volumes = folder.open();
    assert!(volumes.get("removed").is_err());
    assert!(volumes.get("half").is_err() && !root.join("half").exists());
    assert_eq!(volumes.get("found").unwrap().path, root.join("found/_data"));
    close(volumes);
}
