//! `kill`: a signal to the first process, or to all.

use super::arguments::Kill;
use super::container::{Status, open};
use super::global::Global;
use nix::sys::signal::Signal;
use shared::error::{Error, Kind, Result};
use shared::kernel::process::Process;

/// Sends it.
pub fn run(global: &Global, args: &Kill) -> Result<u8> {
    let (folder, record) = open(global, &args.id)?;
    let signal = number(&args.signal)?;
    if args.all {
        if signal != 0 {
            record.group()?.kill(signal)?;
        }
        return Ok(0);
    }
    if record.status(&folder)? == Status::Stopped {
        return Err(Error::new(Kind::Conflict, "container not running"));
    }
    if signal == libc::SIGKILL && !record.own_pids() {
        // No kernel ends the others with the first.
        record.group()?.kill(signal)?;
        return Ok(0);
    }
    Process::open(record.pid)?.signal(signal)?;
    let group = record.group()?;
    if signal == libc::SIGKILL && group.frozen()? {
        group.freeze(shared::kernel::cgroup::Freeze::Thawed)?;
    }
    Ok(0)
}

/// `9`, `KILL`, `SIGKILL`, `sigkill`, `RTMIN+1`.
fn number(text: &str) -> Result<i32> {
    let unknown = || Error::invalid(format!("unknown signal {text:?}"));
    if let Ok(number) = text.parse::<i32>() {
        return if (0..=64).contains(&number) { Ok(number) } else { Err(unknown()) };
    }
    let upper = text.to_ascii_uppercase();
    let name = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
    if let Some(rest) = name.strip_prefix("SIGRTMIN") {
        let more: i32 = if rest.is_empty() { 0 } else { rest.parse().map_err(|_| unknown())? };
        return if (0..=30).contains(&more) { Ok(34 + more) } else { Err(unknown()) };
    }
    name.parse::<Signal>().map(|signal| signal as i32).map_err(|_| unknown())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for (text, number) in [("9", 9), ("KILL", 9), ("sigterm", 15), ("SIGRTMIN+2", 36), ("0", 0)]
        {
            assert_eq!(super::number(text).unwrap(), number);
        }
        assert!(number("65").is_err() && number("NOPE").is_err());
    }
}
