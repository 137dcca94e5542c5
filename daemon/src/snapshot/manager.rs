//! Snapshots by name: their records in the store, their folders on a driver.
//!
//! Order of operations: a folder is made before its record and goes into the trash after it, so that a
//! crash leaves a folder without record at worst, which the next start removes. A record always has its
//! folder.

use super::{Access, Change, Given, Kind, Snapshot, Snapshotter, Usage, given};
use crate::store::{Durability, Store};
use crate::{event, task, trash::Trash};
use shared::error::{Context, Error, Result};
use shared::shim::Mount;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

/// All snapshots of a daemon. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Snapshots(Arc<Inner>);

struct Inner {
    driver: Box<dyn Snapshotter>,
    store: Store,
    trash: Trash,
    next: AtomicU64,
    known: RwLock<BTreeMap<String, Arc<Snapshot>>>,
}

/// A layer being unpacked. Dropping it throws it away.
pub struct Draft {
    snapshots: Snapshots,
    number: u64,
    is_kept: bool,
}

impl Draft {
    /// The folder that holds `fs`.
    pub fn folder(&self) -> PathBuf {
        self.snapshots.0.driver.folder(self.number)
    }

    /// The record to store once the layer is complete; `bytes` is its size.
    pub fn record(&self, bytes: u64) -> Snapshot {
        Snapshot {
            kind: Kind::Layer,
            number: self.number,
            lower: Vec::new(),
            created_nanos: event::now_nanos(),
            bytes,
            labels: BTreeMap::new(),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_kept {
            self.snapshots.discard(self.number);
        }
    }
}

impl Snapshots {
    /// Reads the records, and removes folders without one.
    pub async fn open(driver: Box<dyn Snapshotter>, store: Store, trash: Trash) -> Result<Self> {
        let mut known = BTreeMap::new();
        for (name, record) in store.all::<Snapshot>().await? {
            match record {
                Ok(record) => drop(known.insert(name, Arc::new(record))),
                Err(error) => tracing::error!(%name, %error, "a snapshot's record is broken"),
            }
        }
        let highest = known.values().map(|s| s.number).max().unwrap_or(0);
        let snapshots = Self(Arc::new(Inner {
            driver,
            store,
            trash,
            next: AtomicU64::new(highest + 1),
            known: RwLock::new(known),
        }));
        let this = snapshots.clone();
        task::blocking("remove stray snapshots", move || this.remove_strays()).await?;
        Ok(snapshots)
    }

    fn remove_strays(&self) -> Result<()> {
        let used: HashSet<u64> = self.read().values().map(|s| s.number).collect();
        let root = self.0.driver.root();
        let sentence = || format!("read {}", root.display());
        for entry in std::fs::read_dir(root).with_context(sentence)? {
            let path = entry.with_context(sentence)?.path();
            let number = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.parse().ok());
            if number.is_some_and(|n: u64| used.contains(&n)) {
                continue;
            }
            tracing::info!(path = %path.display(), "removing a snapshot that was not finished");
            self.0.next.fetch_max(number.unwrap_or(0) + 1, Ordering::Relaxed);
            self.0.trash.take(&path)?;
        }
        Ok(())
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<Snapshot>>> {
        self.0.known.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<String, Arc<Snapshot>>> {
        self.0.known.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn number(&self) -> u64 {
        self.0.next.fetch_add(1, Ordering::Relaxed)
    }

    fn discard(&self, number: u64) {
        if let Err(error) = self.0.trash.take(&self.0.driver.folder(number)) {
            tracing::error!(number, %error, "cannot remove a snapshot; the next start does");
        }
    }

    /// The driver.
    pub fn driver(&self) -> &dyn Snapshotter {
        &*self.0.driver
    }

    /// Begins a layer. Blocking.
    pub fn draft(&self) -> Result<Draft> {
        let number = self.number();
        let draft = Draft { snapshots: self.clone(), number, is_kept: false };
        self.0.driver.draft(number)?;
        Ok(draft)
    }

    /// Makes a layer known whose record the caller has stored, in one transaction with its own records.
    /// It takes the place of one with the same name, for which nobody may have been given mounts.
    pub fn adopt(&self, mut draft: Draft, name: &str, record: Snapshot) {
        draft.is_kept = true;
        if let Some(before) = self.write().insert(name.to_owned(), Arc::new(record)) {
            self.discard(before.number);
        }
    }

    /// Stores a layer's record and makes it known.
    pub async fn commit(&self, draft: Draft, name: &str, bytes: u64) -> Result<()> {
        let (record, key) = (draft.record(bytes), name.to_owned());
        let stored = record.clone();
        let work = move |tx: &mut crate::store::Tx<'_>| tx.put(&key, &stored);
        self.0.store.commit(Durability::Eventual, None, work).await?;
        self.adopt(draft, name, record);
        Ok(())
    }

    /// Makes a tree on top of layers, the lowest first, with what they lack of `given` in it. Its name
    /// must be free.
    pub async fn prepare(
        &self,
        name: &str,
        lower: Vec<String>,
        access: Access,
        labels: BTreeMap<String, String>,
        given: &'static [Given],
    ) -> Result<()> {
        let numbers = self.numbers(&lower)?;
        if self.read().contains_key(name) {
            return Err(Error::conflict(format!("snapshot {name} already exists")));
        }
        let number = self.number();
        let draft = Draft { snapshots: self.clone(), number, is_kept: false };
        let this = self.clone();
        let made = move || {
            this.0.driver.prepare(number, &numbers, access)?;
            this.0.driver.give(number, &numbers, given)
        };
        task::blocking("prepare a snapshot", made).await?;
        let kind = if access == Access::ReadOnly { Kind::View } else { Kind::Active };
        let record = Snapshot { kind, lower, labels, ..draft.record(0) };
        let (key, stored) = (name.to_owned(), record.clone());
        let work = move |tx: &mut crate::store::Tx<'_>| tx.put(&key, &stored);
        self.0.store.commit(Durability::Eventual, None, work).await?;
        self.adopt(draft, name, record);
        Ok(())
    }

    /// How to mount a tree.
    pub fn mounts(&self, name: &str) -> Result<Vec<Mount>> {
        let (snapshot, lower) = self.tree(name)?;
        let access =
            if snapshot.kind == Kind::Active { Access::ReadWrite } else { Access::ReadOnly };
        self.0.driver.mounts(snapshot.number, &lower, access)
    }

    /// How a tree differs from its layers. Blocking.
    pub fn changes(&self, name: &str) -> Result<Vec<Change>> {
        let (snapshot, lower) = self.tree(name)?;
        self.0.driver.changes(snapshot.number, &lower)
    }

    /// What a tree takes beside its layers and what it was given, or a layer. Blocking.
    pub fn usage(&self, name: &str, given: &[Given]) -> Result<Usage> {
        let (snapshot, lower) = self.tree(name)?;
        let driver = &self.0.driver;
        let all = driver.usage(snapshot.number, &lower)?;
        let given = given::usage(given, &driver.files(snapshot.number))?;
        Ok(Usage {
            bytes: all.bytes.saturating_sub(given.bytes),
            inodes: all.inodes.saturating_sub(given.inodes),
        })
    }

    /// The folder of what a snapshot has of its own.
    pub fn files(&self, name: &str) -> Result<PathBuf> {
        Ok(self.0.driver.files(self.tree(name)?.0.number))
    }

    /// The record of a snapshot.
    pub fn stat(&self, name: &str) -> Option<Arc<Snapshot>> {
        self.read().get(name).cloned()
    }

    /// All snapshots in order of names.
    pub fn walk(&self) -> Vec<(String, Arc<Snapshot>)> {
        self.read().iter().map(|(name, snapshot)| (name.clone(), snapshot.clone())).collect()
    }

    /// Removes a snapshot; one that does not exist is fine. A layer below a tree is a conflict.
    pub async fn remove(&self, name: &str) -> Result<()> {
        let Some(snapshot) = self.stat(name) else { return Ok(()) };
        self.check_unused(name)?;
        let key = name.to_owned();
        let work = move |tx: &mut crate::store::Tx<'_>| tx.delete::<Snapshot>(&key);
        self.0.store.commit(Durability::Eventual, None, work).await?;
        self.forget(name, &snapshot);
        Ok(())
    }

    /// Forgets a snapshot whose record the caller has deleted, and throws its folder away.
    pub fn forget(&self, name: &str, snapshot: &Snapshot) {
        self.write().remove(name);
        self.discard(snapshot.number);
    }

    /// An error if a tree stands on this layer.
    pub fn check_unused(&self, name: &str) -> Result<()> {
        let known = self.read();
        match known.iter().find(|(_, s)| s.lower.iter().any(|lower| lower == name)) {
            Some((user, _)) => Err(Error::conflict(format!("layer {name} is used by {user}"))),
            None => Ok(()),
        }
    }

    fn tree(&self, name: &str) -> Result<(Arc<Snapshot>, Vec<u64>)> {
        let snapshot = self.stat(name);
        let snapshot =
            snapshot.ok_or_else(|| Error::not_found(format!("snapshot {name} does not exist")))?;
        let lower = self.numbers(&snapshot.lower)?;
        Ok((snapshot, lower))
    }

    fn numbers(&self, layers: &[String]) -> Result<Vec<u64>> {
        let known = self.read();
        let number = |name: &String| match known.get(name) {
            Some(snapshot) if snapshot.kind == Kind::Layer => Ok(snapshot.number),
            _ => Err(Error::not_found(format!("layer {name} does not exist"))),
        };
        layers.iter().map(number).collect()
    }

    /// A folder that serves as mount point for [`shared::kernel::detached::detached`].
    pub fn scratch(&self) -> &Path {
        self.0.driver.root()
    }
}
