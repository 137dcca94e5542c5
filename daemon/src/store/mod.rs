//! The metadata store: typed tables over surrealkv, transactions over several of them.
//!
//! Only this folder names surrealkv. Rules that the engine (1.2.0) needs, each found by measuring:
//! one `Tree`, never cloned or dropped on its own; commits are polled inside the guest runtime; no
//! timeout around a commit; writers that would conflict queue on a named lock instead (`serial`), which
//! also avoids a `close` that hangs after lost conflicts; `close` is bounded; nothing else lives in the
//! folder; no value log, no `delete_range`.
//!
//! Durability: `Immediate` survives power loss, `Eventual` survives kill -9 and becomes durable within
//! half a second.

mod engine;
mod offline;
mod schema;
pub mod table;
mod txn;

pub use offline::Check;
pub use surrealkv::Durability;
pub use table::Record;
pub use txn::Tx;

use crate::guest::Guest;
use crate::{limits, task};
use schema::Schema;
use shared::error::{Context, Error, Result};
use shared::paths::Paths;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use surrealkv::{Mode, Transaction, Tree};

/// The store. Clones are handles to the same one.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    // Declared before `guest`: the tree must go first, or a commit would wait for ever.
    tree: Tree,
    guest: Guest,
    schema: Schema,
    reserve: PathBuf,
    serial: Mutex<HashMap<String, Arc<task::Mutex<()>>>>,
    dirty: AtomicBool,
    full: AtomicBool,
    /// Rings when one of the two has been set.
    duty: task::Bell,
    commits: AtomicU64,
    retries: AtomicU64,
}

/// Figures for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Transactions committed since the start.
    pub commits: u64,
    /// Transactions tried again after a lost conflict.
    pub retries: u64,
    /// The disk is full: reads work, writes are refused.
    pub full: bool,
}

impl Store {
    /// Opens or creates the store. Blocking. A newer schema and a damaged store are errors.
    pub fn open(paths: &Paths) -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let folder = paths.store();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("create {}", folder.display()))?;
        let guest = Guest::start()?;
        let tree = {
            let _entered = guest.enter();
            match engine::open(&folder) {
                Err(error) if error.kind() == shared::error::Kind::Unavailable => {
                    tracing::warn!(%error, "no room to open the store: giving up the reserve");
                    remove_reserve(&paths.reserve())?;
                    engine::open(&folder)?
                }
                other => other?,
            }
        };
        let schema = read_schema(&tree)?;
        let fresh = schema.is_none();
        let schema = schema.unwrap_or_default();
        schema.check()?;
        let store = Self(Arc::new(Inner {
            tree,
            guest,
            schema,
            reserve: paths.reserve(),
            serial: Mutex::default(),
            dirty: AtomicBool::new(false),
            full: AtomicBool::new(false),
            duty: task::Bell::new(),
            commits: AtomicU64::new(0),
            retries: AtomicU64::new(0),
        }));
        if fresh {
            let schema = store.0.schema.clone();
            task::block_on(
                store.commit(Durability::Immediate, None, move |tx| tx.put(schema::KEY, &schema)),
            )?;
        }
        store.keep_reserve();
        Ok(store)
    }

    /// Names this store: the first half of every cursor.
    pub fn id(&self) -> &str {
        &self.0.schema.store
    }

    /// Runs `work` in a transaction and commits it. `serial` names a hot resource whose writers queue
    /// instead of fighting. The closure runs again after a lost conflict. The commit happens even if
    /// the caller is dropped meanwhile. An error of the closure leaves the store as it was.
    pub async fn commit<T, F>(
        &self,
        durability: Durability,
        serial: Option<&str>,
        work: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let inner = self.0.clone();
        let serial = serial.map(|name| self.serial(name));
        let handle = self.0.guest.handle();
        // `Handle::enter` borrows the handle: the guard must live for one poll only.
        let run = async move {
            let _queue = match &serial {
                Some(lock) => Some(lock.lock().await),
                None => None,
            };
            inner.run(durability, work).await
        };
        task::spawn("commit", InGuest { handle, future: Box::pin(run) }).await?
    }

    fn serial(&self, name: &str) -> Arc<task::Mutex<()>> {
        let mut locks = self.0.serial.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        locks.entry(name.to_owned()).or_default().clone()
    }

    /// One record. A read of the disk at worst, tens of microseconds.
    pub fn get<R: Record>(&self, id: &str) -> Result<Option<R>> {
        let tx = self.0.begin_read()?;
        let bytes = tx.get(table::key::<R>(id)).map_err(engine::error)?;
        bytes.map(|bytes| R::decode(&bytes)).transpose()
    }

    /// A whole table in order of ids, read on a blocking thread. A broken record is an error of its own.
    pub async fn all<R: Record>(&self) -> Result<Vec<(String, Result<R>)>> {
        let inner = self.0.clone();
        task::blocking("scan the store", move || txn::scan::<R>(&inner.begin_read()?, "")).await
    }

    /// The records whose ids are given; blocking, for pages of the journal.
    pub fn page<R: Record>(&self, ids: impl Iterator<Item = String>) -> Result<Vec<Option<R>>> {
        let tx = self.0.begin_read()?;
        ids.map(|id| {
            let bytes = tx.get(table::key::<R>(&id)).map_err(engine::error)?;
            bytes.map(|bytes| R::decode(&bytes)).transpose()
        })
        .collect()
    }

    /// Makes every commit so far durable.
    async fn flush(&self) -> Result<()> {
        if !self.0.dirty.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let inner = self.0.clone();
        let flush = move || inner.tree.flush_wal(true).map_err(engine::error);
        let flushed = task::blocking("flush the store", flush).await;
        if flushed.is_err() {
            // It is tried again; nobody else would ask.
            self.0.dirty.store(true, Ordering::Release);
        }
        flushed
    }

    /// Flushes soon after each commit that was not durable at once, for ever, and looks for room after the disk was full. The caller spawns it.
    pub async fn maintain(self) {
        loop {
            let duty = self.0.duty.listen();
            if !self.0.dirty.load(Ordering::Acquire) && !self.0.full.load(Ordering::Acquire) {
                duty.await;
            }
            task::sleep(limits::STORE_FLUSH).await;
            if let Err(error) = self.flush().await {
                tracing::warn!(%error, "cannot flush the store");
            }
            if self.0.full.load(Ordering::Acquire) {
                task::sleep(limits::STORE_RECOVER).await;
                let store = self.clone();
                task::blocking("look for disk space", move || store.keep_reserve()).await;
            }
        }
    }

    /// Figures for the metrics.
    pub fn figures(&self) -> Figures {
        Figures {
            commits: self.0.commits.load(Ordering::Relaxed),
            retries: self.0.retries.load(Ordering::Relaxed),
            full: self.0.full.load(Ordering::Relaxed),
        }
    }

    /// Closes it. Bounded: if the engine hangs its log is synced instead, and the next open replays it.
    /// True when it closed cleanly.
    pub async fn close(self) -> Result<bool> {
        let inner = self.0.clone();
        let handle = self.0.guest.handle();
        let close = InGuest {
            handle,
            future: Box::pin(async move { inner.tree.close().await.map_err(engine::error) }),
        };
        match task::timeout(limits::STORE_CLOSE, "close the store", close).await {
            Ok(closed) => closed.map(|()| true),
            Err(_) => {
                let inner = self.0.clone();
                task::blocking("abandon the store", move || {
                    let flushed = inner.tree.flush_wal(true).map_err(engine::error);
                    inner.tree.abandon();
                    flushed
                })
                .await?;
                Ok(false)
            }
        }
    }

    /// Puts the reserve back; success means that there is room again.
    fn keep_reserve(&self) {
        match make_reserve(&self.0.reserve) {
            Ok(()) => {
                if self.0.full.swap(false, Ordering::AcqRel) {
                    tracing::info!("there is room on the store's disk again");
                }
            }
            Err(error) => tracing::warn!(%error, "cannot keep room for the store"),
        }
    }
}

impl Inner {
    fn begin_read(&self) -> Result<Transaction> {
        self.tree.begin_with_mode(Mode::ReadOnly).map_err(engine::error)
    }

    async fn run<T, F>(&self, durability: Durability, mut work: F) -> Result<T>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send,
    {
        for attempt in 0..limits::STORE_ATTEMPTS {
            let mut inner = self.tree.begin().map_err(engine::error)?;
            inner.set_durability(durability);
            let value = work(&mut Tx { inner: &mut inner })?;
            match inner.commit().await {
                Ok(()) => {
                    self.commits.fetch_add(1, Ordering::Relaxed);
                    if durability == Durability::Eventual
                        && !self.dirty.swap(true, Ordering::AcqRel)
                    {
                        self.duty.notify(usize::MAX);
                    }
                    return Ok(value);
                }
                Err(error) if engine::is_conflict(&error) => {
                    self.retries.fetch_add(1, Ordering::Relaxed);
                    task::sleep(backoff(attempt)).await;
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
        Err(Error::internal("a transaction lost against others too often"))
    }

    fn failed(&self, error: surrealkv::Error) -> Error {
        if engine::is_full(&error) && !self.full.swap(true, Ordering::AcqRel) {
            self.duty.notify(usize::MAX);
            tracing::error!(%error, "the store's disk is full: giving up the reserve");
            if let Err(error) = remove_reserve(&self.reserve) {
                tracing::error!(%error, "cannot give up the reserve");
            }
        }
        engine::error(error)
    }
}

/// 0.2 ms doubling to 13 ms, half of it random: immediate retries burn the processor.
fn backoff(attempt: u32) -> Duration {
    let base = 200u64 << attempt.min(6);
    let noise = u64::from(u16::from_le_bytes(shared::id::random::<2>())) * base / 65_536;
    Duration::from_micros(base + noise)
}

fn read_schema(tree: &Tree) -> Result<Option<Schema>> {
    let tx = tree.begin_with_mode(Mode::ReadOnly).map_err(engine::error)?;
    let bytes = tx.get(table::key::<Schema>(schema::KEY)).map_err(engine::error)?;
    bytes.map(|bytes| Schema::decode(&bytes)).transpose().context("read the store's schema")
}

fn make_reserve(path: &std::path::Path) -> Result<()> {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    let file = file.with_context(|| format!("open {}", path.display()))?;
    let length = libc::off_t::try_from(limits::STORE_RESERVE).unwrap_or(libc::off_t::MAX);
    nix::fcntl::fallocate(&file, nix::fcntl::FallocateFlags::empty(), 0, length)
        .with_context(|| format!("keep {} bytes in {}", limits::STORE_RESERVE, path.display()))
}

fn remove_reserve(path: &std::path::Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Polls a future with the guest runtime entered.
struct InGuest<F> {
    handle: tokio::runtime::Handle,
    future: std::pin::Pin<Box<F>>,
}

impl<F: Future> Future for InGuest<F> {
    type Output = F::Output;
    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<F::Output> {
        let this = &mut *self;
        let _entered = this.handle.enter();
        this.future.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests;
