//! Threads that write files while the archive is read on: the reader decompresses, hashes and parses, and
//! these create, fill and close. Queues are bounded, so memory is, too.
//!
//! Files of one layer do not depend on each other; whatever does (links, replacements) waits with
//! [`Writers::settle`] first.

use crate::snapshot::attribute::{Attributes, Privilege};
use async_channel::{Receiver, Sender};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};
use shared::error::{Context, Error, Result};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};

/// Batches queued at most: with [`BATCH_BYTES`] this bounds memory to a few megabytes.
const QUEUE: usize = 8;
/// Small files are handed over in batches, so that threads wake each other less often than files come:
/// after so many, or so many bytes.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 256 << 10;
/// Parts of one big file queued at most.
const PARTS: usize = 4;

/// One file to be made.
pub struct Job {
    /// Its folder.
    pub folder: Arc<OwnedFd>,
    /// Its name there.
    pub name: OsString,
    /// Its attributes.
    pub attributes: Attributes,
    /// Its content.
    pub body: Body,
}

/// The content of a file.
pub enum Body {
    /// All of it.
    Whole(Vec<u8>),
    /// It comes in parts, and is complete when the sender is dropped after the last one.
    Parts(Receiver<Vec<u8>>),
}

#[derive(Default)]
struct Progress {
    open: Mutex<u64>,
    changed: Condvar,
    failed: AtomicBool,
    failure: Mutex<Option<Error>>,
}

/// The threads of one unpacking.
pub struct Writers<'scope> {
    queue: Sender<Vec<Job>>,
    progress: Arc<Progress>,
    threads: Vec<ScopedJoinHandle<'scope, ()>>,
    batch: Vec<Job>,
    batch_bytes: usize,
    spare: Receiver<Vec<u8>>,
}

impl<'scope> Writers<'scope> {
    /// Starts one thread per processor, two at least and four at most.
    pub fn start<'env>(scope: &'scope Scope<'scope, 'env>, privilege: Privilege) -> Result<Self> {
        let (queue, batches) = async_channel::bounded(QUEUE);
        let (give_back, spare) = async_channel::bounded(PARTS);
        let progress = Arc::new(Progress::default());
        let count = std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 4));
        let mut threads = Vec::new();
        for _ in 0..count {
            let worker = Worker {
                batches: batches.clone(),
                progress: progress.clone(),
                give_back: give_back.clone(),
                privilege,
            };
            let thread = std::thread::Builder::new()
                .name("unpack".to_owned())
                .spawn_scoped(scope, move || worker.work())
                .context("start a thread that unpacks")?;
            threads.push(thread);
        }
        Ok(Self { queue, progress, threads, batch: Vec::new(), batch_bytes: 0, spare })
    }

    /// A queue for the parts of one big file.
    pub fn parts(&self) -> (Sender<Vec<u8>>, Receiver<Vec<u8>>) {
        async_channel::bounded(PARTS)
    }

    /// A buffer for a part, with the bytes of an earlier one that has been written, if there is any.
    pub fn buffer(&self) -> Vec<u8> {
        self.spare.try_recv().unwrap_or_default()
    }

    /// Queues a file; waits while the queue is full. An error is one of an earlier file.
    pub fn push(&mut self, job: Job) -> Result<()> {
        let is_last = match &job.body {
            Body::Whole(bytes) => {
                self.batch_bytes += bytes.len();
                self.batch_bytes >= BATCH_BYTES || self.batch.len() + 1 >= BATCH
            }
            // Its parts are waited for by whoever takes it: nothing may be held back.
            Body::Parts(_) => true,
        };
        self.batch.push(job);
        if is_last { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.check()?;
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        *lock(&self.progress.open) += 1;
        self.queue
            .send_blocking(batch)
            .map_err(|_| Error::internal("the unpacking threads are gone"))
    }

    /// Waits until every file so far is written.
    pub fn settle(&mut self) -> Result<()> {
        self.flush()?;
        let open = lock(&self.progress.open);
        let wait = self.progress.changed.wait_while(open, |open| *open > 0);
        drop(wait.unwrap_or_else(PoisonError::into_inner));
        self.check()
    }

    /// Ends the threads; every file is written after that, or the first failure is given.
    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        self.queue.close();
        for thread in self.threads {
            thread.join().map_err(|_| Error::internal("an unpacking thread panicked"))?;
        }
        take_failure(&self.progress)
    }

    fn check(&self) -> Result<()> {
        take_failure(&self.progress)
    }
}

fn take_failure(progress: &Progress) -> Result<()> {
    if !progress.failed.load(Ordering::Acquire) {
        return Ok(());
    }
    let failure = lock(&progress.failure).take();
    Err(failure.unwrap_or_else(|| Error::internal("unpacking has failed before")))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Worker {
    batches: Receiver<Vec<Job>>,
    progress: Arc<Progress>,
    give_back: Sender<Vec<u8>>,
    privilege: Privilege,
}

impl Worker {
    fn work(&self) {
        let progress = &self.progress;
        while let Ok(batch) = self.batches.recv_blocking() {
            for job in batch {
                // After a failure the queue is only emptied, so that nobody waits for ever.
                if !progress.failed.load(Ordering::Acquire)
                    && let Err(error) = self.write(&job)
                {
                    lock(&progress.failure).get_or_insert(error);
                    progress.failed.store(true, Ordering::Release);
                }
            }
            let mut open = lock(&progress.open);
            *open -= 1;
            if *open == 0 {
                progress.changed.notify_all();
            }
        }
    }

    fn write(&self, job: &Job) -> Result<()> {
        let sentence = || format!("write {}", job.name.to_string_lossy());
        let mut file = create(&job.folder, &job.name).with_context(sentence)?;
        match &job.body {
            Body::Whole(bytes) => file.write_all(bytes).with_context(sentence)?,
            Body::Parts(parts) => {
                while let Ok(part) = parts.recv_blocking() {
                    file.write_all(&part).with_context(sentence)?;
                    // One too many is freed instead.
                    drop(self.give_back.try_send(part));
                }
            }
        }
        job.attributes.set(&file, self.privilege).with_context(sentence)
    }
}

/// A new file. One that is in the way came by another name of the same folder, through a link.
fn create(folder: &OwnedFd, name: &OsStr) -> Result<File> {
    let flags =
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    match openat(folder, name, flags, mode) {
        Err(Errno::EEXIST) => {
            unlinkat(folder, name, UnlinkatFlags::NoRemoveDir).context("make room")?;
            openat(folder, name, flags, mode).context("create").map(File::from)
        }
        other => other.context("create").map(File::from),
    }
}
