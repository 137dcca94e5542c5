//! Names and numbers of system calls on the three architectures that one x86_64 kernel runs.

use std::collections::HashMap;

const TABLE: &str = include_str!("table.txt");

/// An architecture as libseccomp tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Architecture {
    /// 64 bit.
    X86_64,
    /// 64 bit with short pointers: the same audit number, and a bit in the call's number.
    X32,
    /// 32 bit.
    I386,
}

impl Architecture {
    /// Arguments are compared by 32 bits, as libseccomp does it on both.
    pub fn is_narrow(self) -> bool {
        self != Self::X86_64
    }
}

/// The numbers of one architecture, x32's bit included.
pub fn numbers(architecture: Architecture) -> HashMap<&'static str, u32> {
    let (column, bit) = match architecture {
        Architecture::X86_64 => (1, 0),
        Architecture::X32 => (2, super::X32_BIT),
        Architecture::I386 => (3, 0),
    };
    let entry = |line: &'static str| {
        let mut fields = line.split(' ');
        let name = fields.next()?;
        let number: u32 = fields.nth(column - 1)?.parse().ok()?;
        Some((name, number | bit))
    };
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(entry).collect()
}

/// What i386 does through one call with a number for the operation: the call, and that number.
/// (`linux/net.h`, `linux/ipc.h`)
pub fn multiplexed(name: &str) -> Option<(&'static str, u64)> {
    const SOCKET: [&str; 20] = [
        "socket",
        "bind",
        "connect",
        "listen",
        "accept",
        "getsockname",
        "getpeername",
        "socketpair",
        "send",
        "recv",
        "sendto",
        "recvfrom",
        "shutdown",
        "setsockopt",
        "getsockopt",
        "sendmsg",
        "recvmsg",
        "accept4",
        "recvmmsg",
        "sendmmsg",
    ];
    const IPC: [(&str, u64); 12] = [
        ("semop", 1),
        ("semget", 2),
        ("semctl", 3),
        ("semtimedop", 4),
        ("msgsnd", 11),
        ("msgrcv", 12),
        ("msgget", 13),
        ("msgctl", 14),
        ("shmat", 21),
        ("shmdt", 22),
        ("shmget", 23),
        ("shmctl", 24),
    ];
    if let Some(at) = SOCKET.iter().position(|n| *n == name) {
        return Some(("socketcall", at as u64 + 1));
    }
    IPC.iter().find(|(n, _)| *n == name).map(|(_, number)| ("ipc", *number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers() {
        let (wide, x32, narrow) = (
            numbers(Architecture::X86_64),
            numbers(Architecture::X32),
            numbers(Architecture::I386),
        );
        assert_eq!((wide["read"], narrow["read"], x32["read"]), (0, 3, super::super::X32_BIT));
        assert_eq!((wide["clone3"], narrow["clone3"]), (435, 435));
        assert_eq!(wide.get("socketcall"), None);
        assert_eq!(x32["ioctl"], super::super::X32_BIT | 514);
        assert_eq!(multiplexed("sendmmsg"), Some(("socketcall", 20)));
    }
}
