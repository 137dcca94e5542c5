//! OCI's `linux.seccomp` compiled to the kernel's filter language (Documentation/userspace-api/
//! seccomp_filter.rst). The rules mean what libseccomp makes of them; the shape is our own: a binary
//! tree over ranges of system calls instead of a list, since the kernel runs the filter once for
//! every call when it is loaded. Pure: nothing is loaded here.
//!
//! - A rule without conditions beats any with conditions; of several with conditions the first that
//!   matches counts. A rule whose action is the default's is no rule.
//! - Conditions on one argument twice are alternatives (runc's reading), others must all hold.
//! - Names that an architecture does not have are skipped. Calls above the last one that the profile
//!   knows are answered with `ENOSYS` where the default refuses: programs then fall back.

mod assemble;
mod rule;
mod table;

#[cfg(test)]
mod compare;
#[cfg(test)]
mod machine;

use assemble::Assembler;
use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompFilterFlag};
use rule::{Answer, Rules};
use shared::error::{Error, Result};
use table::Architecture;

/// `SECCOMP_RET_KILL_THREAD`: what libseccomp does with an architecture that the profile lacks.
const KILL: u32 = 0;
/// `AUDIT_ARCH_X86_64`, of x32 too.
const AUDIT_X86_64: u32 = 0xc000_003e;
/// `AUDIT_ARCH_I386`.
const AUDIT_I386: u32 = 0x4000_0003;
/// `__X32_SYSCALL_BIT`.
const X32_BIT: u32 = 0x4000_0000;
/// What the kernel takes at most (`BPF_MAXINSNS`).
const INSTRUCTIONS_MAX: usize = 4096;

/// The filter as an array of `struct sock_filter`, eight bytes an instruction. An unknown action or
/// operator is a matter of parsing; here only a profile that is too big, or another architecture than
/// x86_64, is an error.
pub fn compile(profile: &LinuxSeccomp) -> Result<Vec<u8>> {
    if !cfg!(target_arch = "x86_64") {
        return Err(Error::unimplemented("seccomp profiles are compiled on x86_64 only"));
    }
    let rules = Rules::of(profile)?;
    let mut code = Assembler::default();
    let wrong = code.answer(KILL);
    let i386 = match rules.covers(Architecture::I386) {
        true => tree(&mut code, &rules, Architecture::I386),
        false => wrong,
    };
    let x32 = match rules.covers(Architecture::X32) {
        true => tree(&mut code, &rules, Architecture::X32),
        false => code.answer(KILL),
    };
    let x86_64 = tree_of(&mut code, &rules, Architecture::X86_64);
    code.jump_if_at_least(X32_BIT, x32, x86_64);
    let number = code.load(0);
    let other = code.jump_if_equal(AUDIT_I386, i386, wrong);
    code.jump_if_equal(AUDIT_X86_64, number, other);
    code.load(4);
    code.finish(INSTRUCTIONS_MAX)
}

/// The tree of an architecture with the load of the number before it.
fn tree(code: &mut Assembler, rules: &Rules, architecture: Architecture) -> usize {
    tree_of(code, rules, architecture);
    code.load(0)
}

fn tree_of(code: &mut Assembler, rules: &Rules, architecture: Architecture) -> usize {
    let ranges = rules.ranges(architecture);
    branch(code, &ranges, architecture)
}

/// From the end to the beginning: the code is assembled backwards.
fn branch(code: &mut Assembler, ranges: &[(u32, Answer)], architecture: Architecture) -> usize {
    if let [(_, answer)] = ranges {
        return match answer {
            Answer::Action(action) => code.answer(*action),
            Answer::Conditional(rules, fallback) => {
                code.conditions(rules, *fallback, architecture.is_narrow())
            }
        };
    }
    let (left, right) = ranges.split_at(ranges.len() / 2);
    let middle = right[0].0;
    let right = branch(code, right, architecture);
    let left = branch(code, left, architecture);
    code.jump_if_at_least(middle, right, left)
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
