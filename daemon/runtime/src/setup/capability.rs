//! Capabilities (capabilities(7)): the five sets, taken in the order that the kernel wants.
#![allow(unsafe_code)] // capset(2) and prctl(2) have no safe wrapper

use oci_spec::runtime::{Capabilities, Capability, Process};
use shared::error::{Context, Result};

const AMBIENT: i32 = 47;
const AMBIENT_RAISE: u64 = 2;
const AMBIENT_CLEAR: u64 = 4;
const VERSION_3: u32 = 0x2008_0522;

/// The sets as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sets {
    bounding: u64,
    effective: u64,
    permitted: u64,
    inheritable: u64,
    ambient: u64,
}

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

impl Sets {
    /// What the process asks for; none at all if it says nothing.
    pub fn of(process: &Process) -> Result<Self> {
        let Some(wanted) = process.capabilities() else { return Ok(Self::default()) };
        let bits = |set: &Option<Capabilities>| {
            set.iter().flatten().fold(0, |all, c| all | 1 << number(*c))
        };
        Ok(Self {
            bounding: bits(wanted.bounding()),
            effective: bits(wanted.effective()),
            permitted: bits(wanted.permitted()),
            inheritable: bits(wanted.inheritable()),
            ambient: bits(wanted.ambient()),
        })
    }

    /// Drops what is not in the bounding set, while that is still allowed; and says what is asked for
    /// but not there to give.
    pub fn bound(&self) -> Result<Vec<String>> {
        let mut missing = Vec::new();
        let own = held()?.1;
        for number in 0..64 {
            // SAFETY: no pointers.
            let there = unsafe { libc::prctl(libc::PR_CAPBSET_READ, number as u64, 0, 0, 0) };
            if there < 0 {
                break; // beyond this kernel's last one
            }
            let asked = self.bounding >> number & 1 == 1;
            if asked && (there == 0 || own >> number & 1 == 0) {
                missing.push(name(number));
            }
            if there == 1 && !asked {
                // SAFETY: no pointers.
                if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number as u64, 0, 0, 0) } < 0 {
                    return Err(std::io::Error::last_os_error())
                        .context("drop a bounding capability");
                }
            }
        }
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![format!(
            "capabilities that this host cannot give, left out: {}",
            missing.join(", ")
        )])
    }

    /// Sets the rest, after the change of user, as far as it is there to give.
    pub fn apply(&self) -> Result<()> {
        let own = held()?.1;
        let (permitted, inheritable) =
            (self.permitted & own, self.inheritable & (own | self.bounding));
        let effective = self.effective & permitted;
        let inheritable = inheritable & own;
        let half = |shift: u32| Half {
            effective: (effective >> shift) as u32,
            permitted: (permitted >> shift) as u32,
            inheritable: (inheritable >> shift) as u32,
        };
        let (header, halves) = (Header { version: VERSION_3, pid: 0 }, [half(0), half(32)]);
        // SAFETY: both are live and laid out as version 3 wants.
        if unsafe { libc::syscall(libc::SYS_capset, &header, halves.as_ptr()) } < 0 {
            return Err(std::io::Error::last_os_error()).context("set capabilities");
        }
        self.raise_ambient(permitted & inheritable)
    }

    fn raise_ambient(&self, possible: u64) -> Result<()> {
        // SAFETY: no pointers.
        if unsafe { libc::prctl(AMBIENT, AMBIENT_CLEAR, 0, 0, 0) } < 0 {
            return Err(std::io::Error::last_os_error()).context("clear ambient capabilities");
        }
        for number in (0..64).filter(|n| (self.ambient & possible) >> n & 1 == 1) {
            // SAFETY: no pointers.
            if unsafe { libc::prctl(AMBIENT, AMBIENT_RAISE, number as u64, 0, 0) } < 0 {
                return Err(std::io::Error::last_os_error()).context("raise an ambient capability");
            }
        }
        Ok(())
    }
}

/// Effective and permitted ones of this process.
fn held() -> Result<(u64, u64)> {
    let header = Header { version: VERSION_3, pid: 0 };
    let mut halves = [Half::default(); 2];
    // SAFETY: both are live and laid out as version 3 wants.
    if unsafe { libc::syscall(libc::SYS_capget, &header, halves.as_mut_ptr()) } < 0 {
        return Err(std::io::Error::last_os_error()).context("read capabilities");
    }
    let join = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    Ok((
        join(halves[0].effective, halves[1].effective),
        join(halves[0].permitted, halves[1].permitted),
    ))
}

/// In the kernel's order (`linux/capability.h`).
const ORDER: [Capability; 41] = [
    Capability::Chown,
    Capability::DacOverride,
    Capability::DacReadSearch,
    Capability::Fowner,
    Capability::Fsetid,
    Capability::Kill,
    Capability::Setgid,
    Capability::Setuid,
    Capability::Setpcap,
    Capability::LinuxImmutable,
    Capability::NetBindService,
    Capability::NetBroadcast,
    Capability::NetAdmin,
    Capability::NetRaw,
    Capability::IpcLock,
    Capability::IpcOwner,
    Capability::SysModule,
    Capability::SysRawio,
    Capability::SysChroot,
    Capability::SysPtrace,
    Capability::SysPacct,
    Capability::SysAdmin,
    Capability::SysBoot,
    Capability::SysNice,
    Capability::SysResource,
    Capability::SysTime,
    Capability::SysTtyConfig,
    Capability::Mknod,
    Capability::Lease,
    Capability::AuditWrite,
    Capability::AuditControl,
    Capability::Setfcap,
    Capability::MacOverride,
    Capability::MacAdmin,
    Capability::Syslog,
    Capability::WakeAlarm,
    Capability::BlockSuspend,
    Capability::AuditRead,
    Capability::Perfmon,
    Capability::Bpf,
    Capability::CheckpointRestore,
];

fn number(capability: Capability) -> u32 {
    ORDER.iter().position(|c| *c == capability).unwrap_or(ORDER.len()) as u32
}

fn name(number: u32) -> String {
    ORDER.get(number as usize).map_or_else(|| number.to_string(), ToString::to_string)
}

/// `CAP_CHOWN` and so on, in the kernel's order.
pub fn names() -> Vec<String> {
    ORDER.iter().map(|capability| format!("CAP_{capability}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_numbers() {
        assert_eq!(number(Capability::Chown), 0);
        assert_eq!(number(Capability::SysAdmin), 21);
        assert_eq!(number(Capability::SysResource), 24);
        assert_eq!(number(Capability::CheckpointRestore), 40);
    }
}
