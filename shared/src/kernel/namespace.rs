//! Namespaces: which kinds there are, opening one of a process or a file, entering it. Never keeps
//! one alive by a mount: a descriptor does.

use crate::error::{Context, Error, Kind, Result};
use nix::sched::CloneFlags;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// The kinds of namespaces (namespaces(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// User and group ids, capabilities.
    User,
    /// System V IPC, POSIX message queues.
    Ipc,
    /// Host and domain name.
    Uts,
    /// Network devices, addresses, ports.
    Network,
    /// Process ids.
    Pid,
    /// The root of `/proc/self/cgroup`.
    Cgroup,
    /// Boot and monotonic clocks.
    Time,
    /// Mounts.
    Mount,
}

impl Namespace {
    /// All of them, in the order in which they have to be entered: the user namespace first (it
    /// grants the rest), mounts last (paths change).
    pub const ALL: [Self; 8] = [
        Self::User,
        Self::Ipc,
        Self::Uts,
        Self::Network,
        Self::Pid,
        Self::Cgroup,
        Self::Time,
        Self::Mount,
    ];

    /// Its file in `/proc/<pid>/ns`.
    pub fn file(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Ipc => "ipc",
            Self::Uts => "uts",
            Self::Network => "net",
            Self::Pid => "pid",
            Self::Cgroup => "cgroup",
            Self::Time => "time",
            Self::Mount => "mnt",
        }
    }

    /// Its flag for `clone3`, `unshare`, `setns`.
    pub fn flag(self) -> CloneFlags {
        match self {
            Self::User => CloneFlags::CLONE_NEWUSER,
            Self::Ipc => CloneFlags::CLONE_NEWIPC,
            Self::Uts => CloneFlags::CLONE_NEWUTS,
            Self::Network => CloneFlags::CLONE_NEWNET,
            Self::Pid => CloneFlags::CLONE_NEWPID,
            Self::Cgroup => CloneFlags::CLONE_NEWCGROUP,
            Self::Time => CloneFlags::from_bits_retain(libc::CLONE_NEWTIME),
            Self::Mount => CloneFlags::CLONE_NEWNS,
        }
    }

    /// A descriptor that keeps the namespace of a process alive. `NotFound` if the process is gone.
    pub fn of(self, pid: i32) -> Result<OwnedFd> {
        open(Path::new(&format!("/proc/{pid}/ns/{}", self.file())))
    }

    /// A number that is the same for two processes exactly if they share the namespace.
    pub fn identity(self, pid: i32) -> Result<u64> {
        use std::os::unix::fs::MetadataExt;
        let path = format!("/proc/{pid}/ns/{}", self.file());
        Ok(std::fs::metadata(&path).with_context(|| format!("look at {path}"))?.ino())
    }

    /// Moves the calling thread in (for pids and time: its future children).
    pub fn enter(self, fd: impl AsFd) -> Result<()> {
        nix::sched::setns(fd, self.flag())
            .with_context(|| format!("enter the {} namespace", self.file()))
    }
}

/// Opens a namespace's file, such as one that a network manager has bound somewhere.
pub fn open(path: &Path) -> Result<OwnedFd> {
    let file = File::open(path).map_err(|error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => Kind::NotFound,
            _ => Kind::Internal,
        };
        Error::new(kind, error.to_string())
    });
    Ok(file.with_context(|| format!("open the namespace {}", path.display()))?.into())
}
