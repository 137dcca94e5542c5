//! Terminals: their size, and taking the master from an OCI runtime (`--console-socket`).
#![allow(unsafe_code)] // the ioctl for a terminal's size

use shared::error::{Context, Error, Result};
use shared::kernel::socket::{self, Waiting};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Sets the size of a terminal, which tells its processes by SIGWINCH.
pub fn resize(master: BorrowedFd<'_>, rows: u16, columns: u16) -> Result<()> {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel reads one structure, which lives to the end of the call.
    if unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) } < 0 {
        return Err(std::io::Error::last_os_error()).context("resize the terminal");
    }
    Ok(())
}

/// A socket to which an OCI runtime sends a terminal's master.
#[derive(Debug)]
pub struct ConsoleSocket {
    folder: std::fs::File,
    name: String,
    path: PathBuf,
    listener: OwnedFd,
}

impl ConsoleSocket {
    /// Listens at `folder/name`.
    pub fn new(folder: &Path, name: String) -> Result<Self> {
        let listener = socket::listen(folder, &name, Waiting::Nonblocking)?;
        let path = folder.join(&name);
        let folder = std::fs::File::open(folder).context("open the bundle")?;
        Ok(Self { folder, name, path, listener })
    }

    /// A path for the runtime's command line, short enough for a socket's address however deep the
    /// folder is. Valid while `self` lives.
    pub fn address(&self) -> String {
        format!("/proc/{}/fd/{}/{}", std::process::id(), self.folder.as_raw_fd(), self.name)
    }

    /// The master, after the runtime has ended: it was sent before.
    pub fn receive(self) -> Result<OwnedFd> {
        let missing = || Error::internal("the runtime sent no terminal");
        let connection = socket::accept(self.listener.as_fd(), Waiting::Nonblocking)?;
        let connection = connection.ok_or_else(missing)?;
        let (mut name, mut fds) = ([0; 4096], Vec::new());
        socket::receive(connection.as_fd(), &mut name, &mut fds).context("receive a terminal")?;
        fds.pop().ok_or_else(missing)
    }
}

impl Drop for ConsoleSocket {
    fn drop(&mut self) {
        let _gone_already = std::fs::remove_file(&self.path);
    }
}
