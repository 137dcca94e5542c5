//! Frames of [`crate::shim`] over a unix socket, with their descriptors: the same code on both sides,
//! for sockets that wait and for sockets that do not. Never interprets a body.

use super::socket::{receive, send};
use crate::error::{Context, Error, Kind, Result};
use crate::shim::{self, ANSWER, FAILURE, FDS_MAX, Failure, HEAD, Head, Message};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// Bytes that one read takes at most: requests and notices are a few hundred bytes.
const READ: usize = 4096;
/// Bytes that an [`Outbox`] holds at most; a peer that reads nothing for that long is given up.
pub const OUTBOX_MAX: usize = 4 << 20;

/// One received frame.
#[derive(Debug)]
pub struct Frame {
    /// Kind and request.
    pub head: Head,
    /// JSON.
    pub body: Vec<u8>,
    /// What came along.
    pub fds: Vec<OwnedFd>,
}

impl Frame {
    /// The body of a request or notice.
    pub fn message<M: Message>(&self) -> Result<M> {
        shim::decode(self.head.kind, &self.body)
    }

    /// The answer to a request of type `M`, or the failure that came instead.
    pub fn answer<M: Message>(&self) -> Result<M::Answer> {
        match self.head.kind {
            ANSWER => shim::decode(ANSWER, &self.body),
            FAILURE => Err(shim::decode::<Failure>(FAILURE, &self.body)?.into()),
            other => Err(Error::internal(format!("message of kind {other} instead of an answer"))),
        }
    }
}

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Bytes: frames may be complete now.
    Some,
    /// The socket would have to wait.
    Nothing,
    /// The other side closed.
    End,
}

/// Puts received bytes together to frames.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    /// Descriptors, and where in `bytes` the read that brought them ended. The kernel never joins
    /// what follows a message with descriptors to it, so they belong to the frame around that place.
    fds: VecDeque<(usize, Vec<OwnedFd>)>,
}

impl Inbox {
    /// Reads once. An error means that the connection is of no more use.
    pub fn read(&mut self, socket: BorrowedFd<'_>) -> Result<Progress> {
        let (old, mut fds) = (self.bytes.len(), Vec::new());
        self.bytes.resize(old + READ, 0);
        let got = receive(socket, &mut self.bytes[old..], &mut fds);
        self.bytes.truncate(old + *got.as_ref().unwrap_or(&0));
        let progress = match got {
            Ok(0) => Progress::End,
            Ok(_) => Progress::Some,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Progress::Nothing,
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => Progress::End,
            Err(e) => return Err(e).context("receive from a socket"),
        };
        if !fds.is_empty() {
            self.fds.push_back((self.bytes.len(), fds));
        }
        Ok(progress)
    }

    /// Takes the first frame if it is complete. An error means that the other side is broken.
    pub fn take(&mut self) -> Result<Option<Frame>> {
        let Some((head, _)) = self.bytes.split_first_chunk::<HEAD>() else { return Ok(None) };
        let head = Head::decode(head)?;
        let end = HEAD + head.length as usize;
        if self.bytes.len() < end {
            return Ok(None);
        }
        let body = self.bytes[HEAD..end].to_vec();
        self.bytes.drain(..end);
        if self.bytes.is_empty() {
            self.bytes.shrink_to(READ);
        }
        let mut fds = Vec::new();
        while self.fds.front().is_some_and(|(place, _)| *place <= end) {
            fds.extend(self.fds.pop_front().map(|(_, fds)| fds).unwrap_or_default());
        }
        self.fds.iter_mut().for_each(|(place, _)| *place -= end);
        if fds.len() > FDS_MAX {
            return Err(Error::invalid(format!("{} descriptors with one frame", fds.len())));
        }
        Ok(Some(Frame { head, body, fds }))
    }
}

/// Frames on their way out.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<(Vec<u8>, Vec<OwnedFd>)>,
    /// Bytes of the first frame that went already.
    sent: usize,
    held: usize,
}

impl Outbox {
    /// Appends a frame (as made by [`shim::encode`]). `Unavailable`: the peer does not read.
    pub fn push(&mut self, frame: Vec<u8>, fds: Vec<OwnedFd>) -> Result<()> {
        if self.held + frame.len() > OUTBOX_MAX {
            return Err(Error::unavailable("the other side does not read its messages"));
        }
        self.held += frame.len();
        self.waiting.push_back((frame, fds));
        Ok(())
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Writes until everything went or the socket would have to wait.
    pub fn flush(&mut self, socket: BorrowedFd<'_>) -> Result<()> {
        while let Some((frame, fds)) = self.waiting.front_mut() {
            let borrowed: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
            match send(socket, &frame[self.sent..], &borrowed) {
                Ok(count) => {
                    fds.clear(); // went with the first byte
                    self.sent += count;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e).context("send to a socket"),
            }
            if self.sent == frame.len() {
                self.held -= self.sent;
                self.sent = 0;
                self.waiting.pop_front();
            }
        }
        Ok(())
    }
}

/// A client of a shim that waits for each answer: for tools and tests. The daemon has its own, which
/// does not wait.
#[derive(Debug)]
pub struct Client {
    socket: OwnedFd,
    inbox: Inbox,
    last: u64,
    /// Frames that were no answer: notices, in the order in which they came.
    pub notices: VecDeque<Frame>,
}

impl Client {
    /// Around a connected socket that waits.
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, inbox: Inbox::default(), last: 0, notices: VecDeque::new() }
    }

    /// Sends a request and waits for its answer. `Timeout` leaves the connection usable.
    pub fn call<M: Message>(
        &mut self,
        message: &M,
        fds: Vec<OwnedFd>,
        limit: Duration,
    ) -> Result<(M::Answer, Vec<OwnedFd>)> {
        self.last += 1;
        let mut outbox = Outbox::default();
        outbox.push(shim::encode(M::KIND, self.last, message)?, fds)?;
        outbox.flush(self.socket.as_fd())?;
        let deadline = Instant::now() + limit;
        loop {
            let frame = self.frame(deadline)?;
            match frame.head.request {
                0 => self.notices.push_back(frame),
                number if number == self.last => return Ok((frame.answer::<M>()?, frame.fds)),
                _ => {} // the late answer to a call that timed out
            }
        }
    }

    /// Waits for the next notice of type `M`; others are kept.
    pub fn notice<M: Message>(&mut self, limit: Duration) -> Result<M> {
        let deadline = Instant::now() + limit;
        loop {
            let place = self.notices.iter().position(|frame| frame.head.kind == M::KIND);
            if let Some(frame) = place.and_then(|place| self.notices.remove(place)) {
                return frame.message();
            }
            let frame = self.frame(deadline)?;
            if frame.head.request == 0 {
                self.notices.push_back(frame);
            }
        }
    }

    fn frame(&mut self, deadline: Instant) -> Result<Frame> {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        loop {
            if let Some(frame) = self.inbox.take()? {
                return Ok(frame);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let mut ready = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
            let limit = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut ready, limit) {
                Ok(0) => return Err(Error::timeout("the shim did not answer in time")),
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(e) => return Err(e).context("wait for the shim"),
            }
            if self.inbox.read(self.socket.as_fd())? == Progress::End {
                return Err(Error::new(Kind::Unavailable, "the shim closed the connection"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::socket::{memory_file, pair, read_memory_file};
    use super::*;
    use crate::shim::{CloseStdin, Done, Query, encode};
    use std::io::Write;

    #[test]
    fn descriptors_stay_with_their_frame() {
        let (one, two) = pair().unwrap();
        let mut outbox = Outbox::default();
        for (number, text) in [None, Some("a"), None, Some("b"), None].into_iter().enumerate() {
            let fds = text.map(|t| memory_file(t, t.as_bytes()).unwrap()).into_iter().collect();
            outbox.push(encode(9, number as u64, &Query {}).unwrap(), fds).unwrap();
        }
        outbox.flush(one.as_fd()).unwrap();
        assert!(outbox.is_empty());
        drop(one);
        let mut inbox = Inbox::default();
        while inbox.read(two.as_fd()).unwrap() != Progress::End {}
        let mut seen = Vec::new();
        while let Some(mut frame) = inbox.take().unwrap() {
            let fd = frame.fds.pop();
            seen.push(fd.map(|fd| read_memory_file(fd, 9).unwrap()));
        }
        assert_eq!(seen, [None, Some(b"a".to_vec()), None, Some(b"b".to_vec()), None]);
    }

    #[test]
    fn partial_frames_wait_and_garbage_is_refused() {
        let (one, two) = pair().unwrap();
        let mut pipe = std::fs::File::from(one);
        let frame = encode(8, 1, &CloseStdin { process: "init".into() }).unwrap();
        let mut inbox = Inbox::default();
        for byte in &frame {
            assert!(inbox.take().unwrap().is_none());
            pipe.write_all(&[*byte]).unwrap();
            inbox.read(two.as_fd()).unwrap();
        }
        let message: CloseStdin = inbox.take().unwrap().unwrap().message().unwrap();
        assert_eq!(message.process, "init");
        pipe.write_all(&[0xff; 40]).unwrap();
        inbox.read(two.as_fd()).unwrap();
        assert!(inbox.take().is_err());
    }

    #[test]
    fn a_client_sees_failures_and_keeps_notices() {
        let (one, two) = pair().unwrap();
        let mut outbox = Outbox::default();
        let failure = Failure { kind: Kind::Conflict, message: "it runs".into() };
        outbox.push(encode(65, 0, &Done {}).unwrap(), vec![]).unwrap();
        outbox.push(encode(FAILURE, 1, &failure).unwrap(), vec![]).unwrap();
        outbox.flush(two.as_fd()).unwrap();
        let mut client = Client::new(one);
        let error = client.call(&Query {}, vec![], Duration::from_secs(5)).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Conflict, "it runs"));
        assert_eq!(client.notices.len(), 1);
        let error = client.call(&Query {}, vec![], Duration::from_millis(1)).unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout);
    }
}
