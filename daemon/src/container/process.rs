//! Small facts about this host's processes that verbs need.

use crate::task;
use shared::error::{Context, Kind, Result};
use shared::id::ContainerId;
use shared::kernel::{cgroup, process::Stat};

/// Names the current boot; process ids of another one mean nothing.
pub fn boot_id() -> Result<String> {
    let path = "/proc/sys/kernel/random/boot_id";
    let text = std::fs::read_to_string(path).with_context(|| format!("read {path}"))?;
    Ok(text.trim().to_owned())
}

/// What a process that survives SIGKILL does, in words.
pub async fn stuck(pid: i32) -> String {
    task::blocking("look at a process", move || match Stat::read(pid) {
        Ok(stat) => format!("process {pid} is in state {}", stat.state),
        Err(_) => format!("process {pid} is gone, but its shim has not told"),
    })
    .await
}

/// Kills whatever runs in a container's cgroup and removes it: its shim has gone, so that nobody could
/// ever tell of an end. What fails is logged.
pub async fn clear_cgroup(id: &ContainerId, path: String) {
    let cleared = task::blocking("clear a cgroup", move || {
        let group = cgroup::open(&path)?;
        match group.kill(libc::SIGKILL) {
            Err(error) if error.kind() != Kind::NotFound => return Err(error),
            _ => {}
        }
        group.remove()
    })
    .await;
    if let Err(error) = cleared {
        tracing::warn!(container = %id, %error, "cannot clear the cgroup");
    }
}
