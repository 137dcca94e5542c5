//! `compress`: rotated log files are compressed behind the container's back. While it runs its shim puts
//! the compressed file in place, because it may rotate at any moment; afterwards nobody else moves files,
//! and this does. One task at a time for a container; it ends before a shim is started or files go.

use crate::container::io::logs::{Packed, pack};
use crate::container::settings::Gate;
use crate::limits;
use crate::shim::Shim;
use crate::task::channel::{Receiver, Sender, bounded};
use crate::task::{self, Task};
use futures_util::future::{Either, select};
use shared::error::{Context, Kind, Result};
use shared::rotation;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

/// A log whose rotated files are to be compressed.
#[derive(Clone, Debug)]
pub struct Job {
    /// The current file.
    pub path: PathBuf,
    /// How many files there are at most.
    pub files: u32,
}

/// What is under way for one container.
#[derive(Default)]
pub struct Packing {
    /// Open while the work is wanted.
    wanted: Option<Sender<()>>,
    task: Option<Task<()>>,
}

impl Packing {
    /// Compresses what there is; while `shim` is given also what is rotated from now on.
    pub async fn begin(&mut self, job: Job, shim: Option<Arc<Shim>>, gate: Arc<Gate>) {
        self.finish().await;
        let (wanted, unwanted) = bounded(1);
        self.wanted = Some(wanted);
        self.task = Some(task::spawn("compress a log", run(job, shim, gate, unwanted)));
    }

    /// Stops after the block that is being compressed: nothing of it moves files any more.
    pub async fn finish(&mut self) {
        self.wanted = None;
        if let Some(task) = self.task.take() {
            // A panic in it was logged; a copy that it left is overwritten by the next one.
            let _ = task.await;
        }
    }
}

async fn run(job: Job, shim: Option<Arc<Shim>>, gate: Arc<Gate>, unwanted: Receiver<()>) {
    let stale = temporary(&job.path);
    if let Err(error) = task::blocking("remove a copy", move || remove(&stale)).await {
        tracing::warn!(%error, "a compressed copy of an earlier daemon stays");
    }
    loop {
        let pause = match round(&job, shim.as_deref(), &gate, &unwanted).await {
            Ok(()) => limits::LOG_PACK,
            Err(error) if error.kind() == Kind::Unimplemented => {
                let log = job.path.display();
                tracing::warn!(%error, %log, "an older shim: a log is not compressed");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, log = %job.path.display(), "cannot compress a log");
                limits::LOG_PACK_RETRY
            }
        };
        if shim.is_none() {
            return;
        }
        // Nothing is ever sent: the channel closes when the work is no longer wanted.
        if task::timeout(pause, "the end of the run", unwanted.recv()).await.is_ok() {
            return;
        }
    }
}

/// Every rotated file that is not compressed, newest first.
async fn round(job: &Job, shim: Option<&Shim>, gate: &Gate, unwanted: &Receiver<()>) -> Result<()> {
    loop {
        let enter = pin!(gate.enter());
        let end = pin!(unwanted.recv());
        let _place = match select(enter, end).await {
            Either::Left((place, _)) => place,
            Either::Right(_) => return Ok(()),
        };
        let (path, files, unwanted) = (job.path.clone(), job.files, unwanted.clone());
        let packed = task::blocking("compress a log", move || {
            let Some(rotated) = rotation::unpacked(&path, files) else { return Ok(None) };
            pack(&rotated, temporary(&path), &|| unwanted.is_closed())
        });
        let Some(packed) = packed.await? else { return Ok(()) };
        let settled = settle(job, shim, &packed).await;
        if let Err(error) = settled {
            task::blocking("remove a copy", move || remove(&packed.temporary)).await?;
            // Rotation was faster: the next round looks at what there is then.
            return if error.kind() == Kind::NotFound { Ok(()) } else { Err(error) };
        }
    }
}

fn remove(copy: &Path) -> Result<()> {
    match std::fs::remove_file(copy) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", copy.display()))
        }
        _ => Ok(()),
    }
}

async fn settle(job: &Job, shim: Option<&Shim>, packed: &Packed) -> Result<()> {
    let (original, temporary) = (packed.origin.original, packed.temporary.clone());
    match shim {
        Some(shim) => shim.pack_log(original, &temporary).await,
        None => {
            let job = job.clone();
            task::blocking("replace a log", move || {
                rotation::replace(&job.path, job.files, original, &temporary)
            })
            .await
        }
    }
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".packing");
    name.into()
}
