//! The store against a real folder.

use super::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Counter {
    n: u32,
}
impl Record for Counter {
    const TABLE: &'static str = "tt";
    const VERSION: u8 = 1;
}

struct Folder(PathBuf);
impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("coffer-store-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    fn paths(&self) -> Paths {
        Paths::new(self.0.join("data"), self.0.join("exec"))
    }
}
impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn add(store: &Store, serial: Option<&'static str>) -> Result<u32> {
    task::block_on(store.commit(Durability::Eventual, serial, |tx| {
        let n = tx.get_locked::<Counter>("a")?.map_or(0, |c| c.n) + 1;
        tx.put("a", &Counter { n })?;
        Ok(n)
    }))
}

#[test]
fn commits_survive_a_close_and_an_abandon() {
    let folder = Folder::new("reopen");
    let store = Store::open(&folder.paths()).unwrap();
    let id = store.id().to_owned();
    assert_eq!(add(&store, None).unwrap(), 1);
    assert!(task::block_on(store.close()).unwrap());
    let store = Store::open(&folder.paths()).unwrap();
    assert_eq!(store.id(), id);
    assert_eq!(add(&store, None).unwrap(), 2);
    assert_eq!(store.get::<Counter>("a").unwrap(), Some(Counter { n: 2 }));
    task::block_on(store.close()).unwrap();
}

#[test]
fn racing_writers_lose_nothing() {
    let folder = Folder::new("race");
    let store = Store::open(&folder.paths()).unwrap();
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            std::thread::spawn(move || {
                (0..20).for_each(|_| assert!(add(&store, Some("a")).unwrap() > 0))
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(store.get::<Counter>("a").unwrap(), Some(Counter { n: 160 }));
    task::block_on(store.close()).unwrap();
}

#[test]
fn a_failed_closure_changes_nothing_and_a_dropped_caller_loses_nothing() {
    let folder = Folder::new("fail");
    let store = Store::open(&folder.paths()).unwrap();
    let failed: Result<()> = task::block_on(store.commit(Durability::Eventual, None, |tx| {
        tx.put("a", &Counter { n: 7 })?;
        Err(Error::conflict("no"))
    }));
    assert_eq!(failed.unwrap_err().kind(), shared::error::Kind::Conflict);
    assert_eq!(store.get::<Counter>("a").unwrap(), None);

    let commit = store.commit(Durability::Immediate, None, |tx| tx.put("b", &Counter { n: 1 }));
    let limited = task::timeout(Duration::from_nanos(1), "nothing", commit);
    let _either = task::block_on(limited);
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while store.get::<Counter>("b").unwrap().is_none() {
        assert!(std::time::Instant::now() < deadline, "the commit was lost");
        std::thread::yield_now();
    }
    task::block_on(store.close()).unwrap();
}

#[test]
fn a_broken_record_is_reported_alone() {
    let folder = Folder::new("broken");
    let store = Store::open(&folder.paths()).unwrap();
    add(&store, None).unwrap();
    let break_it = store.commit(Durability::Eventual, None, |tx| {
        tx.inner.set(b"0/tt/z".to_vec(), b"\x01J{oops".to_vec()).map_err(engine::error)
    });
    task::block_on(break_it).unwrap();
    let all = task::block_on(store.all::<Counter>()).unwrap();
    assert_eq!(all.len(), 2);
    assert!(all[0].1.is_ok() && all[1].1.is_err());
    let check = store.check().unwrap();
    assert_eq!((check.records, check.broken.len()), (3, 1));
    task::block_on(store.close()).unwrap();
}

#[test]
fn an_export_can_be_put_back() {
    let (from, to) = (Folder::new("export"), Folder::new("import"));
    let store = Store::open(&from.paths()).unwrap();
    (0..3).for_each(|_| assert!(add(&store, None).unwrap() > 0));
    let mut text = Vec::new();
    assert_eq!(store.export(&mut text).unwrap(), 2);
    let other = Store::open(&to.paths()).unwrap();
    assert_eq!(other.import(&mut &text[..]).unwrap(), 2);
    assert_eq!(other.get::<Counter>("a").unwrap(), Some(Counter { n: 3 }));
    for (line, said) in [
        ("{\"key\":\"0/tt/b\"}", "not a record of an export"),
        ("{\"key\":\"1/tt/b\",\"version\":1,\"value\":{}}", "is not a key"),
        (
            r#"{"key":"0/m/schema","version":1,"value":{"version":250,"store":"x"}}"#,
            "start the newer build again",
        ),
    ] {
        let error = other.import(&mut line.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(said) && error.message() == "line 1", "{error}");
    }
    task::block_on(store.close()).unwrap();
    task::block_on(other.close()).unwrap();
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = Folder::new("schema");
    let store = Store::open(&folder.paths()).unwrap();
    let newer = Schema { version: schema::VERSION + 1, store: "x".into() };
    task::block_on(
        store.commit(Durability::Immediate, None, move |tx| tx.put(schema::KEY, &newer)),
    )
    .unwrap();
    task::block_on(store.close()).unwrap();
    let error = Store::open(&folder.paths()).err().expect("refused");
    assert!(error.to_string().contains("start the newer build again"), "{error}");
}
