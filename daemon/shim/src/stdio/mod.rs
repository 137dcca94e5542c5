//! The standard streams of one process: output goes to the log and to every attached client, input
//! comes from them. A slow client holds the process back; a client that closed is forgotten.

mod input;
mod reader;

pub use input::Input;
pub use reader::{Framing, Reader};

use crate::buffer::{Buffer, Use};
use crate::log::Log;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use shared::error::{Context, Error, Result};
use shared::frame::Stream;
use shared::kernel::socket::{Waiting, wait_or_not};
use shared::shim::{Stdin, Stdio, Streams as Wanted};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// Bytes taken from an ended process's pipe at most: what a pipe can hold. A grandchild may go on
/// writing for ever.
const REST_MAX: usize = 1 << 20;

/// What the process gets.
#[derive(Debug)]
pub enum Io {
    /// Three descriptors.
    Pipes {
        /// To read.
        stdin: OwnedFd,
        /// To write.
        stdout: OwnedFd,
        /// To write.
        stderr: OwnedFd,
    },
    /// A terminal, which the runtime makes; its master comes back.
    Terminal {
        /// 0 leaves it.
        rows: u16,
        /// 0 leaves it.
        columns: u16,
    },
}

#[derive(Debug)]
struct Source {
    stream: Stream,
    fd: Rc<OwnedFd>,
}

/// How far a source is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Every writer has closed.
    End,
    /// Someone still has it open.
    Open,
}

/// Our side.
#[derive(Debug)]
pub struct Streams {
    sources: Vec<Source>,
    input: Input,
    terminal: Option<Rc<OwnedFd>>,
    framing: Framing,
    mode: Stdin,
    /// Attached clients.
    pub readers: Vec<Reader>,
}

impl Streams {
    /// Both sides of what `asked` says.
    pub fn make(asked: Stdio) -> Result<(Io, Self)> {
        let mut new = Self {
            sources: Vec::new(),
            input: Input::new(None, asked.stdin),
            terminal: None,
            framing: if asked.terminal { Framing::Raw } else { Framing::Frames },
            mode: asked.stdin,
            readers: Vec::new(),
        };
        if asked.terminal {
            return Ok((Io::Terminal { rows: asked.rows, columns: asked.columns }, new));
        }
        let stdin = if asked.stdin == Stdin::Closed {
            // For both directions, as others do: programs write to it where they expect a terminal.
            let null = std::fs::File::options().read(true).write(true).open("/dev/null");
            null.context("open /dev/null")?.into()
        } else {
            let (theirs, ours) = pipe()?;
            wait_or_not(&ours, Waiting::Nonblocking)?;
            new.input = Input::new(Some(Rc::new(ours)), asked.stdin);
            theirs
        };
        let mut output = |stream| {
            let (ours, theirs) = pipe()?;
            wait_or_not(&ours, Waiting::Nonblocking)?;
            new.sources.push(Source { stream, fd: Rc::new(ours) });
            Ok::<_, Error>(theirs)
        };
        let (stdout, stderr) = (output(Stream::Stdout)?, output(Stream::Stderr)?);
        Ok((Io::Pipes { stdin, stdout, stderr }, new))
    }

    /// The runtime made the terminal.
    pub fn connect(&mut self, master: OwnedFd) -> Result<()> {
        wait_or_not(&master, Waiting::Nonblocking)?;
        let master = Rc::new(master);
        self.sources.push(Source { stream: Stream::Stdout, fd: master.clone() });
        if self.mode != Stdin::Closed {
            // A terminal has no end of input but the key for it.
            self.input = Input::new(Some(master.clone()), Stdin::Open);
        }
        self.terminal = Some(master);
        Ok(())
    }

    /// Sets the terminal's size.
    pub fn resize(&self, rows: u16, columns: u16) -> Result<()> {
        let terminal = self.terminal.as_ref();
        let terminal = terminal.ok_or_else(|| Error::conflict("the process has no terminal"))?;
        crate::terminal::resize((**terminal).as_fd(), rows, columns)
    }

    /// Attaches a client.
    pub fn attach(&mut self, wanted: Wanted) -> Result<OwnedFd> {
        let (reader, theirs) = Reader::new(wanted, self.framing)?;
        self.readers.push(reader);
        Ok(theirs)
    }

    /// Descriptors to wait for output on, by number; none while a client holds it back.
    pub fn readable(&self) -> impl Iterator<Item = (usize, BorrowedFd<'_>)> {
        let held_back = self.readers.iter().any(Reader::blocked);
        let sources = self.sources.iter().enumerate().filter(move |_| !held_back);
        sources.map(|(number, source)| (number, (*source.fd).as_fd()))
    }

    /// The input.
    pub fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    /// Where to wait for room for input.
    pub fn input_waiting(&self) -> Option<BorrowedFd<'_>> {
        self.input.waiting()
    }

    /// Whether clients may be read.
    pub fn input_has_room(&self) -> bool {
        self.input.has_room()
    }

    /// Reads one source once and passes it on. A source that ended is closed.
    pub fn pump(
        &mut self,
        number: usize,
        buffer: &mut Buffer,
        log: Option<&mut Log>,
    ) -> Option<usize> {
        let Source { stream, fd } = self.sources.get(number)?;
        let stream = *stream;
        let purpose = if log.is_some() { Use::Log } else { Use::Pass };
        match nix::unistd::read(&**fd, buffer.part(purpose)) {
            Ok(count) if count > 0 => {
                let bytes = buffer.filled(count);
                if let Some(log) = log {
                    log.write(stream, bytes, crate::now_nanos());
                }
                self.readers.iter_mut().for_each(|reader| reader.write(stream, bytes));
                Some(count)
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Some(0),
            // The end; EIO is a terminal's.
            _ => {
                self.sources.remove(number);
                if let Some(log) = log {
                    log.end(stream, crate::now_nanos());
                }
                None
            }
        }
    }

    /// After the process has ended: takes what its pipes still hold, whatever clients can take.
    pub fn drain(&mut self, buffer: &mut Buffer, mut log: Option<&mut Log>) -> Rest {
        let (mut number, mut taken) = (0, 0);
        while number < self.sources.len() && taken < REST_MAX {
            match self.pump(number, buffer, log.as_deref_mut()) {
                Some(0) => number += 1,
                Some(count) => taken += count,
                None => {}
            }
        }
        if self.sources.is_empty() { Rest::End } else { Rest::Open }
    }

    /// Closes everything but clients that have not taken all their output yet.
    pub fn close(&mut self, log: Option<&mut Log>) {
        if let Some(log) = log {
            self.sources.iter().for_each(|source| log.end(source.stream, crate::now_nanos()));
        }
        self.sources.clear();
        self.terminal = None;
        self.input = Input::new(None, self.mode);
        self.readers.retain(|reader| reader.blocked() && !reader.gone);
    }

    /// Someone may still write output.
    pub fn open(&self) -> bool {
        !self.sources.is_empty()
    }

    /// Nothing is open and nobody waits for output.
    pub fn finished(&self) -> bool {
        self.sources.is_empty() && self.readers.is_empty()
    }

    /// A client's socket can be read: its bytes are input, its end may be the input's.
    pub fn take_input(&mut self, number: usize, buffer: &mut Buffer) {
        let Some(reader) = self.readers.get_mut(number) else { return };
        match nix::unistd::read(reader.socket(), buffer.part(Use::Pass)) {
            Ok(0) => {
                reader.listening = false;
                self.input.client_ended();
            }
            Ok(count) => {
                self.input.write(buffer.filled(count));
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(_) => self.lose(number),
        }
    }

    /// A client has closed both ways.
    pub fn lose(&mut self, number: usize) {
        let Some(reader) = self.readers.get_mut(number) else { return };
        reader.gone = true;
        if std::mem::take(&mut reader.listening) {
            self.input.client_ended();
        }
    }

    /// Forgets clients that have gone.
    pub fn sweep(&mut self) {
        self.readers.retain(|reader| !reader.gone);
    }
}

fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    nix::unistd::pipe2(OFlag::O_CLOEXEC).context("make a pipe")
}

#[cfg(test)]
mod tests;
