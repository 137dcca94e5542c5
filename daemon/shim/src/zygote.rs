//! The zygote: a shim that was executed and set up once, of which every other is a fork. What costs
//! most of a start (executing a program, its C library's start, entering a cgroup of each hierarchy) is
//! paid once, and what nobody writes is one memory for all. It holds no container, and ends with the
//! daemon that started it; a fork is that daemon's own child.

use crate::{Options, memory, protect, title};
use nix::sched::CloneFlags;
use shared::error::{Context, Error, Result};
use shared::kernel::clone::{self, Cloned};
use shared::kernel::wire::{Frame, Inbox, Outbox, Progress};
use shared::shim::{ANSWER, FAILURE, Failure, Fork, Forked, Message, encode};
use std::os::fd::{AsFd, OwnedFd};

/// What the zygote is told on its command line.
#[derive(Debug)]
pub struct Zygote {
    /// To the daemon.
    pub connection: OwnedFd,
    /// Cgroup of all shims.
    pub cgroup: Option<String>,
}

impl Zygote {
    /// Serves until the daemon is gone: `None`. In a fork it returns as well: with what that is for.
    pub fn serve(self) -> Result<Option<Options>> {
        memory::keep_heap_small();
        protect::detach()?;
        if let Some(error) = self.cgroup.as_deref().and_then(|group| protect::enter(group).err()) {
            crate::warn(&error.to_string());
        }
        let mut inbox = Inbox::default();
        loop {
            while let Some(frame) = inbox.take()? {
                let request = frame.head.request;
                let answer = match fork(frame) {
                    Ok((options, Cloned::Inner)) => return Ok(Some(options)),
                    Ok((_, Cloned::Outer(pid))) => encode(ANSWER, request, &Forked { pid })?,
                    Err(error) => encode(FAILURE, request, &Failure::from(error))?,
                };
                let mut outbox = Outbox::default();
                outbox.push(answer, Vec::new())?;
                outbox.flush(self.connection.as_fd())?;
            }
            if inbox.read(self.connection.as_fd())? == Progress::End {
                return Ok(None);
            }
        }
    }
}

fn fork(mut frame: Frame) -> Result<(Options, Cloned)> {
    if frame.head.kind != Fork::KIND {
        let text = format!("a zygote knows no message of kind {}", frame.head.kind);
        return Err(Error::unimplemented(text));
    }
    let asked: Fork = frame.message()?;
    let connection = frame.fds.pop().filter(|_| frame.fds.is_empty());
    let connection = connection.ok_or_else(|| Error::invalid("a fork needs one connection"))?;
    let side = clone::sibling(CloneFlags::empty(), None).context("fork a shim")?;
    let options = Options {
        id: asked.container,
        bundle: asked.bundle,
        incarnation: asked.incarnation,
        cgroup: None,
        connection: Some(connection),
    };
    if side == Cloned::Inner {
        title::set(&[
            "coffer-shim",
            "--id",
            &options.id,
            "--bundle",
            &options.bundle.to_string_lossy(),
        ]);
    }
    Ok((options, side))
}
