//! `pause` and `resume`.

use super::arguments::Named;
use super::container::{Status, open};
use super::global::Global;
use shared::error::{Error, Kind, Result};
use shared::kernel::cgroup::Freeze;

/// Freezes a container.
pub fn pause(global: &Global, args: &Named) -> Result<u8> {
    let (folder, record) = open(global, &args.id)?;
    match record.status(&folder)? {
        Status::Running | Status::Created => record.group()?.freeze(Freeze::Frozen).map(|()| 0),
        other => Err(Error::new(Kind::Conflict, format!("container not running: {other}"))),
    }
}

/// Thaws it.
pub fn resume(global: &Global, args: &Named) -> Result<u8> {
    let (folder, record) = open(global, &args.id)?;
    if record.status(&folder)? != Status::Paused {
        return Err(Error::new(Kind::Conflict, "container not paused"));
    }
    record.group()?.freeze(Freeze::Thawed).map(|()| 0)
}
