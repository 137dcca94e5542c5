//! Standard streams: the given pipes, or a pseudo terminal made inside the container (pty(7)).
#![allow(unsafe_code)] // ioctl and dup2 by number

use crate::work::Io;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::MsFlags;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use nix::sys::stat::Mode;
use oci_spec::runtime::Process;
use shared::error::{Context, Result};
use shared::kernel::mount;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

/// Which process it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The container's first one: its terminal is also `/dev/console`.
    First,
    /// A further one.
    Further,
}

/// Puts the streams at 0, 1, 2. Returns a terminal's master.
pub fn attach(io: &Io, process: &Process, place: Place) -> Result<Option<OwnedFd>> {
    let (rows, columns) = match io {
        Io::Pipes(stdio) => {
            for (number, stream) in
                [&stdio.stdin, &stdio.stdout, &stdio.stderr].into_iter().enumerate()
            {
                put(stream, number as i32)?;
            }
            return Ok(None);
        }
        Io::Terminal { rows, columns } => (*rows, *columns),
    };
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let master = open("/dev/pts/ptmx", flags, Mode::empty())
        .or_else(|_| open("/dev/ptmx", flags, Mode::empty()))
        .context("open a terminal: is devpts mounted at /dev/pts?")?;
    let mut locked = 0;
    ioctl(&master, libc::TIOCSPTLCK, &mut locked, "unlock the terminal")?;
    let slave = peer(&master)?;
    let asked = process.console_size();
    let size = libc::winsize {
        ws_row: if rows > 0 { rows } else { asked.map_or(0, |b| b.height() as u16) },
        ws_col: if columns > 0 { columns } else { asked.map_or(0, |b| b.width() as u16) },
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    if size.ws_row > 0 || size.ws_col > 0 {
        let mut size = size;
        ioctl(&master, libc::TIOCSWINSZ, &mut size, "set the terminal's size")?;
    }
    if place == Place::First {
        console(&master)?;
    }
    for number in 0..3 {
        put(&slave, number)?;
    }
    let mut steal = 0;
    ioctl(&slave, libc::TIOCSCTTY, &mut steal, "take the terminal")?;
    Ok(Some(master))
}

/// The other side, opened without any path (TIOCGPTPEER, Linux 4.13).
fn peer(master: &OwnedFd) -> Result<OwnedFd> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: the argument is a number, not a pointer.
    let fd = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags) };
    if fd < 0 {
        return Err(std::io::Error::last_os_error()).context("open the terminal's other side");
    }
    // SAFETY: the kernel just made the descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn ioctl<T>(fd: &OwnedFd, request: libc::c_ulong, value: &mut T, sentence: &str) -> Result<()> {
    // SAFETY: `value` is live and of the type that the request wants.
    if unsafe { libc::ioctl(fd.as_raw_fd(), request, std::ptr::from_mut(value)) } < 0 {
        return Err(std::io::Error::last_os_error()).context(sentence);
    }
    Ok(())
}

/// Binds the terminal over `/dev/console`.
fn console(master: &OwnedFd) -> Result<()> {
    let mut number: libc::c_uint = 0;
    ioctl(master, libc::TIOCGPTN, &mut number, "ask for the terminal's number")?;
    let target = Path::new("/dev/console");
    let flags =
        OFlag::O_CREAT | OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    match nix::fcntl::open(target, flags | OFlag::O_EXCL, Mode::from_bits_truncate(0o600)) {
        Ok(_) | Err(Errno::EEXIST) => {}
        Err(error) => return Err(error).context("make /dev/console"),
    }
    mount::bind(Path::new(&format!("/dev/pts/{number}")), target, MsFlags::empty())
}

fn put(stream: &OwnedFd, number: i32) -> Result<()> {
    // SAFETY: 0, 1, 2 of this process are not owned by any live value: it is a fork that uses none.
    if unsafe { libc::dup2(stream.as_raw_fd(), number) } < 0 {
        return Err(std::io::Error::last_os_error()).context("put a standard stream in its place");
    }
    Ok(())
}

/// Sends the master to a console socket, in runc's way: its name as data, the descriptor beside it.
pub fn send(socket: &OwnedFd, master: &OwnedFd) -> Result<()> {
    let fds = [master.as_raw_fd()];
    let control = [ControlMessage::ScmRights(&fds)];
    let name = [IoSlice::new(b"/dev/ptmx")];
    sendmsg::<()>(socket.as_raw_fd(), &name, &control, MsgFlags::MSG_NOSIGNAL, None)
        .context("send the terminal to the console socket")?;
    Ok(())
}
