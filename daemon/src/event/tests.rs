//! The journal against a real store.

use super::*;
use crate::store::{Durability, Store};
use crate::task::block_on;
use shared::error::{Error, Result};
use shared::paths::Paths;
use shared::watch::Gap;
use std::path::PathBuf;

struct Folder(PathBuf);
impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("coffer-journal-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    fn open(&self) -> Journal {
        let store = Store::open(&Paths::new(self.0.join("d"), self.0.join("e"))).unwrap();
        block_on(Journal::open(store)).unwrap()
    }
}
impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn fact(action: &str) -> Fact {
    Fact::new(Type::Container, action, "c1").with("name", "web")
}

fn read(journal: &Journal, since: Since) -> Vec<Item> {
    block_on(async {
        let mut subscription = journal.subscribe(since).await.unwrap();
        let mut items = Vec::new();
        while let Some(item) = subscription.ready().await.unwrap() {
            items.push(item);
        }
        items
    })
}

fn actions(items: &[Item]) -> Vec<String> {
    let text = |item: &Item| match item {
        Item::Event(event) => format!("{}:{}", event.seq, event.action),
        Item::Gap(gap) => format!("gap {}-{}", gap.from, gap.to),
    };
    items.iter().map(text).collect()
}

fn close(journal: Journal) {
    block_on(journal.close()).unwrap();
    block_on(journal.store().clone().close()).unwrap();
}

#[test]
fn facts_come_in_order_and_survive_a_clean_stop() {
    let folder = Folder::new("order");
    let journal = folder.open();
    block_on(journal.record(vec![fact("create"), fact("start")])).unwrap();
    let failed: Result<()> =
        block_on(journal.commit(Durability::Eventual, None, vec![fact("never")], |_| {
            Err(Error::conflict("no"))
        }));
    assert!(failed.is_err());
    block_on(journal.record(vec![fact("die")])).unwrap();
    let expected = ["1:create", "2:start", "4:die"];
    assert_eq!(actions(&read(&journal, Since::After(0))), expected);
    assert_eq!(actions(&read(&journal, Since::After(2))), ["4:die"]);
    assert!(read(&journal, Since::Now).is_empty());
    close(journal);

    let journal = folder.open();
    assert_eq!(actions(&read(&journal, Since::Time(0))), expected);
    block_on(journal.record(vec![fact("start")])).unwrap();
    assert_eq!(actions(&read(&journal, Since::After(2))), ["4:die", "5:start"]);
    close(journal);
}

#[test]
fn an_unclean_stop_never_reuses_a_number_and_says_so() {
    let folder = Folder::new("kill");
    let journal = folder.open();
    block_on(journal.record(vec![fact("create"), fact("start")])).unwrap();
    // No `Journal::close`: the reservation stands as after a kill.
    block_on(journal.store().clone().close()).unwrap();
    drop(journal);

    let journal = folder.open();
    block_on(journal.record(vec![fact("die")])).unwrap();
    let next = 1 + crate::limits::JOURNAL_BLOCK;
    let items = read(&journal, Since::After(0));
    assert_eq!(
        actions(&items),
        ["1:create".into(), "2:start".into(), format!("gap 3-{}", next - 1), format!("{next}:die")]
    );
    close(journal);
}

#[test]
fn a_waiting_reader_is_woken_and_memory_is_not_needed() {
    let folder = Folder::new("wake");
    let journal = folder.open();
    let mut subscription = block_on(journal.subscribe(Since::Now)).unwrap();
    let writer = journal.clone();
    let thread = std::thread::spawn(move || {
        for _ in 0..5000 {
            block_on(writer.record(vec![fact("tick")])).unwrap();
        }
    });
    for seq in 1..=5000 {
        match block_on(subscription.next()).unwrap() {
            Item::Event(event) => assert_eq!(event.seq, seq),
            Item::Gap(Gap { from, to }) => panic!("gap {from}-{to}"),
        }
    }
    thread.join().unwrap();
    let all = read(&journal, Since::After(0));
    assert_eq!(all.len(), 5000, "5000 were written, memory holds 4096");
    let Item::Event(middle) = &all[2500] else { panic!("no event") };
    let since = read(&journal, Since::Time(middle.time_nanos));
    let Item::Event(first) = &since[0] else { panic!("no event") };
    assert_eq!(first.time_nanos, middle.time_nanos);
    drop(subscription);
    close(journal);
}

#[test]
fn cursors_name_their_store() {
    let folder = Folder::new("cursor");
    let journal = folder.open();
    let cursor = journal.cursor(42);
    assert_eq!(journal.parse_cursor(&cursor).unwrap(), 42);
    assert_eq!(journal.parse_cursor("7").unwrap(), 7);
    assert!(journal.parse_cursor("ffff-7").is_err());
    assert!(journal.parse_cursor("x").is_err());
    close(journal);
}
