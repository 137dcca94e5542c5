//! A network namespace that was just made: its loopback interface is down, and programs that talk to
//! themselves by 127.0.0.1 or ::1 would find nobody. Interfaces to others are not made here.
#![allow(unsafe_code)] // ioctl(2) on an interface has no safe wrapper

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use shared::error::{Context, Result};
use std::os::fd::AsRawFd;

/// Sets the loopback interface up; the kernel gives it its addresses.
pub fn loopback() -> Result<()> {
    let (family, flags) = (AddressFamily::Inet, SockFlag::SOCK_CLOEXEC);
    let control = socket(family, SockType::Datagram, flags, None);
    let control = control.context("open a socket to set the loopback interface up")?;
    // SAFETY: all zeroes is a valid request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *place = *byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: netdevice(7): the request is live, named, and holds flags, as this call reads them.
    let result = unsafe { libc::ioctl(control.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request) };
    nix::errno::Errno::result(result).context("set the loopback interface up")?;
    Ok(())
}
