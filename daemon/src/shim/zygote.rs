//! The zygote as the daemon sees it: the process that shims are forked from. It is started when the first
//! shim is, and anew when it has gone; whoever killed it did no container harm.

use super::connection::Connection;
use super::reaped::Reaped;
use crate::limits;
use crate::task::{self, channel};
use shared::error::{Error, Result};
use shared::kernel::command::{Child, Command};
use shared::kernel::{sealed, socket};
use shared::paths::Paths;
use shared::shim::{Fork, Forked};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a shim's command line beside its bundle and its container's id.
const TITLE: usize = 64;

/// The zygote, running or not.
#[derive(Debug)]
pub(super) struct Zygote {
    program: PathBuf,
    /// Cgroup that all shims share: neither the daemon's, which may be killed as a whole, nor a
    /// container's.
    cgroup: String,
    /// Bytes that a shim's command line may take.
    room: usize,
    running: task::Mutex<Option<Arc<Running>>>,
}

#[derive(Debug)]
struct Running {
    connection: Connection,
    child: Reaped,
}

impl Zygote {
    pub(super) fn new(program: PathBuf, paths: &Paths, cgroup: String) -> Self {
        let room = paths.exec.as_os_str().as_bytes().len() + 2 * 64 + TITLE;
        Self { program, cgroup, room, running: task::Mutex::new(None) }
    }

    /// A new shim, which has `connection` as its first one.
    pub(super) async fn fork(&self, fork: &Fork, connection: BorrowedFd<'_>) -> Result<Child> {
        let first = self.running().await?;
        let asked = first.connection.call(fork, &[connection], limits::SHIM_HELLO).await;
        let forked: Forked = match asked {
            Ok(forked) => forked,
            Err(error) => {
                tracing::warn!(%error, "the zygote of shims failed: starting another");
                self.forget(first).await?;
                let second = self.running().await?;
                second.connection.call(fork, &[connection], limits::SHIM_HELLO).await?
            }
        };
        Ok(Child::adopted(forked.pid))
    }

    async fn running(&self) -> Result<Arc<Running>> {
        let mut running = self.running.lock().await;
        if let Some(running) = &*running {
            return Ok(running.clone());
        }
        let (program, cgroup, room) = (self.program.clone(), self.cgroup.clone(), self.room);
        let started = task::blocking("start the zygote", move || start(&program, &cgroup, room));
        let started = Arc::new(started.await?);
        *running = Some(started.clone());
        Ok(started)
    }

    /// Ends one that is of no use, unless somebody else did so already.
    async fn forget(&self, useless: Arc<Running>) -> Result<()> {
        let mut running = self.running.lock().await;
        if running.as_ref().is_some_and(|running| Arc::ptr_eq(running, &useless)) {
            *running = None;
            useless.child.kill().await?;
        }
        Ok(())
    }
}

fn start(program: &Path, cgroup: &str, room: usize) -> Result<Running> {
    let (ours, theirs) = socket::pair()?;
    let mut command = Command::new(program);
    // No container may overwrite the host's file through the first process, which is a fork of
    // the shim. Without the privilege to mount there are no such containers either.
    let sealed = sealed::open(program).ok();
    if let Some(sealed) = &sealed {
        let path = format!("/proc/{}/fd/{}", std::process::id(), sealed.as_raw_fd());
        command.by_way_of(Path::new(&path));
    }
    command.argument("--cgroup").argument(cgroup);
    command.argument("--zygote").argument(".".repeat(room));
    // What it warns of goes where our own log goes.
    let log = std::io::stderr();
    command.standard(2, log.as_fd()).descriptor(theirs.as_fd());
    let child = Reaped::new(command.spawn()?);
    // It tells nothing on its own.
    let (nobody, _) = channel::bounded(1);
    let connection = Connection::new(UnixStream::from(ours), nobody)?;
    Ok::<_, Error>(Running { connection, child })
}
