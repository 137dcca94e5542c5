//! How much of a unix socket's output its peer has not read yet. Never waits.

#![allow(unsafe_code)] // SIOCOUTQ has no wrapper

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// True while the peer has not read everything: the kernel then still accounts memory to the socket
/// (unix(7), SIOCOUTQ).
pub fn is_unread(socket: BorrowedFd<'_>) -> io::Result<bool> {
    let mut memory_bytes: libc::c_int = 0;
    // SAFETY: SIOCOUTQ, which has TIOCOUTQ's number, writes one int to the address that it is given.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &mut memory_bytes) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(memory_bytes > 0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn reading_takes_it() {
        let (mut near, mut far) = UnixStream::pair().unwrap();
        assert!(!is_unread(near.as_fd()).unwrap());
        near.write_all(b"head").unwrap();
        assert!(is_unread(near.as_fd()).unwrap());
        far.read_exact(&mut [0; 4]).unwrap();
        assert!(!is_unread(near.as_fd()).unwrap());
    }
}
