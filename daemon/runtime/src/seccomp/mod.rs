//! OCI's `linux.seccomp` compiled to the kernel's filter language.

use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompFilterFlag};
use shared::error::{Error, Result};

/// The filter as an array of `struct sock_filter`.
pub fn compile(_profile: &LinuxSeccomp) -> Result<Vec<u8>> {
    Err(Error::unimplemented("this build cannot compile seccomp profiles yet"))
}

/// `SECCOMP_FILTER_FLAG_*` to load it with.
pub fn flags(profile: &LinuxSeccomp) -> Result<u32> {
    let bit = |flag: &LinuxSeccompFilterFlag| match flag {
        LinuxSeccompFilterFlag::SeccompFilterFlagTsync => 1,
        LinuxSeccompFilterFlag::SeccompFilterFlagLog => 2,
        LinuxSeccompFilterFlag::SeccompFilterFlagSpecAllow => 4,
        LinuxSeccompFilterFlag::SeccompFilterFlagWaitKillableRecv => 32,
    };
    Ok(profile.flags().iter().flatten().fold(0, |all, flag| all | bit(flag)))
}
