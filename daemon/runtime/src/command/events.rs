//! `events`: statistics at intervals, and OOM kills, one JSON object a line, in runc's shape.

mod shape;

use super::arguments::Events;
use super::container::{Record, Status, open};
use super::global::Global;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use shape::Event;
use shared::error::{Context, Error, Kind, Result};
use shared::kernel::cgroup::{Cgroup, Depth};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// A kill may be counted a little after it was announced.
const RECOUNT: Duration = Duration::from_millis(50);

/// Prints until the container has ended.
pub fn run(global: &Global, args: &Events) -> Result<u8> {
    let interval = duration(&args.interval)?;
    let (folder, record) = open(global, &args.id)?;
    if record.status(&folder)? == Status::Stopped {
        return Err(Error::new(
            Kind::Conflict,
            format!("container with id {} is not running", args.id),
        ));
    }
    let group = record.group()?;
    if args.stats {
        print(&record, group.as_ref())?;
        return Ok(0);
    }
    let watch = group.watch_oom()?;
    let mut kills = group.oom_kills()?;
    let mut next = Instant::now();
    while record.alive() {
        if Instant::now() >= next {
            if !print(&record, group.as_ref())? {
                break;
            }
            next = Instant::now() + interval;
        }
        let left = next.saturating_duration_since(Instant::now()).min(Duration::from_secs(1));
        let limit = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        let mut fds = [PollFd::new(watch.as_fd(), PollFlags::POLLIN)];
        let ready = match poll(&mut fds, limit) {
            Err(Errno::EINTR) => continue,
            other => other.context("wait for events")?,
        };
        if ready > 0 && watch.take()?.is_none() {
            break;
        }
        kills = recount(&record, group.as_ref(), kills, ready > 0)?;
    }
    Ok(0)
}

/// Tells of each kill that is new; after an announcement waits shortly for the count.
fn recount(record: &Record, group: &dyn Cgroup, known: u64, announced: bool) -> Result<u64> {
    let end = Instant::now() + RECOUNT;
    loop {
        let now = match group.oom_kills() {
            Err(error) if error.kind() == Kind::NotFound => return Ok(known),
            other => other?,
        };
        if now > known || !announced || Instant::now() > end {
            for _ in known..now {
                line(&Event::oom(&record.id))?;
            }
            return Ok(now.max(known));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// False once the group is gone.
fn print(record: &Record, group: &dyn Cgroup) -> Result<bool> {
    match group.statistics(Depth::Full) {
        Ok(statistics) => line(&Event::statistics(&record.id, &statistics)).map(|()| true),
        Err(error) if error.kind() == Kind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn line(event: &Event) -> Result<()> {
    println!("{}", serde_json::to_string(event).context("encode an event")?);
    Ok(())
}

/// Go's durations, as far as anybody writes them here: `100ms`, `5s`, `1m`.
fn duration(text: &str) -> Result<Duration> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "ms" => 1.0,
        "s" => 1000.0,
        "m" => 60_000.0,
        "h" => 3_600_000.0,
        _ => 0.0,
    };
    let millis = number.parse::<f64>().unwrap_or(0.0) * factor;
    if millis < 1.0 {
        return Err(Error::invalid("duration interval must be greater than 0"));
    }
    Ok(Duration::from_millis(millis as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("100ms").unwrap(), Duration::from_millis(100));
        assert_eq!(duration("1.5s").unwrap(), Duration::from_millis(1500));
        assert!(duration("0s").is_err() && duration("5").is_err());
    }
}
