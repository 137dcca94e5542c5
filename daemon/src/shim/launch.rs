//! Starts shims and finds those that a former daemon left.
//!
//! A shim is a fork of the zygote, and gets one end of a socket pair; everything else it learns from
//! the messages. It is a child of this daemon only until the daemon ends, so that it must be reaped when
//! it goes first.

use super::connection::Connection;
use super::reaped::Reaped;
use super::zygote::Zygote;
use super::{Notice, Shim};
use crate::limits;
use crate::task;
use crate::task::channel::Sender;
use shared::error::{Context, Error, Kind, Result};
use shared::id::ContainerId;
use shared::kernel::process::Process;
use shared::kernel::socket;
use shared::paths::{Paths, SHIM_SOCKET};
use shared::shim::{Fork, Hello, PROTOCOL};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;

/// Starts shims.
#[derive(Clone, Debug)]
pub struct Launcher {
    zygote: Arc<Zygote>,
    /// Where bundles lie.
    paths: Arc<Paths>,
    /// Version and commit, for the greeting.
    build: String,
}

/// For which container a shim is.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The container.
    pub id: ContainerId,
    /// How often it was started.
    pub incarnation: u64,
    /// The current boot.
    pub boot_id: String,
}

impl Launcher {
    /// For a `program`; the other fields are those of the type.
    pub fn new(program: PathBuf, paths: Arc<Paths>, cgroup: String, build: String) -> Self {
        let zygote = Arc::new(Zygote::new(program, &paths, cgroup));
        Self { zygote, paths, build }
    }

    /// Starts a shim and greets it. Its bundle must exist. Notices go to `notices`.
    pub async fn launch(&self, launch: Launch, notices: Sender<Notice>) -> Result<Shim> {
        let (ours, theirs) = socket::pair()?;
        let connection = Connection::new(UnixStream::from(ours), notices)?;
        let fork = Fork {
            container: launch.id.to_string(),
            bundle: self.paths.bundle(&launch.id),
            incarnation: launch.incarnation,
        };
        let forked = async {
            let child = self.zygote.fork(&fork, theirs.as_fd()).await;
            // If there is no shim, the greeting fails now.
            drop(theirs);
            child.map(Reaped::new)
        };
        let greeting = self.greeting(&launch);
        let hello = connection.call(&greeting, &[], limits::SHIM_HELLO);
        let (child, hello) = futures_util::join!(forked, hello);
        let child = child?;
        match hello {
            Ok(hello) => Ok(Shim { connection, hello, child: Some(child) }),
            Err(error) => {
                child.kill().await?;
                Err(error).context("greet a new shim")
            }
        }
    }

    /// Connects to the shim that a former daemon started; `None` when there is none.
    pub async fn find(&self, launch: &Launch, notices: Sender<Notice>) -> Result<Option<Shim>> {
        let bundle = self.paths.bundle(&launch.id);
        let connected =
            task::blocking("find a shim", move || socket::connect(&bundle, SHIM_SOCKET)).await;
        let stream = match connected {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), Kind::Unavailable | Kind::NotFound) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let connection = Connection::new(UnixStream::from(stream), notices)?;
        let greeting = self.greeting(launch);
        let hello = connection.call(&greeting, &[], limits::SHIM_HELLO).await;
        let hello: Hello = hello.context("greet a shim of a former daemon")?;
        if hello.container != launch.id.as_str() {
            let text = format!("the shim of {} serves {}", launch.id, hello.container);
            return Err(Error::internal(text));
        }
        Ok(Some(Shim { connection, hello, child: None }))
    }

    fn greeting(&self, launch: &Launch) -> Hello {
        Hello {
            min: 1,
            max: PROTOCOL,
            build: self.build.clone(),
            container: launch.id.to_string(),
            boot_id: launch.boot_id.clone(),
            incarnation: launch.incarnation,
            pid: i32::try_from(std::process::id()).unwrap_or_default(),
        }
    }
}

/// Kills a shim that a former daemon started, by the process id that it told.
pub(super) async fn kill_stranger(pid: i32) -> Result<()> {
    match Process::open(pid).and_then(|process| process.signal(libc::SIGKILL)) {
        Err(error) if error.kind() == Kind::NotFound => Ok(()),
        other => other,
    }
}
