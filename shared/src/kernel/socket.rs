//! Unix stream sockets with credentials and file descriptors, and sealed memory files.
//!
//! An address in a deep folder is longer than `sun_path` (108 bytes): [`listen`] and [`connect`] name
//! it relative to a descriptor of its folder. Everything made here is close-on-exec.
#![allow(unsafe_code)] // received descriptors are adopted

use crate::error::{Context, Error, Result};
use nix::cmsg_space;
use nix::fcntl::{FcntlArg, OFlag, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType,
    UnixAddr, bind, connect as connect_to, getsockopt, recvmsg, sendmsg, socket, socketpair,
};
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// File descriptors that one [`receive`] takes at most; the kernel drops what is above.
pub const DESCRIPTORS_MAX: usize = 16;

/// Whether calls on a descriptor wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Calls wait.
    Blocking,
    /// Calls fail with `WouldBlock` instead.
    Nonblocking,
}

/// Who is at the other end of a unix socket, as of its `connect` or `socketpair`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Process id in our namespace.
    pub pid: i32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// Two connected blocking stream sockets.
pub fn pair() -> Result<(OwnedFd, OwnedFd)> {
    socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)
        .context("make a socket pair")
}

/// A socket that listens at `folder/name`, mode 0600; one that a dead process left there is replaced.
/// The caller must know that the name is its own.
pub fn listen(folder: &Path, name: &str, waiting: Waiting) -> Result<OwnedFd> {
    let directory = File::open(folder).with_context(|| format!("open {}", folder.display()))?;
    let path = relative(&directory, name);
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(e)
                .with_context(|| format!("remove the old {name} in {}", folder.display()));
        }
        _ => {}
    }
    let address = UnixAddr::new(&path).with_context(|| format!("name socket {name}"))?;
    let socket = stream()?;
    bind(socket.as_raw_fd(), &address)
        .with_context(|| format!("bind {name} in {}", folder.display()))?;
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, private).with_context(|| format!("protect {name}"))?;
    let backlog = Backlog::new(16).expect("16 is a valid backlog");
    nix::sys::socket::listen(&socket, backlog).with_context(|| format!("listen on {name}"))?;
    wait_or_not(&socket, waiting)?;
    Ok(socket)
}

/// A blocking connection to `folder/name`. `Unavailable` when nobody listens there (any more).
pub fn connect(folder: &Path, name: &str) -> Result<OwnedFd> {
    let directory = File::open(folder)
        .with_context(|| format!("open {}", folder.display()))
        .map_err(|error| error.with_kind(crate::error::Kind::Unavailable))?;
    let path = relative(&directory, name);
    let address = UnixAddr::new(&path).with_context(|| format!("name socket {name}"))?;
    let socket = stream()?;
    connect_to(socket.as_raw_fd(), &address).context_kind(
        crate::error::Kind::Unavailable,
        format!("connect to {name} in {}", folder.display()),
    )?;
    Ok(socket)
}

/// Takes one waiting connection, close-on-exec and with `waiting` set. `None`: nobody waits.
pub fn accept(listener: BorrowedFd<'_>, waiting: Waiting) -> Result<Option<OwnedFd>> {
    let flags = match waiting {
        Waiting::Blocking => SockFlag::SOCK_CLOEXEC,
        Waiting::Nonblocking => SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
    };
    match nix::sys::socket::accept4(listener.as_raw_fd(), flags) {
        // SAFETY: the descriptor was just made and nobody else has it.
        Ok(fd) => Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) })),
        Err(nix::Error::EAGAIN | nix::Error::EINTR | nix::Error::ECONNABORTED) => Ok(None),
        Err(e) => Err(e).context("accept a connection"),
    }
}

/// Credentials of the other end (`SO_PEERCRED`).
pub fn peer(socket: BorrowedFd<'_>) -> Result<Peer> {
    let who = getsockopt(&socket, PeerCredentials).context("read the peer's credentials")?;
    Ok(Peer { pid: who.pid(), uid: who.uid(), gid: who.gid() })
}

/// Makes calls on `fd` wait or not. The setting belongs to the open file, which `dup`s share.
pub fn wait_or_not(fd: impl AsFd, waiting: Waiting) -> Result<()> {
    let old = fcntl(&fd, FcntlArg::F_GETFL).context("read flags of a descriptor")?;
    let mut flags = OFlag::from_bits_retain(old);
    flags.set(OFlag::O_NONBLOCK, waiting == Waiting::Nonblocking);
    fcntl(&fd, FcntlArg::F_SETFL(flags)).context("set flags of a descriptor")?;
    Ok(())
}

/// Sends bytes, descriptors with the first of them; returns how many bytes went. Descriptors need at
/// least one byte. A closed other end is `BrokenPipe`, never a signal.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let raw: Vec<i32> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control: &[ControlMessage<'_>] = if raw.is_empty() { &[] } else { &rights };
    let parts = [IoSlice::new(bytes)];
    loop {
        match sendmsg::<()>(socket.as_raw_fd(), &parts, control, MsgFlags::MSG_NOSIGNAL, None) {
            Err(nix::Error::EINTR) => {}
            other => return other.map_err(io::Error::from),
        }
    }
}

/// Receives bytes into `buffer` and appends descriptors to `fds`; 0 bytes is the end. More
/// descriptors than [`DESCRIPTORS_MAX`] are an error.
pub fn receive(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
    fds: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    let mut space = cmsg_space!([i32; DESCRIPTORS_MAX]);
    let mut parts = [IoSliceMut::new(buffer)];
    let message = loop {
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        match recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags) {
            Err(nix::Error::EINTR) => {}
            other => break other.map_err(io::Error::from)?,
        }
    };
    for control in message.cmsgs().map_err(io::Error::from)? {
        if let ControlMessageOwned::ScmRights(raw) = control {
            // SAFETY: the kernel made these descriptors for us in this call.
            fds.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    if message.flags.contains(MsgFlags::MSG_CTRUNC) {
        return Err(io::Error::other("too many descriptors in one message"));
    }
    Ok(message.bytes)
}

/// A memory file that holds `bytes` and can never change again; its offset is at the start. `name` is
/// for `/proc/<pid>/fd` only.
pub fn memory_file(name: &str, bytes: &[u8]) -> Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let fd = memfd_create(name, flags).with_context(|| format!("make memory file {name}"))?;
    let mut file = File::from(fd);
    file.write_all(bytes).with_context(|| format!("fill memory file {name}"))?;
    io::Seek::rewind(&mut file).with_context(|| format!("rewind memory file {name}"))?;
    let seals = SealFlag::F_SEAL_SEAL
        | SealFlag::F_SEAL_SHRINK
        | SealFlag::F_SEAL_GROW
        | SealFlag::F_SEAL_WRITE;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).with_context(|| format!("seal {name}"))?;
    Ok(file.into())
}

/// What a received memory file holds, from its start, `max` bytes at most.
pub fn read_memory_file(fd: OwnedFd, max: usize) -> Result<Vec<u8>> {
    let mut file = File::from(fd);
    let length = file.metadata().context("measure a memory file")?.len();
    if length > max as u64 {
        return Err(Error::invalid(format!("memory file of {length} bytes is above {max}")));
    }
    io::Seek::rewind(&mut file).context("rewind a memory file")?;
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(max as u64).read_to_end(&mut bytes).context("read a memory file")?;
    Ok(bytes)
}

fn stream() -> Result<OwnedFd> {
    socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)
        .context("make a unix socket")
}

/// `name` below an open folder, short whatever the folder is called.
fn relative(directory: &File, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{name}", directory.as_raw_fd()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_folder_is_no_obstacle() {
        let top = std::env::temp_dir().join(format!("coffer-socket-{}", std::process::id()));
        let deep = top.join("d".repeat(100)).join("e".repeat(100));
        std::fs::create_dir_all(&deep).unwrap();
        let listener = listen(&deep, "s.sock", Waiting::Nonblocking).unwrap();
        assert!(accept(listener.as_fd(), Waiting::Blocking).unwrap().is_none());
        let client = connect(&deep, "s.sock").unwrap();
        let server = accept(listener.as_fd(), Waiting::Blocking).unwrap().unwrap();
        assert_eq!(peer(server.as_fd()).unwrap().pid, std::process::id() as i32);
        drop(listener);
        let again = listen(&deep, "s.sock", Waiting::Nonblocking);
        assert!(again.is_ok(), "a stale socket is replaced: {again:?}");
        drop((client, again));
        let error = connect(&deep, "s.sock").unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Unavailable);
        std::fs::remove_dir_all(&top).unwrap();
    }

    #[test]
    fn descriptors_travel_with_bytes() {
        let (one, two) = pair().unwrap();
        let file = memory_file("test", b"hello").unwrap();
        assert_eq!(send(one.as_fd(), b"x", &[file.as_fd()]).unwrap(), 1);
        let (mut buffer, mut fds) = ([0; 8], Vec::new());
        assert_eq!(receive(two.as_fd(), &mut buffer, &mut fds).unwrap(), 1);
        assert_eq!(read_memory_file(fds.pop().unwrap(), 10).unwrap(), b"hello");
        let sealed = File::from(file).write_all(b"changed").unwrap_err();
        assert_eq!(sealed.raw_os_error(), Some(libc::EPERM));
        drop(one);
        assert_eq!(receive(two.as_fd(), &mut buffer, &mut fds).unwrap(), 0);
    }
}
