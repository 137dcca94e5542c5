//! One connection to a shim: requests out, answers matched by number, notices passed on in order.
//!
//! A reader task owns the receiving half; writers queue on a lock. Nothing here decides anything.

use super::Notice;
use crate::limits;
use crate::task::channel::{Receiver, Sender};
use crate::task::{self, channel};
use async_io::Async;
use shared::error::{Context, Error, Result};
use shared::kernel::socket;
use shared::kernel::wire::{Frame, Inbox, Progress};
use shared::shim::{self, ANSWER, FAILURE, Message};
use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The sending half and the table of requests under way.
#[derive(Debug)]
pub struct Connection {
    inner: Arc<Inner>,
    /// Closed when the reader ends.
    ended: Receiver<()>,
}

#[derive(Debug)]
struct Inner {
    socket: Async<UnixStream>,
    writing: task::Mutex<()>,
    next: AtomicU64,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    closed: bool,
    requests: HashMap<u64, Sender<Frame>>,
}

impl Connection {
    /// Takes over a socket and starts its reader; notices go to `notices`, the last one is
    /// [`Notice::Gone`].
    pub fn new(socket: UnixStream, notices: Sender<Notice>) -> Result<Self> {
        let socket = Async::new(socket).context("watch the shim's socket")?;
        let inner = Arc::new(Inner {
            socket,
            writing: task::Mutex::new(()),
            next: AtomicU64::new(1),
            waiting: Mutex::default(),
        });
        let (reading, ended) = channel::bounded(1);
        let reader = read(inner.clone(), notices);
        task::spawn("shim reader", async move {
            reader.await;
            drop(reading);
        })
        .detach();
        Ok(Self { inner, ended })
    }

    /// A request whose answer brings no descriptor.
    pub async fn call<M: Message>(
        &self,
        message: &M,
        fds: &[BorrowedFd<'_>],
        limit: Duration,
    ) -> Result<M::Answer> {
        Ok(self.call_for(message, fds, limit).await?.0)
    }

    /// A request whose answer may bring descriptors.
    pub async fn call_for<M: Message>(
        &self,
        message: &M,
        fds: &[BorrowedFd<'_>],
        limit: Duration,
    ) -> Result<(M::Answer, Vec<OwnedFd>)> {
        let number = self.inner.next.fetch_add(1, Ordering::Relaxed);
        let frame = shim::encode(M::KIND, number, message)?;
        let answer = self.inner.expect(number)?;
        let exchange = async {
            self.inner.send(&frame, fds).await?;
            answer.recv().await.map_err(|_| gone())
        };
        let outcome = task::timeout(limit, "an answer of the shim", exchange).await;
        if outcome.is_err() {
            self.inner.waiting().requests.remove(&number);
        }
        let frame = outcome??;
        Ok((frame.answer::<M>()?, frame.fds))
    }

    /// Waits until the other side has closed.
    pub async fn closed(&self) -> Result<()> {
        // Nothing is ever sent: it fails when the reader ends.
        let ended = async {
            let _ = self.ended.recv().await;
        };
        task::timeout(limits::SHIM_END, "the end of a shim", ended).await
    }

    /// Ends the connection; the reader says [`Notice::Gone`].
    pub fn close(&self) {
        // A socket that is closed already needs no closing.
        let _ = self.inner.socket.get_ref().shutdown(std::net::Shutdown::Both);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

fn gone() -> Error {
    Error::internal("the shim has gone")
}

impl Inner {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn expect(&self, number: u64) -> Result<Receiver<Frame>> {
        let (answer, receiver) = channel::bounded(1);
        let mut waiting = self.waiting();
        if waiting.closed {
            return Err(gone());
        }
        waiting.requests.insert(number, answer);
        Ok(receiver)
    }

    async fn send(&self, frame: &[u8], fds: &[BorrowedFd<'_>]) -> Result<()> {
        let _turn = self.writing.lock().await;
        let mut sent = 0;
        while sent < frame.len() {
            // The descriptors travel with the first byte.
            let now = if sent == 0 { fds } else { &[] };
            sent += self
                .socket
                .write_with(|socket| socket::send(socket.as_fd(), &frame[sent..], now))
                .await
                .context("send to the shim")?;
        }
        Ok(())
    }

    fn answered(&self, frame: Frame) {
        let Some(answer) = self.waiting().requests.remove(&frame.head.request) else {
            tracing::warn!(request = frame.head.request, "the shim answered what was not asked");
            return;
        };
        // Whoever asked may have run out of patience.
        let _ = answer.try_send(frame);
    }
}

async fn read(inner: Arc<Inner>, notices: Sender<Notice>) {
    if let Err(error) = read_frames(&inner, &notices).await {
        tracing::warn!(%error, "lost the connection to a shim");
    }
    let requests = {
        let mut waiting = inner.waiting();
        waiting.closed = true;
        std::mem::take(&mut waiting.requests)
    };
    // Dropping the senders tells everyone who waits.
    drop(requests);
    // Nobody to tell: the container has been removed.
    let _ = notices.send(Notice::Gone).await;
}

async fn read_frames(inner: &Inner, notices: &Sender<Notice>) -> Result<()> {
    let mut inbox = Inbox::default();
    loop {
        inner.socket.readable().await.context("wait for the shim")?;
        match inbox.read(inner.socket.get_ref().as_fd())? {
            Progress::End => return Ok(()),
            Progress::Nothing => continue,
            Progress::Some => {}
        }
        while let Some(frame) = inbox.take()? {
            match frame.head.kind {
                ANSWER | FAILURE => inner.answered(frame),
                _ => {
                    if let Some(notice) = notice(&frame)? {
                        // The owner is gone only when the container is.
                        let _ = notices.send(notice).await;
                    }
                }
            }
        }
    }
}

fn notice(frame: &Frame) -> Result<Option<Notice>> {
    Ok(Some(match frame.head.kind {
        shim::Exited::KIND => Notice::Exited(frame.message::<shim::Exited>()?),
        shim::Oom::KIND => Notice::Oom(frame.message::<shim::Oom>()?),
        shim::LogLost::KIND => Notice::LogLost(frame.message::<shim::LogLost>()?),
        other => {
            tracing::warn!(kind = other, "the shim told something unknown");
            return Ok(None);
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::shim::{Attach, Attached, Exited, Failure, HEAD, Head, Kill, Streams};
    use std::io::{Read, Write};

    const LIMIT: Duration = Duration::from_secs(10);

    fn read_request(peer: &mut UnixStream) -> (Head, Vec<u8>) {
        let mut head = [0; HEAD];
        peer.read_exact(&mut head).unwrap();
        let head = Head::decode(&head).unwrap();
        let mut body = vec![0; head.length as usize];
        peer.read_exact(&mut body).unwrap();
        (head, body)
    }

    fn exited() -> Exited {
        Exited {
            process: "init".into(),
            code: 3,
            signal: None,
            oom_killed: false,
            at_nanos: 1,
            boot_id: "b".into(),
            incarnation: 1,
        }
    }

    fn pair() -> (Connection, UnixStream, Receiver<Notice>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (sender, notices) = channel::bounded(limits::NOTICES);
        (Connection::new(ours, sender).unwrap(), theirs, notices)
    }

    #[test]
    fn answers_find_their_requests_and_descriptors_their_answers() {
        let (connection, mut peer, notices) = pair();
        let shim = std::thread::spawn(move || {
            let (kill, _) = read_request(&mut peer);
            let (attach, _) = read_request(&mut peer);
            let (_, far) = UnixStream::pair().unwrap();
            let attached = shim::encode(ANSWER, attach.request, &Attached { log_bytes: 7 });
            let sent = socket::send(peer.as_fd(), &attached.unwrap(), &[far.as_fd()]).unwrap();
            assert!(sent > HEAD);
            let mut rest = shim::encode(Exited::KIND, 0, &exited()).unwrap();
            let failure = Failure::from(Error::not_found("no such process"));
            rest.extend(shim::encode(FAILURE, kill.request, &failure).unwrap());
            for byte in rest {
                peer.write_all(&[byte]).unwrap();
            }
        });
        task::block_on(async {
            let kill = Kill { process: "init".into(), signal: 9, all: false };
            let streams = Streams { stdin: false, stdout: true, stderr: true };
            let attach = Attach { process: "init".into(), streams };
            let (killed, attached) = futures_util::join!(
                connection.call(&kill, &[], LIMIT),
                connection.call_for(&attach, &[], LIMIT)
            );
            assert_eq!(killed.unwrap_err().to_string(), "no such process");
            let (attached, fds) = attached.unwrap();
            assert_eq!((attached.log_bytes, fds.len()), (7, 1));
            assert!(matches!(notices.recv().await, Ok(Notice::Exited(exit)) if exit == exited()));
            assert!(matches!(notices.recv().await, Ok(Notice::Gone)));
        });
        shim.join().unwrap();
    }

    #[test]
    fn a_shim_that_goes_fails_what_waits_and_what_follows() {
        let (connection, mut peer, notices) = pair();
        let shim = std::thread::spawn(move || drop(read_request(&mut peer)));
        task::block_on(async {
            let kill = Kill { process: "init".into(), signal: 9, all: false };
            let error = connection.call(&kill, &[], LIMIT).await.unwrap_err();
            assert_eq!(error.to_string(), "the shim has gone");
            assert!(matches!(notices.recv().await, Ok(Notice::Gone)));
            assert!(connection.call(&kill, &[], LIMIT).await.is_err());
        });
        shim.join().unwrap();
    }

    #[test]
    fn a_silent_shim_runs_into_the_limit() {
        let (connection, _peer, _notices) = pair();
        let kill = Kill { process: "init".into(), signal: 9, all: false };
        let call = connection.call(&kill, &[], Duration::from_millis(10));
        let error = task::block_on(call).unwrap_err();
        assert_eq!(error.kind(), shared::error::Kind::Timeout);
    }
}
