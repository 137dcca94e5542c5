//! `run`: create, start and, unless detached, stay until the end.

use super::arguments::Run;
use super::attend::Attendance;
use super::global::Global;
use super::launcher::{self, Ends};
use super::{delete, log, start};
use shared::error::Result;

/// Runs; the exit status is the program's.
pub fn run(global: &Global, args: &Run) -> Result<u8> {
    let ends = if args.detach { Ends::Detached } else { Ends::Attended };
    if !args.detach && !args.no_subreaper {
        super::attend::become_subreaper()?;
    }
    let attendance = (!args.detach).then(Attendance::prepare).transpose()?;
    let created = launcher::create(global, &args.create, ends)?;
    let (folder, record) = (&created.folder, &created.record);
    if let Err(error) = start::start(folder, record) {
        if let Err(second) = delete::force(folder, record) {
            log::warn(&format!("clean up: {second}"));
        }
        return Err(error);
    }
    let Some(attendance) = attendance else { return Ok(0) };
    let code = attendance.until_end(record.pid, created.terminal)?;
    if !args.keep {
        delete::force(folder, record)?;
    }
    Ok(code)
}
