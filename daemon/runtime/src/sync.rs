//! What the halves tell each other and the caller, over one `SOCK_SEQPACKET` pair: a packet is a
//! byte for the kind, then its payload. When both halves have let go of their end, by `execve` or by
//! ending, the caller reads the end of the stream: after `Go` that means success.
//!
//! | from | packet | meaning |
//! |---|---|---|
//! | outer half | `Pid` | the number of the first process, in the caller's namespace |
//! | both | `Warning` | something was left out |
//! | both | `Failed` | it ends here |
//! | inner half | `Ready`, maybe with a terminal | everything is set up, the program was found |
//! | caller | `Go` | execute |
//!
//! A second pair, only where it is needed, joins the halves:
//!
//! | inner half | outer half | when |
//! |---|---|---|
//! | `Go` (cloned) | `Go` (ids are mapped) | new user namespace |
//! | `Go` (mounted) | `Go` (hooks have run) | hooks of the runtime namespace |

#![allow(unsafe_code)] // received descriptors become ours

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    sendmsg, socketpair,
};
use shared::error::{Context, Error, Result};
use shared::shim::Failure;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Instant;

/// Bytes of a packet at most; longer sentences are cut.
const PACKET: usize = 16 * 1024;

/// One packet.
#[derive(Debug, PartialEq)]
pub enum Packet {
    /// The number of the first process.
    Pid(i32),
    /// Something was left out.
    Warning(String),
    /// It ends here.
    Failed(Failure),
    /// Everything is set up.
    Ready,
    /// Go on.
    Go,
}

/// A fresh pair.
pub fn pair() -> Result<(OwnedFd, OwnedFd)> {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
        .context("make a socket pair")
}

impl Packet {
    fn encode(&self) -> Vec<u8> {
        let (kind, payload) = match self {
            Self::Pid(pid) => (b'P', pid.to_le_bytes().to_vec()),
            Self::Warning(text) => (b'W', text.clone().into_bytes()),
            Self::Failed(failure) => {
                let mut failure = failure.clone();
                // JSON may double each byte.
                let mut end = failure.message.len().min(PACKET / 4);
                while !failure.message.is_char_boundary(end) {
                    end -= 1;
                }
                failure.message.truncate(end);
                (b'F', serde_json::to_vec(&failure).unwrap_or_default())
            }
            Self::Ready => (b'R', Vec::new()),
            Self::Go => (b'G', Vec::new()),
        };
        let mut bytes = vec![kind];
        bytes.extend(&payload[..payload.len().min(PACKET - 1)]);
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        let strange = || Error::internal(format!("a strange packet: {bytes:?}"));
        let (kind, payload) = bytes.split_first().ok_or_else(strange)?;
        Ok(match kind {
            b'P' => Self::Pid(i32::from_le_bytes(payload.try_into().map_err(|_| strange())?)),
            b'W' => Self::Warning(String::from_utf8_lossy(payload).into_owned()),
            b'F' => Self::Failed(serde_json::from_slice(payload).map_err(|_| strange())?),
            b'R' => Self::Ready,
            b'G' => Self::Go,
            _ => return Err(strange()),
        })
    }
}

/// Sends a packet, maybe with a descriptor.
pub fn send(to: impl AsFd, packet: &Packet, with: Option<BorrowedFd<'_>>) -> Result<()> {
    let bytes = packet.encode();
    let fds: Vec<i32> = with.iter().map(AsRawFd::as_raw_fd).collect();
    let control = [ControlMessage::ScmRights(&fds)];
    let control = if fds.is_empty() { &control[..0] } else { &control[..] };
    let to = to.as_fd().as_raw_fd();
    sendmsg::<()>(to, &[IoSlice::new(&bytes)], control, MsgFlags::MSG_NOSIGNAL, None)
        .context("send a packet")?;
    Ok(())
}

/// Receives a packet; `None` at the end of the stream.
pub fn receive(from: impl AsFd) -> Result<Option<(Packet, Option<OwnedFd>)>> {
    let mut bytes = [0u8; PACKET];
    let mut space = nix::cmsg_space!(i32);
    loop {
        let mut slices = [IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let got = recvmsg::<()>(from.as_fd().as_raw_fd(), &mut slices, Some(&mut space), flags);
        let got = match got {
            Err(Errno::EINTR) => continue,
            Err(Errno::ECONNRESET) => return Ok(None),
            other => other.context("receive a packet")?,
        };
        let mut with = None;
        for message in got.cmsgs().context("receive a descriptor")? {
            if let ControlMessageOwned::ScmRights(fds) = message {
                // SAFETY: the kernel made these descriptors for us, and nobody else knows them.
                with = fds.first().map(|fd| unsafe { OwnedFd::from_raw_fd(*fd) });
            }
        }
        let length = got.bytes;
        if length == 0 {
            return Ok(None);
        }
        return Ok(Some((Packet::decode(&bytes[..length])?, with)));
    }
}

/// As [`receive`], but a `Timeout` after `end`.
pub fn receive_until(from: impl AsFd, end: Instant) -> Result<Option<(Packet, Option<OwnedFd>)>> {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let limit = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(from.as_fd(), PollFlags::POLLIN)];
        match nix::poll::poll(&mut fds, limit) {
            Ok(0) => return Err(Error::timeout("the container was not ready in time")),
            Ok(_) => return receive(from),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("wait for a packet"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::error::Kind;
    use std::time::Duration;

    #[test]
    fn packets_and_the_end() {
        let (left, right) = pair().unwrap();
        let failure = Failure { kind: Kind::Invalid, message: "ä".repeat(PACKET) };
        send(&left, &Packet::Pid(7), None).unwrap();
        send(&left, &Packet::Ready, Some(left.as_fd())).unwrap();
        send(&left, &Packet::Failed(failure), None).unwrap();
        drop(left);
        assert_eq!(receive(&right).unwrap().unwrap().0, Packet::Pid(7));
        let (ready, with) = receive(&right).unwrap().unwrap();
        assert!(ready == Packet::Ready && with.is_some());
        drop(with);
        assert!(matches!(receive(&right).unwrap().unwrap().0, Packet::Failed(_)));
        assert!(receive(&right).unwrap().is_none());
    }

    #[test]
    fn waiting_has_an_end() {
        let (left, _right) = pair().unwrap();
        let error = receive_until(&left, Instant::now() + Duration::from_millis(5)).unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout);
    }
}
