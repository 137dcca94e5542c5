//! One attached client: output goes to it, its input comes from it. Output that it does not take yet is
//! held, and whoever feeds it stops reading the container meanwhile: nothing is ever dropped.

use nix::sys::socket::{MsgFlags, send, sendmsg, setsockopt, sockopt::SndBuf};
use shared::error::Result;
use shared::frame::{self, Stream};
use shared::kernel::socket::{self, Waiting};
use shared::shim::Streams;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Bytes held at most. More than one read is held only after the process has ended, when a pipe's rest
/// is taken whole; a client that far behind is given up.
const HELD_MAX: usize = 4 << 20;
/// What the kernel holds for the client: several reads, so that both sides run at once.
const SOCKET_BYTES: usize = 512 * 1024;

/// How output is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// As it is: a terminal.
    Raw,
    /// In Docker's frames.
    Frames,
}

/// One client.
#[derive(Debug)]
pub struct Reader {
    socket: OwnedFd,
    streams: Streams,
    framing: Framing,
    held: Vec<u8>,
    sent: usize,
    /// The client may still write.
    pub listening: bool,
    /// The client closed; it is swept away.
    pub gone: bool,
}

impl Reader {
    /// A client, and the end of the stream that is handed to it.
    pub fn new(streams: Streams, framing: Framing) -> Result<(Self, OwnedFd)> {
        let (ours, theirs) = socket::pair()?;
        socket::wait_or_not(&ours, Waiting::Nonblocking)?;
        // The kernel's limit for ordinary users may be lower: then it is that.
        let _smaller_is_fine = setsockopt(&ours, SndBuf, &SOCKET_BYTES);
        let (held, listening) = (Vec::new(), streams.stdin);
        let reader = Self { socket: ours, streams, framing, held, sent: 0, listening, gone: false };
        Ok((reader, theirs))
    }

    /// The socket.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Output waits for the client.
    pub fn blocked(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether the client wants this stream.
    pub fn wants(&self, stream: Stream) -> bool {
        match (self.framing, stream) {
            (Framing::Raw, _) => self.streams.stdout || self.streams.stderr,
            (Framing::Frames, Stream::Stdout) => self.streams.stdout,
            (Framing::Frames, Stream::Stderr) => self.streams.stderr,
        }
    }

    /// Sends output, or holds what the client does not take now.
    pub fn write(&mut self, stream: Stream, bytes: &[u8]) {
        if !self.wants(stream) || self.gone || bytes.is_empty() {
            return;
        }
        let header = frame::header(stream, bytes.len());
        let header = if self.framing == Framing::Raw { &header[..0] } else { &header[..] };
        let mut went = 0;
        if !self.blocked() {
            let parts = [IoSlice::new(header), IoSlice::new(bytes)];
            let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
            went = self.judge(sendmsg::<()>(self.socket.as_raw_fd(), &parts, &[], flags, None));
        }
        if self.gone || went == header.len() + bytes.len() {
            return;
        }
        self.held.extend_from_slice(&header[went.min(header.len())..]);
        self.held.extend_from_slice(&bytes[went.saturating_sub(header.len())..]);
        self.gone |= self.held.len() > HELD_MAX;
    }

    /// Sends what is held.
    pub fn flush(&mut self) {
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        while self.blocked() && !self.gone {
            let went = self.judge(send(self.socket.as_raw_fd(), &self.held[self.sent..], flags));
            if went == 0 {
                return;
            }
            self.sent += went;
            if self.sent == self.held.len() {
                (self.held, self.sent) = (Vec::new(), 0);
            }
        }
    }

    fn judge(&mut self, result: nix::Result<usize>) -> usize {
        match result {
            Ok(count) => count,
            Err(nix::Error::EAGAIN | nix::Error::EINTR | nix::Error::ENOBUFS) => 0,
            Err(_) => {
                self.gone = true;
                0
            }
        }
    }
}
