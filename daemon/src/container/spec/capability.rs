//! Capabilities: Docker's default set, `--cap-add`, `--cap-drop`, `ALL`, privileged. Pure.

use oci_spec::runtime::Capability;
use shared::error::{Error, Result};

/// Every capability by its number in `linux/capability.h`.
const BY_NUMBER: [Capability; 41] = {
    use Capability::*;
    [
        Chown,
        DacOverride,
        DacReadSearch,
        Fowner,
        Fsetid,
        Kill,
        Setgid,
        Setuid,
        Setpcap,
        LinuxImmutable,
        NetBindService,
        NetBroadcast,
        NetAdmin,
        NetRaw,
        IpcLock,
        IpcOwner,
        SysModule,
        SysRawio,
        SysChroot,
        SysPtrace,
        SysPacct,
        SysAdmin,
        SysBoot,
        SysNice,
        SysResource,
        SysTime,
        SysTtyConfig,
        Mknod,
        Lease,
        AuditWrite,
        AuditControl,
        Setfcap,
        MacOverride,
        MacAdmin,
        Syslog,
        WakeAlarm,
        BlockSuspend,
        AuditRead,
        Perfmon,
        Bpf,
        CheckpointRestore,
    ]
};

/// What a container has unless told otherwise (Docker's documentation, "Runtime privilege").
const DEFAULT: [Capability; 14] = {
    use Capability::*;
    [
        Chown,
        DacOverride,
        Fowner,
        Fsetid,
        Kill,
        Setgid,
        Setuid,
        Setpcap,
        NetBindService,
        NetRaw,
        SysChroot,
        Mknod,
        AuditWrite,
        Setfcap,
    ]
};

/// A set of capabilities: bit n is number n of `linux/capability.h`, as in `/proc/<pid>/status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Set(pub u64);

impl Set {
    /// Docker's default set.
    pub fn docker() -> Self {
        DEFAULT.iter().fold(Set(0), |set, c| set.with(*c))
    }

    /// Every capability that this build knows.
    pub fn all() -> Self {
        Set((1 << BY_NUMBER.len()) - 1)
    }

    fn bit(capability: Capability) -> u64 {
        BY_NUMBER.iter().position(|c| *c == capability).map_or(0, |at| 1 << at)
    }

    /// With one more.
    pub fn with(self, capability: Capability) -> Self {
        Set(self.0 | Self::bit(capability))
    }

    /// Without one.
    pub fn without(self, capability: Capability) -> Self {
        Set(self.0 & !Self::bit(capability))
    }

    /// It is in.
    pub fn has(self, capability: Capability) -> bool {
        self.0 & Self::bit(capability) != 0
    }

    /// What is in both.
    pub fn common(self, other: Self) -> Self {
        Set(self.0 & other.0)
    }

    /// Its members in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        BY_NUMBER
            .into_iter()
            .enumerate()
            .filter(move |(at, _)| self.0 & (1 << at) != 0)
            .map(|(_, c)| c)
    }
}

/// Docker's name for it, such as `CAP_SYS_ADMIN`.
pub fn name(capability: Capability) -> String {
    format!("CAP_{capability}")
}

/// A capability by name, in any case, with or without `CAP_`.
fn parse(text: &str) -> Option<Capability> {
    let upper = text.trim().to_ascii_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).parse().ok()
}

/// `ALL` or one capability.
enum Entry {
    All,
    One(Capability),
}

fn entries(field: &str, list: &[String]) -> Result<Vec<Entry>> {
    let entry = |text: &String| match parse(text) {
        _ if text.eq_ignore_ascii_case("all") || text.eq_ignore_ascii_case("cap_all") => {
            Ok(Entry::All)
        }
        Some(capability) => Ok(Entry::One(capability)),
        None => {
            let upper = text.trim().to_ascii_uppercase();
            let full = if upper.starts_with("CAP_") { upper } else { format!("CAP_{upper}") };
            Err(Error::invalid(format!("invalid {field}: unknown capability: \"{full}\"")))
        }
    };
    list.iter().map(entry).collect()
}

/// The set of a container: `available` are those that the daemon itself may give away.
///
/// # Errors
/// `Invalid` for a name that is no capability.
pub fn resolve(available: Set, privileged: bool, add: &[String], drop: &[String]) -> Result<Set> {
    let add = entries("CapAdd", add)?;
    let drop = entries("CapDrop", drop)?;
    if privileged {
        return Ok(available);
    }
    let mut set = match add.iter().any(|e| matches!(e, Entry::All)) {
        true => available,
        false if drop.iter().any(|e| matches!(e, Entry::All)) => Set(0),
        false => Set::docker(),
    };
    for entry in drop {
        if let Entry::One(capability) = entry {
            set = set.without(capability);
        }
    }
    for entry in add {
        if let Entry::One(capability) = entry {
            set = set.with(capability);
        }
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(privileged: bool, add: &str, drop: &str) -> Result<Set> {
        let list = |t: &str| t.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        resolve(Set::all(), privileged, &list(add), &list(drop))
    }

    #[test]
    fn numbers_are_the_kernels() {
        let number = |c| Set(0).with(c).0.trailing_zeros();
        assert_eq!(number(Capability::SysAdmin), 21);
        assert_eq!(number(Capability::AuditWrite), 29);
        assert_eq!(number(Capability::CheckpointRestore), 40);
        assert_eq!(Set::docker().0, 0xa80425fb, "the mask of any container of Docker's");
    }

    #[test]
    fn add_and_drop() {
        assert_eq!(go(false, "", "").unwrap(), Set::docker());
        assert_eq!(go(false, "", "ALL").unwrap(), Set(0));
        assert_eq!(go(false, "net_admin", "all").unwrap(), Set(1 << 12));
        assert_eq!(
            go(false, "ALL", "CAP_SYS_ADMIN").unwrap(),
            Set::all().without(Capability::SysAdmin)
        );
        assert_eq!(go(true, "", "ALL").unwrap(), Set::all());
        assert_eq!(name(Capability::SysAdmin), "CAP_SYS_ADMIN");
    }

    #[test]
    fn unknown_names_are_told() {
        let text = go(false, "foo", "").unwrap_err();
        assert_eq!(text.message(), "invalid CapAdd: unknown capability: \"CAP_FOO\"");
        assert!(go(true, "", "foo").is_err());
    }
}
