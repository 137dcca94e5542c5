//! `start`: lets a created container run its program.

use super::arguments::Named;
use super::container::{Folder, Record, Status, open};
use super::global::Global;
use super::log;
use crate::{fifo, hook};
use shared::error::{Context, Error, Kind, Result};
use std::time::Duration;

/// The program must be executed within this time; startContainer hooks run before it.
const LIMIT: Duration = Duration::from_secs(300);

/// Starts.
pub fn run(global: &Global, args: &Named) -> Result<u8> {
    let (folder, record) = open(global, &args.id)?;
    let wrong = |text: &str| Err(Error::new(Kind::Conflict, text));
    match record.status(&folder)? {
        Status::Created => {}
        Status::Stopped => return wrong("cannot start a container that has stopped"),
        Status::Running => return wrong("cannot start an already running container"),
        Status::Paused => return wrong("cannot start a container in the paused state"),
    }
    start(&folder, &record)?;
    Ok(0)
}

/// Opens the gate, and runs the poststart hooks: the container runs whatever they say.
pub fn start(folder: &Folder, record: &Record) -> Result<()> {
    fifo::release(&folder.fifo(), record.pid, LIMIT)?;
    std::fs::remove_file(folder.fifo()).context("remove the start fifo")?;
    let state =
        || hook::State::new(&record.spec, &record.id, &record.bundle, record.pid, "running");
    for error in hook::run_all(hook::of_poststart(&record.spec), "poststart", state) {
        log::warn(&error.to_string());
    }
    Ok(())
}
