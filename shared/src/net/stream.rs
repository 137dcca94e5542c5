//! One cloneable duplex stream for unix, TCP and TLS sockets, with a real half-close.
//!
//! Not async-std's types: its `UnixStream` has no vectored writes and its `poll_close` is only a
//! flush. Clones share the socket; one may read while another writes.

use async_io::Async;
use futures_rustls::TlsStream;
use futures_util::io::{AsyncRead, AsyncWrite};
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

/// A connected socket.
#[derive(Clone)]
pub enum Stream {
    /// `unix://`.
    Unix(Arc<Async<UnixStream>>),
    /// `tcp://` in the clear.
    Tcp(Arc<Async<TcpStream>>),
    /// `tcp://` with TLS, either side.
    Tls(Arc<Mutex<TlsStream<Async<TcpStream>>>>),
}

macro_rules! on_each {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream {
            Stream::Unix(socket) => {
                let mut socket = &**socket;
                let $inner = Pin::new(&mut socket);
                $call
            }
            Stream::Tcp(socket) => {
                let mut socket = &**socket;
                let $inner = Pin::new(&mut socket);
                $call
            }
            Stream::Tls(shared) => {
                let mut guard = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let $inner = Pin::new(&mut *guard);
                $call
            }
        }
    };
}

impl Stream {
    /// Takes a connected unix socket into the reactor.
    pub fn unix(socket: UnixStream) -> io::Result<Self> {
        Ok(Self::Unix(Arc::new(Async::new(socket)?)))
    }

    /// Takes a connected TCP socket into the reactor and turns Nagle's delay off: head and body are
    /// separate writes, which would otherwise cost 40 ms.
    pub fn tcp(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self::Tcp(Arc::new(Async::new(socket)?)))
    }

    /// The descriptor of a socket without encryption, for calls that copy in the kernel.
    pub fn plain_fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Stream::Unix(socket) => Some(socket.get_ref().as_fd()),
            Stream::Tcp(socket) => Some(socket.get_ref().as_fd()),
            Stream::Tls(_) => None,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        on_each!(&*self, inner => inner.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        on_each!(&*self, inner => inner.poll_write(cx, buffer))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_each!(&*self, inner => inner.poll_write_vectored(cx, buffers))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_each!(&*self, inner => inner.poll_flush(cx))
    }

    /// Shuts the write side down; the read side stays open.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = match &*self {
            Stream::Unix(socket) => socket.get_ref().shutdown(Shutdown::Write),
            Stream::Tcp(socket) => socket.get_ref().shutdown(Shutdown::Write),
            Stream::Tls(shared) => {
                let mut guard = shared.lock().unwrap_or_else(PoisonError::into_inner);
                ready!(Pin::new(&mut *guard).poll_close(cx))?;
                guard.get_ref().0.get_ref().shutdown(Shutdown::Write)
            }
        };
        Poll::Ready(match result {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn close_ends_only_the_write_side() {
        let (near, far) = UnixStream::pair().unwrap();
        async_io::block_on(async {
            let (mut near, mut far) = (Stream::unix(near).unwrap(), Stream::unix(far).unwrap());
            near.write_all(b"ask").await.unwrap();
            near.close().await.unwrap();
            let mut asked = Vec::new();
            far.read_to_end(&mut asked).await.unwrap();
            assert_eq!(asked, b"ask");
            far.write_all(b"late answer").await.unwrap();
            drop(far);
            let mut answer = Vec::new();
            near.read_to_end(&mut answer).await.unwrap();
            assert_eq!(answer, b"late answer");
        });
    }
}
