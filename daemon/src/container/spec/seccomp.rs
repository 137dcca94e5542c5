//! Seccomp profiles in Docker's format (the default one in `assets/seccomp/default.json` and those of
//! `--security-opt seccomp=`) -> the OCI `linux.seccomp` section for one set of capabilities.
//!
//! Pure. Never compiles a filter: that is the runtime's.

use super::capability::{self, Set};
use oci_spec::runtime::{
    Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompFilterFlag, LinuxSyscall,
};
use serde::Deserialize;
use shared::error::{Error, Result};

/// The default profile's text.
pub const DEFAULT: &str = include_str!("../../../../assets/seccomp/default.json");

/// A profile as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    default_action: LinuxSeccompAction,
    default_errno_ret: Option<u32>,
    #[serde(default)]
    arch_map: Vec<Family>,
    #[serde(default)]
    architectures: Vec<Arch>,
    #[serde(default)]
    flags: Option<Vec<LinuxSeccompFilterFlag>>,
    #[serde(default)]
    syscalls: Option<Vec<Rule>>,
}

/// An architecture and those whose programs it runs as well.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Family {
    architecture: Arch,
    #[serde(default)]
    sub_architectures: Option<Vec<Arch>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(default)]
    name: String,
    #[serde(default)]
    names: Vec<String>,
    action: LinuxSeccompAction,
    errno_ret: Option<u32>,
    #[serde(default)]
    args: Option<Vec<LinuxSeccompArg>>,
    #[serde(default)]
    includes: Option<Filter>,
    #[serde(default)]
    excludes: Option<Filter>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    caps: Option<Vec<String>>,
    arches: Option<Vec<String>>,
    min_kernel: Option<String>,
}

/// Where the filter is to run.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The container's capabilities.
    pub capabilities: Set,
    /// Kernel version: major, minor.
    pub kernel: (u32, u32),
}

/// Go's name of this machine's architecture, which Docker's profiles use.
const ARCH: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

fn native() -> Arch {
    if cfg!(target_arch = "aarch64") { Arch::ScmpArchAarch64 } else { Arch::ScmpArchX86_64 }
}

impl Filter {
    fn newer(&self, kernel: (u32, u32)) -> bool {
        self.min_kernel.as_deref().is_none_or(|wanted| kernel >= version(wanted))
    }

    fn named(list: &Option<Vec<String>>, known: impl Fn(&str) -> bool) -> Option<bool> {
        list.as_ref().filter(|l| !l.is_empty()).map(|l| l.iter().any(|item| known(item)))
    }

    fn capabilities(&self, target: Target) -> (Option<bool>, Option<bool>) {
        let has = |name: &str| target.capabilities.iter().any(|c| capability::name(c) == name);
        let all = self.caps.as_ref().filter(|l| !l.is_empty()).map(|l| l.iter().all(|c| has(c)));
        (all, Self::named(&self.caps, has))
    }
}

/// `major.minor` of a kernel release, 0.0 for what is not one.
pub fn version(release: &str) -> (u32, u32) {
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse::<u32>().unwrap_or_default());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
}

impl Rule {
    /// All of `includes` and none of `excludes` hold.
    fn applies(&self, target: Target) -> bool {
        let arch = |name: &str| name == ARCH;
        let included = self.includes.as_ref().is_none_or(|f| {
            f.newer(target.kernel)
                && Filter::named(&f.arches, arch).unwrap_or(true)
                && f.capabilities(target).0.unwrap_or(true)
        });
        let excluded = self.excludes.as_ref().is_some_and(|f| {
            Filter::named(&f.arches, arch).unwrap_or(false)
                || f.capabilities(target).1.unwrap_or(false)
                || (f.min_kernel.is_some() && f.newer(target.kernel))
        });
        included && !excluded
    }
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// `Invalid` in Docker's words.
    pub fn parse(text: &str) -> Result<Self> {
        let profile: Self = serde_json::from_str(text)
            .map_err(|e| Error::invalid(format!("Decoding seccomp profile failed: {e}")))?;
        if !profile.architectures.is_empty() && !profile.arch_map.is_empty() {
            return Err(Error::invalid(
                "both 'architectures' and 'archMap' are specified in the seccomp \
                                       profile, use either 'architectures' or 'archMap'",
            ));
        }
        for rule in profile.syscalls.iter().flatten() {
            if !rule.name.is_empty() && !rule.names.is_empty() {
                return Err(Error::invalid(
                    "'name' and 'names' are specified in the seccomp profile, use \
                                           either 'name' or 'names'",
                ));
            }
        }
        Ok(profile)
    }

    /// What holds for one container.
    pub fn resolve(&self, target: Target) -> LinuxSeccomp {
        let mut architectures = self.architectures.clone();
        if let Some(family) = self.arch_map.iter().find(|f| f.architecture == native()) {
            architectures.push(family.architecture);
            architectures.extend(family.sub_architectures.iter().flatten());
        }
        let syscalls = self.syscalls.iter().flatten().filter(|r| r.applies(target)).map(syscall);
        let mut seccomp = LinuxSeccomp::default();
        seccomp
            .set_default_action(self.default_action)
            .set_default_errno_ret(self.default_errno_ret)
            .set_architectures(Some(architectures).filter(|a| !a.is_empty()))
            .set_flags(self.flags.clone())
            .set_syscalls(Some(syscalls.collect()));
        seccomp
    }
}

fn syscall(rule: &Rule) -> LinuxSyscall {
    let names = if rule.name.is_empty() { rule.names.clone() } else { vec![rule.name.clone()] };
    let mut syscall = LinuxSyscall::default();
    syscall
        .set_names(names)
        .set_action(rule.action)
        .set_errno_ret(rule.errno_ret)
        .set_args(rule.args.clone().filter(|a| !a.is_empty()));
    syscall
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_spec::runtime::Capability;

    fn allowed(capabilities: Set) -> Vec<LinuxSyscall> {
        let target = Target { capabilities, kernel: (6, 1) };
        let all = Profile::parse(DEFAULT).unwrap().resolve(target);
        let mut syscalls = all.syscalls().clone().unwrap();
        syscalls.retain(|s| s.action() == LinuxSeccompAction::ScmpActAllow);
        syscalls
    }

    fn open(syscalls: &[LinuxSyscall], name: &str) -> bool {
        syscalls.iter().any(|s| s.args().is_none() && s.names().iter().any(|n| n == name))
    }

    /// The table of Docker's documentation, "Significant syscalls blocked by the default profile".
    const BLOCKED: &str = "acct add_key bpf clock_adjtime clock_settime create_module delete_module \
        finit_module get_kernel_syms get_mempolicy init_module ioperm iopl kcmp kexec_file_load \
        kexec_load keyctl lookup_dcookie mbind mount move_pages nfsservctl open_by_handle_at \
        perf_event_open personality pivot_root query_module quotactl reboot request_key set_mempolicy \
        setns settimeofday stime swapon swapoff sysfs _sysctl umount umount2 unshare uselib userfaultfd \
        ustat vm86 vm86old clone io_uring_setup io_uring_enter io_uring_register fsopen move_mount socket";

    #[test]
    fn what_docker_blocks_is_blocked() {
        let syscalls = allowed(Set::docker());
        for name in BLOCKED.split_whitespace() {
            assert!(!open(&syscalls, name), "{name} is open to everyone");
        }
        for name in
            ["read", "execve", "futex", "chroot", "ptrace", "rseq", "landlock_create_ruleset"]
        {
            assert!(open(&syscalls, name), "{name} is closed");
        }
    }

    #[test]
    fn capabilities_open_their_calls() {
        let rows = [
            (Capability::SysAdmin, "mount"),
            (Capability::SysAdmin, "clone"),
            (Capability::SysTime, "clock_settime"),
            (Capability::SysModule, "init_module"),
            (Capability::SysNice, "mbind"),
            (Capability::DacReadSearch, "open_by_handle_at"),
            (Capability::SysBoot, "reboot"),
        ];
        for (capability, name) in rows {
            assert!(open(&allowed(Set::docker().with(capability)), name), "{capability:?} {name}");
        }
        assert!(!open(&allowed(Set(0)), "chroot"));
    }

    #[test]
    fn clone3_is_answered_as_unknown() {
        let profile = Profile::parse(DEFAULT).unwrap();
        let target = Target { capabilities: Set::docker(), kernel: (6, 1) };
        let seccomp = profile.resolve(target);
        let rule = seccomp.syscalls().iter().flatten().find(|s| s.names() == &["clone3"]).cloned();
        assert_eq!(rule.unwrap().errno_ret(), Some(38));
        let old = profile.resolve(Target { kernel: (4, 4), ..target });
        assert!(!old.syscalls().iter().flatten().any(|s| s.names().iter().any(|n| n == "ptrace")));
    }

    #[test]
    fn bad_profiles_are_told() {
        let text = |json| Profile::parse(json).unwrap_err().message().to_owned();
        assert!(text("{").starts_with("Decoding seccomp profile failed: "));
        let both = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","names":["b"],"action":"SCMP_ACT_ALLOW"}]}"#;
        assert!(text(both).starts_with("'name' and 'names'"));
    }
}
