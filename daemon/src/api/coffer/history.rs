//! `GET /coffer/v1/containers/{id}/history`: the figures that the sampler remembers; see
//! [`shared::watch::History`]. Reads memory only, never the container.

use crate::api::reply::Reply;
use crate::api::request::Call;
use crate::container::history::Point;
use shared::error::Result;
use shared::watch::{History, Reading};

/// Two readings that are closer (somebody asked in between) say nothing about the use of a processor.
const SHORTEST_MS: u64 = 100;

/// What is remembered, oldest first.
pub async fn history(call: Call) -> Result<Reply> {
    let containers = &call.engine().containers;
    let view = containers.view(&call.param("id")?)?;
    let since: u64 = call.query().number("since")?.unwrap_or(0);
    let points = containers.sampler().history(view.id());
    let readings = readings(&points, since.saturating_mul(1_000));
    Reply::json(&History { id: view.id().to_string(), readings })
}

/// Each point but the first, which has none before it to be compared with.
fn readings(points: &[Point], since_ms: u64) -> Vec<Reading> {
    let long_enough = |pair: &&[Point]| pair[1].time_ms >= pair[0].time_ms + SHORTEST_MS;
    let pairs = points.windows(2).filter(|pair| pair[1].time_ms >= since_ms);
    pairs.filter(long_enough).map(|pair| reading(&pair[0], &pair[1])).collect()
}

fn reading(before: &Point, now: &Point) -> Reading {
    // A container that was started again begins to count anew.
    let used = now.cpu_micros.checked_sub(before.cpu_micros).unwrap_or(now.cpu_micros);
    let wall = now.time_ms.saturating_sub(before.time_ms);
    Reading {
        time_nanos: i64::try_from(now.time_ms).unwrap_or(i64::MAX).saturating_mul(1_000_000),
        // Microseconds in a millisecond are tenths of a per cent.
        cpu_percent: if wall == 0 { 0.0 } else { used as f64 / wall as f64 / 10.0 },
        memory_bytes: now.memory_kib * 1024,
        working_set_bytes: now.working_set_kib * 1024,
        pids: now.pids,
        io_bytes: now.io_kib * 1024,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_the_difference_to_the_one_before() {
        let point = |time_ms, cpu_micros| Point { time_ms, cpu_micros, ..Point::default() };
        let points = [point(1_000, 0), point(2_000, 500_000), point(3_000, 100_000)];
        let all = readings(&points, 0);
        assert_eq!(all.iter().map(|r| r.cpu_percent).collect::<Vec<_>>(), [50.0, 10.0]);
        assert_eq!(readings(&points, 2_500).len(), 1);
        assert!(readings(&points[..1], 0).is_empty());
        assert!(readings(&[point(1_000, 0), point(1_009, 0)], 0).is_empty());
    }
}
