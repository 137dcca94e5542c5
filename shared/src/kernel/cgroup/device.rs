//! Which devices a group may use. Version 1 takes the rules as lines of text; version 2 has no file
//! for it, so the rules become a small program of type `BPF_PROG_TYPE_CGROUP_DEVICE`.

mod load;

pub(super) use load::attach;

use std::fmt;

/// Which kind of node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// Both kinds, every number.
    All,
    /// Block devices.
    Block,
    /// Character devices.
    Character,
}

/// What may be done with a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Open for reading.
    pub read: bool,
    /// Open for writing.
    pub write: bool,
    /// Make a node.
    pub make: bool,
}

impl Access {
    /// All three.
    pub const ALL: Self = Self { read: true, write: true, make: true };

    /// From OCI's letters `r`, `w`, `m`; nothing but these.
    pub fn parse(letters: &str) -> Option<Self> {
        let mut access = Self::default();
        for letter in letters.chars() {
            match letter {
                'r' => access.read = true,
                'w' => access.write = true,
                'm' => access.make = true,
                _ => return None,
            }
        }
        Some(access)
    }

    /// The kernel's `BPF_DEVCG_ACC_*`.
    fn bits(self) -> i32 {
        i32::from(self.make) | i32::from(self.read) << 1 | i32::from(self.write) << 2
    }
}

/// One rule; of several that match, the last one holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceRule {
    /// Allow or deny.
    pub allow: bool,
    /// Which kind.
    pub kind: DeviceKind,
    /// `None`: every one.
    pub major: Option<u32>,
    /// `None`: every one.
    pub minor: Option<u32>,
    /// What it is about.
    pub access: Access,
}

impl fmt::Display for DeviceRule {
    /// As version 1's `devices.allow` and `devices.deny` want it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            DeviceKind::All => return f.write_str("a"),
            DeviceKind::Block => 'b',
            DeviceKind::Character => 'c',
        };
        write!(f, "{kind} ")?;
        match self.major {
            Some(major) => write!(f, "{major}:")?,
            None => f.write_str("*:")?,
        }
        match self.minor {
            Some(minor) => write!(f, "{minor} ")?,
            None => f.write_str("* ")?,
        }
        let letters = [(self.access.read, 'r'), (self.access.write, 'w'), (self.access.make, 'm')];
        letters.iter().filter(|(set, _)| *set).try_for_each(|(_, letter)| write!(f, "{letter}"))
    }
}

/// One instruction of the kernel's `struct bpf_insn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
struct Instruction {
    code: u8,
    /// Destination in the low half, source in the high half.
    registers: u8,
    offset: i16,
    immediate: i32,
}

const LOAD_WORD: u8 = 0x61;
const MOVE_REGISTER: u8 = 0xbc;
const MOVE: u8 = 0xb7;
const AND: u8 = 0x54;
const SHIFT_RIGHT: u8 = 0x74;
const JUMP_EQUAL: u8 = 0x16;
const JUMP_UNEQUAL: u8 = 0x56;
const EXIT: u8 = 0x95;

fn step(code: u8, destination: u8, source: u8, offset: i16, immediate: i32) -> Instruction {
    Instruction { code, registers: destination | source << 4, offset, immediate }
}

/// Registers: 2 type, 3 access, 4 major, 5 minor, 1 scratch. Rules are tried from the last to the
/// first; what none matches is allowed, as in version 1, where a new group may do what its parent may.
fn compile(rules: &[DeviceRule]) -> Vec<Instruction> {
    let mut program = vec![
        step(LOAD_WORD, 2, 1, 0, 0),
        step(MOVE_REGISTER, 3, 2, 0, 0),
        step(AND, 2, 0, 0, 0xffff),
        step(SHIFT_RIGHT, 3, 0, 0, 16),
        step(LOAD_WORD, 4, 1, 4, 0),
        step(LOAD_WORD, 5, 1, 8, 0),
    ];
    for rule in rules.iter().rev() {
        program.extend(one(rule));
        if rule.kind == DeviceKind::All {
            // It decides everything: what came before it means nothing, and the kernel refuses
            // programs with instructions that are never reached.
            return program;
        }
    }
    program.extend([step(MOVE, 0, 0, 0, 1), step(EXIT, 0, 0, 0, 0)]);
    program
}

fn one(rule: &DeviceRule) -> Vec<Instruction> {
    let mut steps = Vec::new();
    if rule.kind != DeviceKind::All {
        let kind = if rule.kind == DeviceKind::Block { 1 } else { 2 };
        steps.push(step(JUMP_UNEQUAL, 2, 0, 0, kind));
        // An allowing rule must cover all that is asked for, a denying one any of it.
        let bits = rule.access.bits();
        if rule.access != Access::ALL {
            steps.push(step(MOVE_REGISTER, 1, 3, 0, 0));
            let (mask, jump) = if rule.allow { (!bits, JUMP_UNEQUAL) } else { (bits, JUMP_EQUAL) };
            steps.push(step(AND, 1, 0, 0, mask));
            steps.push(step(jump, 1, 0, 0, 0));
        }
        for (register, number) in [(4, rule.major), (5, rule.minor)] {
            if let Some(number) = number {
                steps.push(step(JUMP_UNEQUAL, register, 0, 0, number as i32));
            }
        }
    }
    steps.extend([step(MOVE, 0, 0, 0, i32::from(rule.allow)), step(EXIT, 0, 0, 0, 0)]);
    let length = steps.len();
    for (at, instruction) in steps.iter_mut().enumerate() {
        if matches!(instruction.code, JUMP_EQUAL | JUMP_UNEQUAL) {
            instruction.offset = (length - at - 1) as i16;
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(allow: bool, kind: DeviceKind, number: Option<(u32, u32)>, access: &str) -> DeviceRule {
        let (major, minor) = number.unzip();
        DeviceRule { allow, kind, major, minor, access: Access::parse(access).unwrap() }
    }

    /// Runs a program the way the kernel does.
    fn run(program: &[Instruction], kind: i32, access: i32, major: i32, minor: i32) -> i32 {
        let context = [access << 16 | kind, major, minor];
        let mut registers = [0i32; 6];
        let mut at = 0;
        loop {
            let Instruction { code, registers: pair, offset, immediate } = program[at];
            let (to, from) = (usize::from(pair & 15), usize::from(pair >> 4));
            at += 1;
            let jump = match code {
                LOAD_WORD => {
                    registers[to] = context[offset as usize / 4];
                    false
                }
                MOVE_REGISTER => {
                    registers[to] = registers[from];
                    false
                }
                MOVE => {
                    registers[to] = immediate;
                    false
                }
                AND => {
                    registers[to] &= immediate;
                    false
                }
                SHIFT_RIGHT => {
                    registers[to] >>= immediate;
                    false
                }
                JUMP_EQUAL => registers[to] == immediate,
                JUMP_UNEQUAL => registers[to] != immediate,
                EXIT => return registers[0],
                _ => panic!("instruction {code:#x}"),
            };
            if jump {
                at += offset as usize;
            }
        }
    }

    #[test]
    fn the_last_rule_that_matches_holds() {
        let program = compile(&[
            rule(false, DeviceKind::All, None, "rwm"),
            rule(true, DeviceKind::Character, None, "m"),
            rule(true, DeviceKind::Character, Some((1, 3)), "rwm"),
            rule(true, DeviceKind::Block, Some((8, 0)), "r"),
            rule(false, DeviceKind::Character, Some((1, 3)), "w"),
        ]);
        let (make, read, write) = (1, 2, 4);
        assert_eq!(run(&program, 2, read, 1, 3), 1);
        assert_eq!(run(&program, 2, read | write, 1, 3), 0);
        assert_eq!(run(&program, 2, make, 9, 9), 1);
        assert_eq!(run(&program, 2, read, 9, 9), 0);
        assert_eq!(run(&program, 1, read, 8, 0), 1);
        assert_eq!(run(&program, 1, read | write, 8, 0), 0);
        assert_eq!(run(&compile(&[]), 1, write, 8, 0), 1);
    }

    #[test]
    fn lines_of_version_1() {
        assert_eq!(rule(true, DeviceKind::Character, Some((1, 3)), "rw").to_string(), "c 1:3 rw");
        assert_eq!(rule(true, DeviceKind::Block, None, "m").to_string(), "b *:* m");
        assert_eq!(rule(false, DeviceKind::All, None, "rwm").to_string(), "a");
        assert_eq!(Access::parse("x"), None);
    }
}
