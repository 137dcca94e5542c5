//! A client and a process's streams, connected: bytes of the shim's socket to the client and back, at
//! full speed, until the process has ended, the client is gone or typed the detach keys.
//!
//! Never looks into frames, never decides what closing standard input means: that is the shim's.

use super::detach::{Filter, Keys, Typed};
use async_io::Async;
use futures_util::future::{Either, select};
use futures_util::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use shared::error::{Context, Result};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::pin::pin;

/// First size of a copy buffer: enough for a shell session.
const BUFFER_MIN: usize = 16 << 10;
/// A buffer that was filled doubles up to this: beyond it copies no longer get faster.
const BUFFER_MAX: usize = 256 << 10;

/// Why the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The process has closed its output.
    Finished,
    /// The client typed the detach keys.
    Detached,
    /// The client is gone.
    Gone,
}

/// Whether and how the client's bytes reach the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Not at all.
    Ignored,
    /// As they are.
    Raw,
    /// From a terminal: the keys end the connection.
    Terminal(Keys),
}

/// Connects until one side ends. `process` is the descriptor that the shim gave; `first` goes to the
/// client before anything of the process does (history). `writer` stays open: the client sees the end
/// only when the caller closes it, after the exit is known.
///
/// # Errors
/// When `process` is no socket that can be waited for.
pub async fn connect<R, W>(
    reader: R,
    mut writer: W,
    process: OwnedFd,
    input: Input,
    first: &[u8],
) -> Result<End>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let process = Async::new(UnixStream::from(process)).context("wait for a process's stream")?;
    if !first.is_empty() && writer.write_all(first).await.is_err() {
        return Ok(End::Gone);
    }
    let end = {
        let inward = pin!(inward(reader, &process, input));
        let outward = pin!(outward(&process, &mut writer));
        match select(outward, inward).await {
            Either::Left((end, _)) => end,
            Either::Right((Typed::Detached, _)) => End::Detached,
            Either::Right((Typed::Through, outward)) => outward.await,
        }
    };
    Ok(end)
}

/// Process to client. Ends when either side does.
async fn outward<W: AsyncWrite + Unpin>(mut process: &Async<UnixStream>, writer: &mut W) -> End {
    let mut buffer = vec![0; BUFFER_MIN];
    loop {
        let length = match process.read(&mut buffer).await {
            Ok(0) | Err(_) => return End::Finished,
            Ok(length) => length,
        };
        if writer.write_all(&buffer[..length]).await.is_err() || writer.flush().await.is_err() {
            return End::Gone;
        }
        if length == buffer.len() && length < BUFFER_MAX {
            buffer.resize(length * 2, 0);
        }
    }
}

/// Client to process; ends the process's input when the client ends its own.
async fn inward<R: AsyncRead + Unpin>(
    mut reader: R,
    process: &Async<UnixStream>,
    input: Input,
) -> Typed {
    let mut filter = match input {
        Input::Ignored => return Typed::Through,
        Input::Raw => None,
        Input::Terminal(keys) => Some(Filter::new(keys)),
    };
    let mut sink = process;
    let mut buffer = vec![0; BUFFER_MIN];
    let mut passed = Vec::new();
    loop {
        let length = match reader.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(length) => length,
        };
        let mut verdict = Typed::Through;
        let bytes = match &mut filter {
            None => &buffer[..length],
            Some(filter) => {
                passed.clear();
                verdict = filter.pass(&buffer[..length], &mut passed);
                &passed[..]
            }
        };
        // A process that no longer reads its input may still write.
        if sink.write_all(bytes).await.is_err() {
            return Typed::Through;
        }
        if verdict == Typed::Detached {
            return verdict;
        }
        if length == buffer.len() && length < BUFFER_MAX {
            buffer.resize(length * 2, 0);
        }
    }
    let rest = filter.map(|mut f| f.rest()).unwrap_or_default();
    if sink.write_all(&rest).await.is_ok() {
        // Already shut down from the other side: the same result.
        let _ = process.get_ref().shutdown(Shutdown::Write);
    }
    Typed::Through
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::io::Cursor;
    use std::io::{Read, Write};

    fn run(
        typed: &'static [u8],
        input: Input,
        process: impl FnOnce(UnixStream) + Send + 'static,
    ) -> (End, Vec<u8>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let thread = std::thread::spawn(move || process(theirs));
        let mut out = Cursor::new(Vec::new());
        let end = crate::task::block_on(connect(
            Cursor::new(typed),
            &mut out,
            ours.into(),
            input,
            b"old ",
        ));
        thread.join().unwrap();
        (end.unwrap(), out.into_inner())
    }

    #[test]
    fn input_ends_and_late_output_arrives() {
        let (end, out) = run(b"hello", Input::Raw, |mut process| {
            let mut all = String::new();
            process.read_to_string(&mut all).unwrap();
            process.write_all(all.to_uppercase().as_bytes()).unwrap();
        });
        assert_eq!((end, out.as_slice()), (End::Finished, &b"old HELLO"[..]));
    }

    #[test]
    fn the_keys_leave_the_process_alone() {
        let keys = Input::Terminal(Keys::default());
        let (end, _) = run(b"ls\x10\x11rest", keys, |mut process| {
            let mut all = Vec::new();
            process.read_to_end(&mut all).unwrap();
            assert_eq!(all, b"ls");
        });
        assert_eq!(end, End::Detached);
    }

    #[test]
    fn much_output_arrives_whole() {
        const BYTES: usize = 8 << 20;
        let (end, out) = run(b"", Input::Ignored, |mut process| {
            process.write_all(&vec![7; BYTES]).unwrap();
        });
        assert_eq!((end, out.len()), (End::Finished, BYTES + 4));
    }
}
