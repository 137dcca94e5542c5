//! Assembles a filter backwards: every jump of this language goes forward, so its target is already
//! there when the jump is written. Conditional jumps reach 255 instructions; where that is too short,
//! a step in between is added.

use super::rule::{Condition, Rule};
use oci_spec::runtime::LinuxSeccompOperator as Operator;
use shared::error::{Error, Result};

const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER: u16 = 0x25;
const JUMP_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;
/// A `return` this near is used again instead of written again.
const NEAR: usize = 200;

#[derive(Clone, Copy)]
struct Instruction {
    code: u16,
    yes: u8,
    no: u8,
    value: u32,
}

/// The code so far, last instruction first. Positions count from the end of the filter.
#[derive(Default)]
pub struct Assembler {
    code: Vec<Instruction>,
    answers: Vec<(u32, usize)>,
}

impl Assembler {
    fn push(&mut self, code: u16, yes: u8, no: u8, value: u32) -> usize {
        self.code.push(Instruction { code, yes, no, value });
        self.code.len() - 1
    }

    /// Ends with an action.
    pub fn answer(&mut self, action: u32) -> usize {
        let near = |(known, at): &&(u32, usize)| *known == action && self.code.len() - at < NEAR;
        if let Some((_, at)) = self.answers.iter().rev().find(near) {
            return *at;
        }
        let at = self.push(RETURN, 0, 0, action);
        self.answers.push((action, at));
        at
    }

    /// Loads 32 bits of `struct seccomp_data`, and falls through to what was written before.
    pub fn load(&mut self, offset: u32) -> usize {
        self.push(LOAD, 0, 0, offset)
    }

    /// Jumps if the loaded value is at least this.
    pub fn jump_if_at_least(&mut self, value: u32, yes: usize, no: usize) -> usize {
        self.jump(JUMP_AT_LEAST, value, yes, no)
    }

    /// Jumps if it is exactly this.
    pub fn jump_if_equal(&mut self, value: u32, yes: usize, no: usize) -> usize {
        self.jump(JUMP_EQUAL, value, yes, no)
    }

    fn jump(&mut self, code: u16, value: u32, mut yes: usize, mut no: usize) -> usize {
        // Two steps in between may each add one to the other's distance.
        if self.code.len() - no > 254 {
            no = self.step(no);
        }
        if self.code.len() - yes > 254 {
            yes = self.step(yes);
        }
        let at = self.code.len();
        self.push(code, (at - yes - 1) as u8, (at - no - 1) as u8, value)
    }

    /// A jump of any length.
    fn step(&mut self, to: usize) -> usize {
        let at = self.code.len();
        self.push(JUMP, 0, 0, (at - to - 1) as u32)
    }

    /// Rules in order; what none matches gets the fallback. `narrow`: arguments have 32 bits.
    pub fn conditions(&mut self, rules: &[Rule], fallback: u32, narrow: bool) -> usize {
        let mut next = self.answer(fallback);
        for rule in rules.iter().rev() {
            let mut then = self.answer(rule.action);
            for condition in rule.conditions.iter().rev() {
                then = self.condition(condition, then, next, narrow);
            }
            next = then;
        }
        next
    }

    fn condition(&mut self, c: &Condition, yes: usize, no: usize, narrow: bool) -> usize {
        let (low, high) = (16 + 8 * c.argument, 20 + 8 * c.argument);
        let (value, top) = (c.value as u32, (c.value >> 32) as u32);
        match c.operator {
            Operator::ScmpCmpMaskedEq => {
                let want = c.second & c.value;
                let mut then = self.jump_if_equal(want as u32, yes, no);
                then = self.masked(value, low, then);
                if !narrow {
                    self.jump_if_equal((want >> 32) as u32, then, no);
                    then = self.masked(top, high, self.code.len() - 1);
                }
                then
            }
            Operator::ScmpCmpEq => self.equal((low, value), (high, top), yes, no, narrow),
            Operator::ScmpCmpNe => self.equal((low, value), (high, top), no, yes, narrow),
            Operator::ScmpCmpGt => {
                self.order(JUMP_GREATER, (low, value), (high, top), yes, no, narrow)
            }
            Operator::ScmpCmpLe => {
                self.order(JUMP_GREATER, (low, value), (high, top), no, yes, narrow)
            }
            Operator::ScmpCmpGe => {
                self.order(JUMP_AT_LEAST, (low, value), (high, top), yes, no, narrow)
            }
            Operator::ScmpCmpLt => {
                self.order(JUMP_AT_LEAST, (low, value), (high, top), no, yes, narrow)
            }
        }
    }

    /// Load, mask, then what was written before: `then` must be the last instruction written.
    fn masked(&mut self, mask: u32, offset: u32, then: usize) -> usize {
        debug_assert_eq!(then, self.code.len() - 1);
        self.push(AND, 0, 0, mask);
        self.load(offset)
    }

    fn equal(
        &mut self,
        low: (u32, u32),
        high: (u32, u32),
        yes: usize,
        no: usize,
        narrow: bool,
    ) -> usize {
        self.jump_if_equal(low.1, yes, no);
        let then = self.load(low.0);
        if narrow {
            return then;
        }
        self.jump_if_equal(high.1, then, no);
        self.load(high.0)
    }

    /// The upper half decides unless it is equal.
    fn order(
        &mut self,
        code: u16,
        low: (u32, u32),
        high: (u32, u32),
        yes: usize,
        no: usize,
        narrow: bool,
    ) -> usize {
        self.jump(code, low.1, yes, no);
        let then = self.load(low.0);
        if narrow {
            return then;
        }
        let even = self.jump_if_equal(high.1, then, no);
        self.jump(JUMP_GREATER, high.1, yes, even);
        self.load(high.0)
    }

    /// In the kernel's order and layout.
    pub fn finish(self, most: usize) -> Result<Vec<u8>> {
        if self.code.len() > most {
            let count = self.code.len();
            return Err(Error::invalid(format!(
                "the seccomp profile needs {count} instructions, the kernel takes {most}"
            )));
        }
        let mut bytes = Vec::with_capacity(self.code.len() * 8);
        for instruction in self.code.iter().rev() {
            bytes.extend(instruction.code.to_le_bytes());
            bytes.extend([instruction.yes, instruction.no]);
            bytes.extend(instruction.value.to_le_bytes());
        }
        Ok(bytes)
    }
}
