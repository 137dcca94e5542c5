//! What a launch is told: every step from the caller to the program reads it, none changes it.

use crate::descriptor;
use crate::listener::Listener;
use shared::error::Result;
use shared::kernel::cgroup::Cgroup;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Three ends of pipes or files.
#[derive(Debug)]
pub struct Stdio {
    /// Read by the program.
    pub stdin: OwnedFd,
    /// Written by it.
    pub stdout: OwnedFd,
    /// Written by it.
    pub stderr: OwnedFd,
}

/// The program's standard streams.
#[derive(Debug)]
pub enum Io {
    /// As given.
    Pipes(Stdio),
    /// A pseudo terminal made inside the container; the master comes back.
    Terminal {
        /// First size; 0 leaves it.
        rows: u16,
        /// First size; 0 leaves it.
        columns: u16,
    },
}

/// Where the first process of a container waits for its start.
#[derive(Clone, Debug)]
pub enum Gate {
    /// On the socket: the caller stays.
    Socket,
    /// At this fifo: the caller may end.
    Fifo(PathBuf),
}

/// How the root filesystem becomes `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pivot {
    /// By pivot_root(2).
    Root,
    /// By moving it over `/`, where pivot_root cannot work (root on a ramdisk).
    Move,
}

/// Whether the container gets a session keyring of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyring {
    /// A new one.
    New,
    /// The caller's.
    Inherited,
}

/// What is to be launched.
pub enum Work<'a> {
    /// A container.
    Create {
        /// Its name.
        id: &'a str,
        /// OCI bundle.
        bundle: &'a Path,
        /// Root filesystem.
        rootfs: &'a [shared::shim::Mount],
        /// Wins over the spec's.
        netns: Option<OwnedFd>,
        /// Where it waits.
        gate: Gate,
        /// How `/` is changed.
        pivot: Pivot,
        /// Session keyring.
        keyring: Keyring,
        /// A socket that the terminal's master is sent to instead of the caller.
        console: Option<OwnedFd>,
    },
    /// A further process.
    Exec {
        /// The container's first process.
        init: i32,
        /// As above.
        console: Option<OwnedFd>,
        /// Who is told of system calls that the filter leaves to others.
        listener: Option<Listener>,
    },
}

/// One launch.
pub struct Launch<'a> {
    /// OCI spec, or OCI process for an exec.
    pub spec: OwnedFd,
    /// Compiled filter.
    pub seccomp: Option<OwnedFd>,
    /// `None`: the caller's own.
    pub cgroup: Option<&'a dyn Cgroup>,
    /// Standard streams.
    pub io: Io,
    /// Descriptors from 3 on that the program inherits.
    pub preserved: u32,
    /// Give up then.
    pub end: Instant,
    /// What.
    pub work: Work<'a>,
}

impl Launch<'_> {
    /// In the fork: closes what belongs to the caller alone.
    pub fn close_inherited(&self, socket: &OwnedFd) -> Result<()> {
        let mut keep: Vec<RawFd> = vec![self.spec.as_raw_fd(), socket.as_raw_fd()];
        keep.extend(self.seccomp.iter().map(AsRawFd::as_raw_fd));
        if let Io::Pipes(stdio) = &self.io {
            keep.extend([&stdio.stdin, &stdio.stdout, &stdio.stderr].map(AsRawFd::as_raw_fd));
        }
        keep.extend(3..3 + self.preserved as RawFd);
        match &self.work {
            Work::Create { netns, console, .. } => {
                keep.extend(netns.iter().chain(console).map(AsRawFd::as_raw_fd));
            }
            Work::Exec { console, .. } => keep.extend(console.iter().map(AsRawFd::as_raw_fd)),
        }
        descriptor::keep_only(&keep)
    }
}
