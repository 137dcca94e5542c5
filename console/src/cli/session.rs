//! A conversation with a process: its output here, our input there, until it ends or the detach keys
//! are typed. Used by run, start -a, attach, exec, and by the console when it lends its terminal.

use super::exit::failed;
use super::request::{query, switch};
use super::{input, output};
use crate::signal;
use crossterm::terminal;
use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use futures_util::{FutureExt, pin_mut, select_biased};
use shared::client::{Client, Content};
use shared::error::{Context, Error, Kind, Result};
use shared::frame::{self, HEADER, Stream};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use std::io::IsTerminal;

/// Bytes read at once from the daemon.
const CHUNK: usize = 64 * 1024;

/// Both halves of a connection that was taken over.
pub type Halves = (shared::net::upgrade::Reader, shared::net::upgrade::Writer);

/// What the process is to us.
#[derive(Clone, Debug)]
pub struct Session {
    /// `/containers/<id>` or `/exec/<id>`, for the size of the terminal.
    pub object: String,
    /// It has a terminal: one raw stream.
    pub terminal: bool,
    /// Our standard input goes to it.
    pub input: bool,
    /// Keys that detach.
    pub keys: Vec<u8>,
    /// Signals are passed on to this container.
    pub signals_to: Option<String>,
}

/// How the conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The process closed its output.
    Closed,
    /// The detach keys were typed.
    Detached,
}

/// How Docker's client ends when its detach keys were typed: what it was attached to goes on.
pub fn detached() -> Error {
    failed(&Error::conflict("read escape sequence"), 1)
}

/// Raw mode until it is dropped.
struct Raw;

impl Raw {
    fn begin() -> Result<Self> {
        terminal::enable_raw_mode().context("set the terminal to raw mode")?;
        Ok(Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = terminal::disable_raw_mode();
    }
}

/// The bytes of keys such as `ctrl-p,ctrl-q` or `a`; nothing given means those two.
pub fn keys(text: Option<&str>) -> Result<Vec<u8>> {
    let text = text.unwrap_or("ctrl-p,ctrl-q");
    let one = |word: &str| -> Result<u8> {
        let bytes = word.as_bytes();
        match (word.strip_prefix("ctrl-").map(str::as_bytes), bytes) {
            (Some([c @ b'a'..=b'z']), _) => Ok(c - b'a' + 1),
            (Some([c @ (b'@' | b'[' | b'\\' | b']' | b'^' | b'_')]), _) => Ok(c - b'@'),
            (None, [c]) => Ok(*c),
            _ => Err(Error::invalid(format!("invalid detach keys ({text}) provided"))),
        }
    };
    text.split(',').filter(|w| !w.is_empty()).map(one).collect()
}

/// Finds the detach keys in what is typed.
#[derive(Debug)]
struct Detector {
    keys: Vec<u8>,
    matched: usize,
}

impl Detector {
    /// What is to be sent; `None` when the keys are complete. A beginning of the keys is held back.
    fn pass(&mut self, typed: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(typed.len());
        for byte in typed {
            if self.keys.get(self.matched) == Some(byte) {
                self.matched += 1;
                if self.matched == self.keys.len() {
                    return None;
                }
                continue;
            }
            out.extend_from_slice(&self.keys[..self.matched]);
            self.matched = usize::from(self.keys.first() == Some(byte));
            if self.matched == 0 {
                out.push(*byte);
            }
        }
        Some(out)
    }
}

/// Joins the streams of a container: its output, and its input when we have some for it.
pub async fn join(client: &Client, object: &str, input: bool) -> Result<Halves> {
    let flags = query(&[
        ("stream", Some("1".into())),
        ("stdin", switch(input)),
        ("stdout", Some("1".into())),
        ("stderr", Some("1".into())),
    ]);
    client.hijack(&format!("{object}/attach{flags}"), Content::Nothing).await
}

/// Talks until it ends.
pub async fn talk(client: &Client, session: &Session, halves: Halves) -> Result<End> {
    let keyboard = session.input && std::io::stdin().is_terminal();
    let _raw = (session.terminal && keyboard).then(Raw::begin).transpose()?;
    let (mut reader, mut writer) = halves;
    let sending = async {
        if !session.input {
            return Ok(End::Closed);
        }
        let input = input::open()?;
        let mut detector = Detector { keys: session.keys.clone(), matched: 0 };
        if !session.terminal || session.keys.is_empty() {
            detector.keys = Vec::new();
        }
        while let Ok(typed) = input.chunks.recv().await {
            let Some(bytes) = detector.pass(&typed) else { return Ok(End::Detached) };
            if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                // The process reads no more; its output may still come.
                return Ok(End::Closed);
            }
        }
        // Half-close: the process sees the end of its input and may still write. One that is gone
        // already needs no such news.
        let _ = writer.close().await;
        Ok(End::Closed)
    }
    .fuse();
    let receiving = receive(&mut reader, session.terminal).fuse();
    let watching = watch_signals(client, session).fuse();
    pin_mut!(sending, receiving, watching);
    loop {
        select_biased! {
            end = receiving => return end.map(|()| End::Closed),
            sent = sending => match sent {
                Ok(End::Closed) => {}
                other => return other,
            },
            failed = watching => failed?,
        }
    }
}

async fn receive(reader: &mut shared::net::upgrade::Reader, raw: bool) -> Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut demultiplexer = Demultiplexer::default();
    loop {
        let length = match reader.read(&mut buffer).await {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Ok(()),
            other => other.context_kind(Kind::Unavailable, "read from the daemon")?,
        };
        match raw {
            true => output::print_bytes(&buffer[..length])?,
            false => demultiplexer.print(&buffer[..length])?,
        }
    }
}

/// Takes Docker's frames apart and prints each payload to its stream.
#[derive(Debug, Default)]
pub struct Demultiplexer {
    head: Vec<u8>,
    payload: Option<(Stream, usize)>,
}

impl Demultiplexer {
    /// Prints a piece.
    pub fn print(&mut self, piece: &[u8]) -> Result<()> {
        self.split(piece, |stream, bytes| match stream {
            Stream::Stdout => output::print_bytes(bytes),
            Stream::Stderr => output::print_error_bytes(bytes),
        })
    }

    /// Hands each part of a payload to `take`.
    pub fn split(
        &mut self,
        mut rest: &[u8],
        mut take: impl FnMut(Stream, &[u8]) -> Result<()>,
    ) -> Result<()> {
        while !rest.is_empty() {
            if let Some((stream, left)) = self.payload {
                let (now, after) = rest.split_at(left.min(rest.len()));
                take(stream, now)?;
                self.payload = Some((stream, left - now.len())).filter(|(_, left)| *left > 0);
                rest = after;
                continue;
            }
            let (now, after) = rest.split_at((HEADER - self.head.len()).min(rest.len()));
            self.head.extend_from_slice(now);
            rest = after;
            if let Ok(head) = <[u8; HEADER]>::try_from(self.head.as_slice()) {
                let parsed = frame::parse(&head)
                    .ok_or_else(|| Error::internal("Unrecognized input header"))?;
                self.payload = Some(parsed).filter(|(_, length)| *length > 0);
                self.head.clear();
            }
        }
        Ok(())
    }
}

/// Tells the daemon the size of our terminal.
pub async fn resize(client: &Client, object: &str) -> Result<()> {
    let (width, height) = terminal::size().context("ask for the size of the terminal")?;
    client.act(&format!("{object}/resize?h={height}&w={width}")).await.map(|_| ())
}

/// Passes on the size of the terminal and, without one, signals; never ends by itself.
async fn watch_signals(client: &Client, session: &Session) -> Result<()> {
    let mut which = Vec::new();
    if session.terminal {
        which.push(SIGWINCH);
    }
    if session.signals_to.is_some() {
        which.extend([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2]);
    }
    let watch = signal::listen(&which)?;
    while let Ok(signal) = watch.signals.recv().await {
        // A process that has just ended cannot be resized or signalled: that is no failure of ours.
        if signal == SIGWINCH {
            let _ = resize(client, &session.object).await;
        } else if let Some(id) = &session.signals_to {
            let _ = client.act(&format!("/containers/{id}/kill?signal={signal}")).await;
        }
    }
    futures_util::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detach_keys_are_read_and_found() {
        assert_eq!(keys(None).unwrap(), [16, 17]);
        assert_eq!(keys(Some("a,ctrl-a,ctrl-@")).unwrap(), [b'a', 1, 0]);
        assert!(keys(Some("ctrl-P1")).is_err());
        let mut detector = Detector { keys: vec![16, 17], matched: 0 };
        assert_eq!(detector.pass(b"ab\x10").unwrap(), b"ab");
        assert_eq!(detector.pass(b"c\x10\x10").unwrap(), b"\x10c\x10");
        assert!(detector.pass(b"\x11").is_none());
    }

    #[test]
    fn frames_are_taken_apart_wherever_they_are_cut() {
        let bytes = [
            &frame::header(Stream::Stdout, 3)[..],
            b"abc",
            &frame::header(Stream::Stderr, 1),
            b"x",
        ]
        .concat();
        for cut in 0..bytes.len() {
            let (mut out, mut d) = (String::new(), Demultiplexer::default());
            for piece in [&bytes[..cut], &bytes[cut..]] {
                d.split(piece, |stream, bytes| {
                    out.push_str(&format!("{}{}", stream.byte(), String::from_utf8_lossy(bytes)));
                    Ok(())
                })
                .unwrap();
            }
            assert_eq!(out.replace("11", "1").replace('1', ""), "abc2x", "{cut}");
        }
    }
}
