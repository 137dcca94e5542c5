//! The daemon's standing with the kernel: OOM score, cgroup, open files. What the host refuses is one
//! warning, never a failure.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use shared::error::{Context, Error, Result};
use shared::kernel::cgroup;

/// Soft limits of open files at or below this are raised to the hard limit.
const FILES_LOW: u64 = 1024;
/// The oldest kernel that has all we use: pidfds, clone3, openat2.
const KERNEL_MIN: (u32, u32) = (5, 6);
/// Starts on an older kernel all the same.
pub const KERNEL_OVERRIDE: &str = "COFFER_NOWARN_KERNEL_VERSION";

/// Settles everything that may fail without harm.
pub fn settle(oom_score_adjust: i32, own_cgroup: &str) {
    let steps = [
        ("set the daemon's oom_score_adj", protect(oom_score_adjust)),
        ("raise the limit of open files", raise_files()),
        ("move the daemon into its cgroup", enter(own_cgroup)),
    ];
    for (what, result) in steps {
        if let Err(error) = result {
            tracing::warn!(%error, "cannot {what}");
        }
    }
}

fn protect(adjust: i32) -> Result<()> {
    std::fs::write("/proc/self/oom_score_adj", adjust.to_string())
        .context("write /proc/self/oom_score_adj")
}

fn raise_files() -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("read the limit")?;
    if soft > FILES_LOW || soft == hard {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("write the limit")
}

fn enter(path: &str) -> Result<()> {
    if path.is_empty() {
        return Ok(());
    }
    let group = cgroup::open(path)?;
    group.create()?;
    let pid = i32::try_from(std::process::id()).context("read our process id")?;
    group.attach(pid)
}

/// Refuses a kernel that is too old, unless [`KERNEL_OVERRIDE`] is set; gives its release.
pub fn check_kernel() -> Result<String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .context("read the kernel's release")?;
    let release = release.trim();
    if is_recent(release) || std::env::var_os(KERNEL_OVERRIDE).is_some() {
        return Ok(release.to_owned());
    }
    let (major, minor) = KERNEL_MIN;
    Err(Error::unimplemented(format!(
        "kernel {release} is too old, {major}.{minor} or later is needed \
         (set {KERNEL_OVERRIDE}=1 to start all the same)"
    )))
}

fn is_recent(release: &str) -> bool {
    let mut numbers = release.split(['.', '-', '+']).map_while(|part| part.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= KERNEL_MIN
}

/// Nine tenths of the threads that the kernel allows at all: beyond them the daemon starts no more.
/// `None` when the kernel does not say.
pub fn thread_ceiling() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/sys/kernel/threads-max").ok()?;
    Some(text.trim().parse::<u64>().ok()? / 10 * 9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels() {
        for (release, recent) in
            [("5.6.0", true), ("6.18.5-fc", true), ("5.5.9", false), ("4.19.0-amd64", false)]
        {
            assert_eq!(is_recent(release), recent, "{release}");
        }
    }
}
