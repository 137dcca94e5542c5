//! How far back the journal reaches: by number (its slots), by bytes and by age, whichever ends first.
//! Counted in blocks of numbers, so that it costs a few bytes per thousand events. Pure.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Numbers of one block: what is given up at once.
pub const BLOCK: u64 = 1_024;

/// One block of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Its first number.
    pub first: u64,
    /// Bytes of its events.
    pub bytes: u64,
    /// Time of its newest event, nanoseconds since 1970.
    pub newest_nanos: i64,
}

/// What is kept. Stored with the journal's head.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Numbers below this are given up.
    #[serde(default)]
    pub floor: u64,
    /// Oldest first.
    #[serde(default)]
    pub blocks: VecDeque<Block>,
}

impl Retention {
    /// An event was written.
    pub fn note(&mut self, seq: u64, bytes: u64, time_nanos: i64) {
        let first = seq / BLOCK * BLOCK;
        match self.blocks.back_mut() {
            Some(block) if block.first >= first => {
                block.bytes += bytes;
                block.newest_nanos = block.newest_nanos.max(time_nanos);
            }
            _ => self.blocks.push_back(Block { first, bytes, newest_nanos: time_nanos }),
        }
    }

    /// Gives up whole blocks that are above the bytes or older than `oldest_nanos`, never the newest.
    /// Returns the numbers given up now, as a range, if any.
    pub fn expire(&mut self, bytes: u64, oldest_nanos: i64) -> Option<std::ops::Range<u64>> {
        let before = self.floor.max(self.blocks.front()?.first);
        let mut total: u64 = self.blocks.iter().map(|block| block.bytes).sum();
        while let [first, second, ..] = self.blocks.make_contiguous() {
            if total <= bytes && first.newest_nanos >= oldest_nanos {
                break;
            }
            total -= first.bytes;
            self.floor = second.first;
            self.blocks.pop_front();
        }
        (self.floor > before).then_some(before..self.floor)
    }

    /// Forgets blocks whose slots are in use for newer numbers.
    pub fn forget_below(&mut self, oldest: u64) {
        while self.blocks.front().is_some_and(|block| block.first + BLOCK <= oldest) {
            self.blocks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(blocks: u64) -> Retention {
        let mut retention = Retention::default();
        for seq in 1..blocks * BLOCK {
            retention.note(seq, 10, (seq * 1_000) as i64);
        }
        retention
    }

    #[test]
    fn bytes_are_bounded_by_giving_up_the_oldest() {
        let mut retention = filled(4);
        assert_eq!(retention.expire(u64::MAX, 0), None);
        assert_eq!(retention.expire(BLOCK * 20, 0), Some(0..2 * BLOCK));
        assert_eq!(retention.blocks.len(), 2);
        assert_eq!(retention.expire(0, 0), Some(2 * BLOCK..3 * BLOCK));
        assert_eq!(retention.expire(0, i64::MAX), None, "the newest block stays");
    }

    #[test]
    fn age_gives_up_whole_blocks_only() {
        let mut retention = filled(3);
        let oldest = ((BLOCK + BLOCK / 2) * 1_000) as i64;
        assert_eq!(retention.expire(u64::MAX, oldest), Some(0..BLOCK));
    }

    #[test]
    fn overwritten_blocks_are_forgotten() {
        let mut retention = filled(3);
        retention.forget_below(BLOCK + 1);
        assert_eq!(retention.blocks.front().unwrap().first, BLOCK);
    }
}
