//! A container's past readings, packed: differences as variable-length numbers, in chunks, so that the
//! oldest can go without touching the rest. Pure.

use std::collections::VecDeque;

/// Bytes of one container's history at most.
pub const HISTORY_BYTES: usize = 32 << 10;
/// Points of one chunk: what is given up at once.
const CHUNK: usize = 256;
const FIELDS: usize = 6;

/// What is remembered of a reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// Milliseconds since 1970.
    pub time_ms: u64,
    /// Processor time so far, in microseconds.
    pub cpu_micros: u64,
    /// Memory charged, in KiB.
    pub memory_kib: u64,
    /// Memory without inactive cache, in KiB.
    pub working_set_kib: u64,
    /// Processes and threads.
    pub pids: u64,
    /// Bytes read and written on block devices so far, in KiB.
    pub io_kib: u64,
}

impl Point {
    fn fields(self) -> [u64; FIELDS] {
        let Self { time_ms, cpu_micros, memory_kib, working_set_kib, pids, io_kib } = self;
        [time_ms, cpu_micros, memory_kib, working_set_kib, pids, io_kib]
    }

    fn from_fields(fields: [u64; FIELDS]) -> Self {
        let [time_ms, cpu_micros, memory_kib, working_set_kib, pids, io_kib] = fields;
        Self { time_ms, cpu_micros, memory_kib, working_set_kib, pids, io_kib }
    }
}

#[derive(Clone, Debug, Default)]
struct Chunk {
    count: usize,
    bytes: Vec<u8>,
}

/// The readings of one container, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    chunks: VecDeque<Chunk>,
    last: Point,
}

impl History {
    /// Adds a point.
    pub fn push(&mut self, point: Point) {
        if self.chunks.back().is_none_or(|chunk| chunk.count == CHUNK) {
            self.chunks.push_back(Chunk::default());
            self.last = Point::default();
        }
        if let Some(chunk) = self.chunks.back_mut() {
            for (now, before) in point.fields().into_iter().zip(self.last.fields()) {
                write(&mut chunk.bytes, now.wrapping_sub(before) as i64);
            }
            chunk.count += 1;
            self.last = point;
        }
        while self.bytes() > HISTORY_BYTES && self.chunks.len() > 1 {
            self.chunks.pop_front();
        }
    }

    /// Every point, oldest first.
    pub fn points(&self) -> Vec<Point> {
        let mut points = Vec::with_capacity(self.chunks.iter().map(|chunk| chunk.count).sum());
        for chunk in &self.chunks {
            let (mut rest, mut fields) = (chunk.bytes.as_slice(), [0u64; FIELDS]);
            for _ in 0..chunk.count {
                for field in &mut fields {
                    *field = field.wrapping_add(read(&mut rest) as u64);
                }
                points.push(Point::from_fields(fields));
            }
        }
        points
    }

    /// Bytes in use.
    pub fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.bytes.len()).sum()
    }
}

/// Zigzag, then seven bits a byte, the lowest first.
fn write(bytes: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

fn read(bytes: &mut &[u8]) -> i64 {
    let (mut value, mut shift) = (0u64, 0u32);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift.min(63);
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out(values in prop::collection::vec(any::<[u64; FIELDS]>(), 0..600)) {
            let mut history = History::default();
            let points: Vec<Point> = values.into_iter().map(Point::from_fields).collect();
            points.iter().for_each(|point| history.push(*point));
            let kept = history.points();
            prop_assert_eq!(&points[points.len() - kept.len()..], kept.as_slice());
            prop_assert!(points.is_empty() || !kept.is_empty());
        }
    }

    #[test]
    fn a_quiet_day_fits() {
        let mut history = History::default();
        for second in 0..86_400u64 / 10 {
            let time_ms = 1_800_000_000_000 + second * 10_000;
            history.push(Point {
                time_ms,
                memory_kib: 4096,
                cpu_micros: second,
                ..Point::default()
            });
        }
        assert!(history.bytes() <= HISTORY_BYTES + 4096, "{}", history.bytes());
        assert!(history.points().len() > 3_600, "{}", history.points().len());
    }
}
