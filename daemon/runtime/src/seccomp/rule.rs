//! What a profile says about each system call of an architecture: ranges of numbers with one answer.

use super::table::{Architecture, multiplexed, numbers};
use oci_spec::runtime::{
    Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompOperator, LinuxSyscall,
};
use shared::error::{Error, Result};
use std::collections::BTreeMap;

/// `SECCOMP_RET_ERRNO` with `ENOSYS`.
const UNKNOWN_CALL: u32 = 0x0005_0000 | libc::ENOSYS as u32;

/// One condition on an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which argument, 0 to 5.
    pub argument: u32,
    /// How it is compared.
    pub operator: LinuxSeccompOperator,
    /// With what; the mask of a masked comparison.
    pub value: u64,
    /// What a masked comparison must give.
    pub second: u64,
}

/// All conditions hold: this action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// At least one.
    pub conditions: Vec<Condition>,
    /// `SECCOMP_RET_*` with its data.
    pub action: u32,
}

/// What a system call is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Always this.
    Action(u32),
    /// The first rule that matches, else the fallback.
    Conditional(Vec<Rule>, u32),
}

/// A profile, taken apart.
pub struct Rules<'a> {
    syscalls: Vec<(&'a LinuxSyscall, u32)>,
    default: u32,
    refuses: bool,
    architectures: Vec<Architecture>,
}

impl<'a> Rules<'a> {
    /// Checks what can be wrong with a rule by itself.
    pub fn of(profile: &'a LinuxSeccomp) -> Result<Self> {
        let default = action(profile.default_action(), profile.default_errno_ret());
        let mut syscalls = Vec::new();
        for rule in profile.syscalls().iter().flatten() {
            if rule.names().is_empty() {
                return Err(Error::invalid("a seccomp rule has no names"));
            }
            if rule.args().iter().flatten().any(|arg| arg.index() > 5) {
                return Err(Error::invalid("a seccomp rule is about an argument above 5"));
            }
            let action = action(rule.action(), rule.errno_ret());
            if action != default {
                syscalls.push((rule, action));
            }
        }
        let listed = |arch| profile.architectures().iter().flatten().any(|a| *a == arch);
        let mut architectures = vec![Architecture::X86_64];
        if listed(Arch::ScmpArchX86) {
            architectures.push(Architecture::I386);
        }
        if listed(Arch::ScmpArchX32) {
            architectures.push(Architecture::X32);
        }
        use LinuxSeccompAction as A;
        let refuses =
            !matches!(profile.default_action(), A::ScmpActAllow | A::ScmpActLog | A::ScmpActTrace);
        Ok(Self { syscalls, default, refuses, architectures })
    }

    /// Whether the profile is about this architecture; x86_64, the native one, always is.
    pub fn covers(&self, architecture: Architecture) -> bool {
        self.architectures.contains(&architecture)
    }

    /// Each range begins at its number and ends before the next one's; the first begins at 0.
    pub fn ranges(&self, architecture: Architecture) -> Vec<(u32, Answer)> {
        let answers = self.answers(architecture);
        let default = Answer::Action(self.default);
        let mut ranges = vec![(0, default.clone())];
        let mut push = |from: u32, answer: Answer| match ranges.last_mut() {
            Some((_, last)) if *last == answer => {}
            Some((at, last)) if *at == from => *last = answer,
            _ => ranges.push((from, answer)),
        };
        for (number, answer) in &answers {
            push(*number, answer.clone());
            if !answers.contains_key(&(number + 1)) {
                push(number + 1, default.clone());
            }
        }
        if let (true, Some(last)) = (self.refuses, self.last_known(architecture)) {
            push(last + 1, Answer::Action(UNKNOWN_CALL));
        }
        ranges
    }

    /// The highest number among all names of the profile, rules equal to the default included or not:
    /// what lies above was unknown to whoever wrote it.
    fn last_known(&self, architecture: Architecture) -> Option<u32> {
        let known = numbers(architecture);
        let names = self.syscalls.iter().flat_map(|(rule, _)| rule.names());
        names.filter_map(|name| known.get(name.as_str())).max().copied()
    }

    fn answers(&self, architecture: Architecture) -> BTreeMap<u32, Answer> {
        let known = numbers(architecture);
        let mut answers = BTreeMap::new();
        for (rule, action) in &self.syscalls {
            let alternatives = alternatives(rule.args().as_deref().unwrap_or_default());
            for name in rule.names() {
                if let Some(number) = known.get(name.as_str()) {
                    self.add(&mut answers, *number, &alternatives, *action);
                }
                if let (Architecture::I386, Some((call, operation))) =
                    (architecture, multiplexed(name))
                {
                    let operation = Condition {
                        argument: 0,
                        operator: LinuxSeccompOperator::ScmpCmpEq,
                        value: operation,
                        second: 0,
                    };
                    // Only the operation is in a register; its arguments are in memory.
                    self.add(&mut answers, known[call], &[vec![operation]], *action);
                }
            }
        }
        answers
    }

    /// No conditions at all: for good, whatever came before or comes later.
    fn add(
        &self,
        answers: &mut BTreeMap<u32, Answer>,
        number: u32,
        alternatives: &[Vec<Condition>],
        action: u32,
    ) {
        let entry =
            answers.entry(number).or_insert_with(|| Answer::Conditional(Vec::new(), self.default));
        let Answer::Conditional(rules, _) = entry else { return };
        if alternatives.is_empty() {
            *entry = Answer::Action(action);
            return;
        }
        for conditions in alternatives {
            rules.push(Rule { conditions: conditions.clone(), action });
        }
    }
}

/// Conditions that must hold together; several lists if one argument occurs twice.
fn alternatives(args: &[LinuxSeccompArg]) -> Vec<Vec<Condition>> {
    let condition = |arg: &LinuxSeccompArg| Condition {
        argument: arg.index() as u32,
        operator: arg.op(),
        value: arg.value(),
        second: arg.value_two().unwrap_or(0),
    };
    let twice =
        args.iter().enumerate().any(|(at, a)| args[..at].iter().any(|b| b.index() == a.index()));
    if twice {
        args.iter().map(|arg| vec![condition(arg)]).collect()
    } else if args.is_empty() {
        Vec::new()
    } else {
        vec![args.iter().map(condition).collect()]
    }
}

/// `SECCOMP_RET_*`; an errno or trace value that is not given is `EPERM`, as runc has it.
fn action(action: LinuxSeccompAction, data: Option<u32>) -> u32 {
    let data = data.unwrap_or(libc::EPERM as u32) & 0xffff;
    match action {
        LinuxSeccompAction::ScmpActKill | LinuxSeccompAction::ScmpActKillThread => 0,
        LinuxSeccompAction::ScmpActKillProcess => 0x8000_0000,
        LinuxSeccompAction::ScmpActTrap => 0x0003_0000,
        LinuxSeccompAction::ScmpActErrno => 0x0005_0000 | data,
        LinuxSeccompAction::ScmpActNotify => 0x7fc0_0000,
        LinuxSeccompAction::ScmpActTrace => 0x7ff0_0000 | data,
        LinuxSeccompAction::ScmpActLog => 0x7ffc_0000,
        LinuxSeccompAction::ScmpActAllow => 0x7fff_0000,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub const UNKNOWN: u32 = UNKNOWN_CALL;

    pub fn action_of(profile: &LinuxSeccomp) -> u32 {
        action(profile.default_action(), profile.default_errno_ret())
    }

    pub fn action_of_rule(rule: &LinuxSyscall) -> u32 {
        action(rule.action(), rule.errno_ret())
    }

    #[test]
    fn ranges_are_joined() {
        let json = r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
            {"names":["read","write","open","stat"],"action":"SCMP_ACT_ALLOW"}]}"#;
        let profile = serde_json::from_str(json).unwrap();
        let ranges = Rules::of(&profile).unwrap().ranges(Architecture::X86_64);
        // read, write, open are 0, 1, 2; close is 3; stat is 4 and the last one known.
        let starts: Vec<u32> = ranges.iter().map(|(from, _)| *from).collect();
        assert_eq!(starts, [0, 3, 4, 5]);
        assert_eq!(ranges[3].1, Answer::Action(UNKNOWN_CALL));
    }
}
