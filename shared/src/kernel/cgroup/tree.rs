//! A group and the groups below it: members, signals, removal. The same for both versions.

use super::file;
use crate::error::{Context, Error, Kind, Result};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Rounds of signalling at most: each sees what forked during the one before.
const ROUNDS: usize = 64;

/// Every process in the group and below it; none if it is gone.
pub(super) fn processes(folder: &Path) -> Result<Vec<i32>> {
    let mut all = Vec::new();
    collect(folder, &mut all)?;
    Ok(all)
}

fn collect(folder: &Path, all: &mut Vec<i32>) -> Result<()> {
    let Some(text) = file::read_if_there(&folder.join("cgroup.procs"))? else { return Ok(()) };
    all.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|pid| *pid > 0));
    below(folder)?.iter().try_for_each(|folder| collect(folder, all))
}

fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| format!("list {}", folder.display()))?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("list {}", folder.display()))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

/// Signals every process once; with SIGKILL again and again until no new one appears.
pub(super) fn signal(folder: &Path, signal: i32) -> Result<()> {
    let number = Signal::try_from(signal)
        .map_err(|_| Error::invalid(format!("there is no signal {signal}")))?;
    let mut seen = BTreeSet::new();
    for _ in 0..ROUNDS {
        let fresh: Vec<i32> =
            processes(folder)?.into_iter().filter(|pid| seen.insert(*pid)).collect();
        for pid in &fresh {
            match nix::sys::signal::kill(Pid::from_raw(*pid), number) {
                Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
                Err(error) => return Err(error).context(format!("signal process {pid}")),
            }
        }
        if fresh.is_empty() || signal != libc::SIGKILL {
            return Ok(());
        }
    }
    Err(Error::internal("processes of the group fork faster than they can be killed"))
}

/// Removes a group and the groups below it, for 2 s while dying processes leave.
pub(super) fn remove(folder: &Path) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(2);
    let mut pause = Duration::from_micros(200);
    loop {
        match remove_once(folder) {
            Err(error) if error.kind() == Kind::Conflict && Instant::now() < end => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

fn remove_once(folder: &Path) -> Result<()> {
    match nix::unistd::unlinkat(nix::fcntl::AT_FDCWD, folder, nix::unistd::UnlinkatFlags::RemoveDir)
    {
        Ok(()) | Err(nix::errno::Errno::ENOENT) => return Ok(()),
        Err(nix::errno::Errno::EBUSY) => {}
        Err(error) => return Err(error).context(format!("remove {}", folder.display())),
    }
    let folders = below(folder)?;
    folders.iter().try_for_each(|folder| remove_once(folder))?;
    match std::fs::remove_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) if e.raw_os_error() == Some(libc::EBUSY) => {
            Err(e).context_kind(Kind::Conflict, format!("remove {}", folder.display()))
        }
        other => other.with_context(|| format!("remove {}", folder.display())),
    }
}
