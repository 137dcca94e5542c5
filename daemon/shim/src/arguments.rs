//! The command line: `--id ID --bundle FOLDER [--incarnation N] [--cgroup PATH]` for the shim of one
//! container, `--zygote ROOM [--cgroup PATH]` for what shims are forked from. The first connection to the
//! daemon is descriptor 3, if it is a socket.
#![allow(unsafe_code)] // descriptor 3 is adopted

use crate::Options;
use crate::zygote::Zygote;
use nix::sys::socket::{getsockopt, sockopt};
use shared::error::{Context, Error, Result};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::path::PathBuf;

/// What the process is for.
pub enum Role {
    /// One container.
    Shim(Options),
    /// To be forked. The value of its flag means nothing: it is room for a fork's command line.
    Zygote(Zygote),
}

impl Role {
    /// Reads this process's command line, and takes descriptor 3. Once, before anything else.
    pub fn from_command_line() -> Result<Self> {
        let connection = connection();
        let (mut id, mut bundle) = (String::new(), PathBuf::new());
        let (mut incarnation, mut cgroup, mut zygote) = (0, None, false);
        let mut arguments = std::env::args().skip(1);
        while let Some(flag) = arguments.next() {
            let value = arguments.next();
            let value =
                value.ok_or_else(|| Error::invalid(format!("flag needs a value: {flag}")))?;
            match flag.as_str() {
                "--id" => id = value,
                "--bundle" => bundle = value.into(),
                "--incarnation" => incarnation = value.parse().context("read --incarnation")?,
                "--cgroup" => cgroup = Some(value),
                "--zygote" => zygote = true,
                _ => return Err(Error::invalid(format!("unknown flag: {flag}"))),
            }
        }
        if zygote {
            let connection =
                connection.ok_or_else(|| Error::invalid("no socket to be asked by"))?;
            return Ok(Self::Zygote(Zygote { connection, cgroup }));
        }
        if id.is_empty() || !bundle.is_absolute() {
            return Err(Error::invalid("--id and an absolute --bundle are needed"));
        }
        Ok(Self::Shim(Options { id, bundle, incarnation, cgroup, connection }))
    }
}

/// Descriptor 3, if the starter left a socket there.
fn connection() -> Option<OwnedFd> {
    // SAFETY: a closed descriptor is an error of the call.
    getsockopt(&unsafe { BorrowedFd::borrow_raw(3) }, sockopt::SockType).ok()?;
    // SAFETY: it is open, this is the first thing that the process does, so nobody else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(3) };
    let flag = nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC);
    nix::fcntl::fcntl(&fd, flag).ok()?;
    Some(fd)
}
