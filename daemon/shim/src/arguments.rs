//! The command line: `--id ID --bundle FOLDER [--incarnation N] [--cgroup PATH]`. The first connection
//! to the daemon is descriptor 3, if it is a socket.
#![allow(unsafe_code)] // descriptor 3 is adopted

use crate::Options;
use nix::sys::socket::{getsockopt, sockopt};
use shared::error::{Context, Error, Result};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};

impl Options {
    /// Reads this process's command line, and takes descriptor 3. Once, before anything else.
    pub fn from_command_line() -> Result<Self> {
        let mut options = Self {
            id: String::new(),
            bundle: Default::default(),
            incarnation: 0,
            cgroup: None,
            connection: connection(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(flag) = arguments.next() {
            let value = arguments.next();
            let value =
                value.ok_or_else(|| Error::invalid(format!("flag needs a value: {flag}")))?;
            match flag.as_str() {
                "--id" => options.id = value,
                "--bundle" => options.bundle = value.into(),
                "--incarnation" => {
                    options.incarnation = value.parse().context("read --incarnation")?
                }
                "--cgroup" => options.cgroup = Some(value),
                _ => return Err(Error::invalid(format!("unknown flag: {flag}"))),
            }
        }
        if options.id.is_empty() || !options.bundle.is_absolute() {
            return Err(Error::invalid("--id and an absolute --bundle are needed"));
        }
        Ok(options)
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
