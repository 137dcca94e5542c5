//! The daemon's standing with the kernel: OOM score, cgroup, open files. What the host refuses is one
//! warning, never a failure.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use shared::error::{Context, Error, Result};
use shared::kernel::cgroup;
use std::path::Path;

/// Soft limits of open files at or below this are raised to the hard limit.
const FILES_LOW: u64 = 1024;
/// Where the kernel's quotas of keys are.
const KEYS: &str = "/proc/sys/kernel/keys";
/// Keys of root's at least, and bytes of each (dockerd's figures).
const KEYS_MIN: u64 = 1_000_000;
const KEY_BYTES: u64 = 25;
/// The oldest kernel that has all we use: pidfds, clone3, openat2.
const KERNEL_MIN: (u32, u32) = (5, 6);
/// Starts on an older kernel all the same.
pub const KERNEL_OVERRIDE: &str = "COFFER_NOWARN_KERNEL_VERSION";

/// Settles everything that may fail without harm.
pub fn settle(oom_score_adjust: i32, own_cgroup: &str) {
    let steps = [
        ("set the daemon's oom_score_adj", protect(oom_score_adjust)),
        ("raise the limit of open files", raise_files()),
        ("raise root's quota of keys", raise_keys(Path::new(KEYS))),
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

/// Every container has a session keyring of root's: keyrings(7).
fn raise_keys(folder: &Path) -> Result<()> {
    for (name, wanted) in [("root_maxkeys", KEYS_MIN), ("root_maxbytes", KEYS_MIN * KEY_BYTES)] {
        let path = folder.join(name);
        let what = || format!("raise {}", path.display());
        let text = match std::fs::read_to_string(&path) {
            // A kernel without keyrings has no quota of them.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            text => text.with_context(what)?,
        };
        if text.trim().parse::<u64>().with_context(what)? < wanted {
            std::fs::write(&path, wanted.to_string()).with_context(what)?;
        }
    }
    Ok(())
}

/// `Forbidden` for anybody but root, who alone can start containers. A program of one's own in the
/// shim's place may do without.
pub fn check_user(shim: &Path) -> Result<()> {
    match shim.as_os_str().is_empty() && !nix::unistd::geteuid().is_root() {
        true => Err(Error::forbidden(
            "cofferd needs to be run as root: containers cannot be started otherwise",
        )),
        false => Ok(()),
    }
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
    fn quotas_of_keys_are_only_raised() {
        let folder = std::env::temp_dir().join(format!("coffer-keys-{}", std::process::id()));
        raise_keys(&folder).unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("root_maxkeys"), "200\n").unwrap();
        std::fs::write(folder.join("root_maxbytes"), "30000000\n").unwrap();
        raise_keys(&folder).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(
            (read("root_maxkeys"), read("root_maxbytes")),
            ("1000000".into(), "30000000\n".into())
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn kernels() {
        for (release, recent) in
            [("5.6.0", true), ("6.18.5-fc", true), ("5.5.9", false), ("4.19.0-amd64", false)]
        {
            assert_eq!(is_recent(release), recent, "{release}");
        }
    }
}
