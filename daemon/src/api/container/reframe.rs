//! Between the form that a process's stream has and the one that a client asked for: Docker frames an
//! exec's output by what the request to start it says, not by whether the process has a terminal.

use futures_util::io::AsyncWrite;
use shared::frame::{self, HEADER, Stream};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What becomes of the bytes on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// They are as the client wants them.
    AsIs,
    /// A terminal's bytes get frames of standard output.
    Framed,
    /// Frames are taken off.
    Bare,
}

impl Form {
    /// From what the process writes (`is_raw`: no frames) and what the client wants.
    pub fn between(is_raw: bool, wants_raw: bool) -> Self {
        match (is_raw, wants_raw) {
            (true, false) => Self::Framed,
            (false, true) => Self::Bare,
            _ => Self::AsIs,
        }
    }
}

/// A writer in front of the client's.
pub struct Reframed<W> {
    inner: W,
    form: Form,
    header: [u8; HEADER],
    /// Bytes of the header that are written (framing) or read (taking off).
    done: usize,
    /// Bytes of the current payload that are still to come.
    left: usize,
}

impl<W> Reframed<W> {
    /// Writes to `inner` what it gets, in another form.
    pub fn new(inner: W, form: Form) -> Self {
        Self { inner, form, header: [0; HEADER], done: 0, left: 0 }
    }
}

impl<W: AsyncWrite + Unpin> Reframed<W> {
    /// One frame for each write; a short write is continued by the next call with the rest.
    fn framed(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.left == 0 {
            self.header = frame::header(Stream::Stdout, bytes.len());
            (self.done, self.left) = (0, bytes.len());
        }
        while self.done < HEADER {
            let rest = &self.header[self.done..];
            match ready!(Pin::new(&mut self.inner).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                length => self.done += length,
            }
        }
        let bytes = &bytes[..bytes.len().min(self.left)];
        let length = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        self.left -= length;
        Poll::Ready(Ok(length))
    }

    fn bare(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut taken = 0;
        while taken < bytes.len() {
            if self.left > 0 {
                let end = bytes.len().min(taken + self.left);
                return match Pin::new(&mut self.inner).poll_write(cx, &bytes[taken..end]) {
                    Poll::Ready(Ok(length)) => {
                        self.left -= length;
                        Poll::Ready(Ok(taken + length))
                    }
                    // The header that came before is kept here already.
                    Poll::Pending if taken > 0 => Poll::Ready(Ok(taken)),
                    other => other,
                };
            }
            self.header[self.done] = bytes[taken];
            (self.done, taken) = (self.done + 1, taken + 1);
            if self.done == HEADER {
                self.done = 0;
                self.left = frame::parse(&self.header).map_or(0, |(_, length)| length);
            }
        }
        Poll::Ready(Ok(taken))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Reframed<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        match self.form {
            Form::AsIs => Pin::new(&mut self.inner).poll_write(cx, bytes),
            Form::Framed => self.framed(cx, bytes),
            Form::Bare => self.bare(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::io::AsyncWriteExt;

    /// Takes a few bytes at a time.
    struct Narrow(Vec<u8>);

    impl AsyncWrite for Narrow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let length = bytes.len().min(3);
            self.0.extend_from_slice(&bytes[..length]);
            Poll::Ready(Ok(length))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn pass(form: Form, writes: &[&[u8]]) -> Vec<u8> {
        let mut writer = Reframed::new(Narrow(Vec::new()), form);
        for bytes in writes {
            crate::task::block_on(writer.write_all(bytes)).unwrap();
        }
        writer.inner.0
    }

    #[test]
    fn frames_come_and_go() {
        let framed = pass(Form::Framed, &[b"hello world", b"!"]);
        let wanted = [
            &frame::header(Stream::Stdout, 11),
            b"hello world".as_slice(),
            &frame::header(Stream::Stdout, 1),
            b"!",
        ];
        assert_eq!(framed, wanted.concat());
        for cut in 0..framed.len() {
            let (first, second) = framed.split_at(cut);
            assert_eq!(pass(Form::Bare, &[first, second]), b"hello world!", "cut at {cut}");
        }
        assert_eq!(pass(Form::AsIs, &[&framed]), framed);
    }
}
