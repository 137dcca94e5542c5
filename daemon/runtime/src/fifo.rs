//! Between created and started: the first process waits at a socket (the caller stays) or at a fifo
//! in the state directory (the caller has ended; a later `start` opens it). What the fifo's writer
//! has to say after `0` is why the program could not be executed.
use crate::sync::{self, Packet};
use crate::work::Gate;
use nix::fcntl::{OFlag, open, openat};
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::stat::Mode;
use shared::error::{Context, Error, Result};
use shared::kernel::process::Stat;
use std::cell::RefCell;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// The name in the state directory.
pub const NAME: &str = "exec.fifo";

/// The fifo, and `/proc/self/fd` of the host to open it by: the container may have no `/proc`.
struct Place {
    fifo: OwnedFd,
    by_number: OwnedFd,
}

/// The waiting side.
pub struct Waiting {
    /// Opened by path before `/` changes.
    place: Option<Place>,
    writer: RefCell<Option<File>>,
}

impl Waiting {
    /// Holds on to the fifo while its path still means something.
    pub fn prepare(gate: &Gate) -> Result<Self> {
        let place = match gate {
            Gate::Socket => None,
            Gate::Fifo(path) => {
                let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
                let by_number = open("/proc/self/fd", flags | OFlag::O_DIRECTORY, Mode::empty())
                    .context("open /proc/self/fd")?;
                let fifo = open(path, flags, Mode::empty()).context("open the start fifo")?;
                Some(Place { fifo, by_number })
            }
        };
        Ok(Self { place, writer: RefCell::new(None) })
    }

    /// Until somebody says go. The end of the socket means that nobody ever will.
    pub fn wait(&self, socket: &OwnedFd) -> Result<()> {
        let Some(place) = &self.place else {
            return match sync::receive(socket)? {
                Some((Packet::Go, _)) => Ok(()),
                None => crate::fork::exit(125),
                Some((other, _)) => Err(Error::internal(format!("unexpected packet {other:?}"))),
            };
        };
        let number = place.fifo.as_raw_fd().to_string();
        let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let mut writer: File = openat(&place.by_number, number.as_str(), flags, Mode::empty())
            .context("open the start fifo")?
            .into();
        writer.write_all(b"0").context("write to the start fifo")?;
        *self.writer.borrow_mut() = Some(writer);
        Ok(())
    }

    /// Why it did not start, for the one who said go.
    pub fn tell(&self, error: &Error) {
        if let Some(writer) = self.writer.borrow_mut().as_mut() {
            // Whoever listened may be gone; then nobody is left to be told.
            let _gone = writer.write_all(error.to_string().as_bytes());
        }
    }
}

/// The starting side: lets process `pid` go, and returns once its program runs.
pub fn release(path: &Path, pid: i32, limit: Duration) -> Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let fifo = open(path, flags, Mode::empty()).context("open the start fifo")?;
    let mut reader = File::from(fifo);
    let end = Instant::now() + limit;
    let mut heard = Vec::new();
    loop {
        let mut fds = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
        let ready =
            nix::poll::poll(&mut fds, PollTimeout::from(20u8)).context("wait at the fifo")?;
        let events = fds[0].revents().unwrap_or(PollFlags::empty());
        if ready > 0 && events.intersects(PollFlags::POLLIN | PollFlags::POLLHUP) {
            let mut chunk = [0u8; 4096];
            match reader.read(&mut chunk) {
                // The writer is gone: executed, or ended.
                Ok(0) if !heard.is_empty() => break,
                Ok(0) => {}
                Ok(count) => heard.extend(&chunk[..count]),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e).context("read the start fifo"),
            }
        }
        if heard.is_empty() && !Stat::read(pid).is_ok_and(|stat| stat.alive()) {
            return Err(Error::new(
                shared::error::Kind::Conflict,
                "cannot start an already stopped container",
            ));
        }
        if Instant::now() > end {
            return Err(Error::timeout("the container did not start in time"));
        }
    }
    match String::from_utf8_lossy(&heard).strip_prefix('0') {
        Some("") => Ok(()),
        Some(sentence) => Err(Error::invalid(sentence.to_owned())),
        None => Err(Error::internal("strange words from the start fifo")),
    }
}
