//! Notices kills by the kernel's OOM killer. Never decides anything.
//!
//! Version 1 tells before it kills, so the counter is looked at again a little later.

use shared::kernel::cgroup::{Cgroup, OomWatch};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// When to look again after the kernel has told.
const AGAIN: [Duration; 3] =
    [Duration::from_millis(5), Duration::from_millis(50), Duration::from_millis(500)];

/// The watch over one container's group.
#[derive(Default)]
pub struct Oom {
    watch: Option<OomWatch>,
    kills: u64,
    looks: Vec<Instant>,
}

impl Oom {
    /// Watches `group` from now on; a host that cannot is a warning, the counter is read at the end
    /// anyway.
    pub fn watch(&mut self, group: &dyn Cgroup) {
        match group.watch_oom() {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => crate::warn(&error.to_string()),
        }
        self.kills = group.oom_kills().unwrap_or(0);
    }

    /// What to wait on.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.watch.as_ref().map(AsFd::as_fd)
    }

    /// When to call [`Oom::look`] without being told.
    pub fn deadline(&self) -> Option<Instant> {
        self.looks.iter().min().copied()
    }

    /// The kernel told. Kills so far, if there are more than before.
    pub fn told(&mut self) -> Option<u64> {
        let count = match self.watch.as_ref().map(OomWatch::take) {
            Some(Ok(Some(count))) => count,
            _ => {
                self.watch = None; // the group is gone
                return None;
            }
        };
        self.looks = AGAIN.iter().map(|wait| Instant::now() + *wait).collect();
        self.count(count)
    }

    /// Looks at the counter.
    pub fn look(&mut self, group: &dyn Cgroup) -> Option<u64> {
        let now = Instant::now();
        self.looks.retain(|at| *at > now);
        self.count(group.oom_kills().unwrap_or(0))
    }

    /// Kills so far.
    pub fn kills(&self) -> u64 {
        self.kills
    }

    fn count(&mut self, count: u64) -> Option<u64> {
        let more = count > self.kills;
        self.kills = self.kills.max(count);
        if more {
            self.looks.clear();
        }
        more.then_some(count)
    }
}
