//! `delete`: forgets a stopped container, and with `--force` stops it first.

use super::arguments::Delete;
use super::container::{Folder, Record, Status};
use super::global::Global;
use super::log;
use crate::hook;
use shared::error::{Error, Kind, Result};
use std::time::{Duration, Instant};

/// A killed container is gone within this time, or something is wrong with the machine.
const LIMIT: Duration = Duration::from_secs(10);

/// Deletes.
pub fn run(global: &Global, args: &Delete) -> Result<u8> {
    let folder = Folder::of(global, &args.id)?;
    let record = match folder.load() {
        Ok(record) => record,
        Err(error) if error.kind() == Kind::NotFound => {
            if folder.exists() {
                // A create that was killed half way.
                folder.remove()?;
            }
            return if args.force { Ok(0) } else { Err(error) };
        }
        Err(error) => return Err(error),
    };
    match record.status(&folder)? {
        Status::Stopped => forget(&folder, &record)?,
        Status::Created => force(&folder, &record)?,
        _ if args.force => force(&folder, &record)?,
        other => {
            let text =
                format!("cannot delete container {} that is not stopped: {other}", record.id);
            return Err(Error::new(Kind::Conflict, text));
        }
    }
    Ok(0)
}

/// Kills whatever runs, and forgets.
pub fn force(folder: &Folder, record: &Record) -> Result<()> {
    record.group()?.kill(libc::SIGKILL)?;
    let end = Instant::now() + LIMIT;
    while record.alive() {
        if Instant::now() > end {
            return Err(Error::timeout("container init still running"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    forget(folder, record)
}

fn forget(folder: &Folder, record: &Record) -> Result<()> {
    let group = record.group()?;
    // Without process ids of its own, others can outlive the first process.
    group.kill(libc::SIGKILL)?;
    group.remove()?;
    folder.remove()?;
    let state = || hook::State::new(&record.spec, &record.id, &record.bundle, 0, "stopped");
    for error in hook::run_all(hook::of_poststop(&record.spec), "poststop", state) {
        // The container is gone, whatever a hook says.
        log::warn(&error.to_string());
    }
    Ok(())
}
