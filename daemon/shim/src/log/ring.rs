//! Docker's `mode=non-blocking`: records wait here while the container's output is read on; when the
//! ring is full, new ones are dropped, as Docker does.

use std::collections::VecDeque;

/// Records in the order in which they came.
#[derive(Debug)]
pub struct Ring {
    records: VecDeque<Vec<u8>>,
    bytes: u64,
    limit: u64,
}

impl Ring {
    /// Holds `limit` bytes; one record always fits.
    pub fn new(limit: u64) -> Self {
        Self { records: VecDeque::new(), bytes: 0, limit }
    }

    /// False: it is full, the record was dropped.
    pub fn push(&mut self, mut record: Vec<u8>) -> bool {
        let length = record.len() as u64;
        if !self.records.is_empty() && self.bytes + length > self.limit {
            return false;
        }
        record.shrink_to_fit();
        self.bytes += length;
        self.records.push_back(record);
        true
    }

    /// The oldest.
    pub fn pop(&mut self) -> Option<Vec<u8>> {
        let record = self.records.pop_front()?;
        self.bytes -= record.len() as u64;
        if self.records.is_empty() {
            self.records.shrink_to(0);
        }
        Some(record)
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_drops_the_newest() {
        let mut ring = Ring::new(10);
        assert!(ring.push(vec![1; 20]), "one always fits");
        assert!(!ring.push(vec![2]));
        assert_eq!(ring.pop(), Some(vec![1; 20]));
        assert!(ring.push(vec![3; 5]) && ring.push(vec![4; 5]) && !ring.push(vec![5]));
        assert_eq!(
            (ring.pop(), ring.pop(), ring.pop()),
            (Some(vec![3; 5]), Some(vec![4; 5]), None)
        );
        assert!(ring.is_empty() && ring.bytes == 0);
    }
}
