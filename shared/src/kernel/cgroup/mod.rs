//! Control groups, version 1 and version 2 as equals behind one trait: path, limits, membership,
//! statistics, freezer, notification of OOM kills, kill. Never decides a limit, never keeps a
//! descriptor of a group open except an [`OomWatch`].
//!
//! A hybrid machine (version 1 controllers beside a mounted cgroup2) counts as version 1: that is
//! where its controllers are.

#[cfg(test)]
mod contract;
mod device;
mod file;
mod limit;
mod oom;
mod statistic;
mod tree;
mod v1;
mod v2;

pub use device::{Access, DeviceKind, DeviceRule};
pub use limit::{Direction, HugePages, Limits, Throttle, Weight};
pub use oom::OomWatch;
pub use statistic::{Cpu, Depth, HugeUsage, Io, Memory, Pids, Statistics};

use crate::error::{Context, Error, Result};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Which generation of control groups holds the machine's controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// One tree per controller.
    V1,
    /// One tree for all.
    V2,
}

/// What [`Cgroup::freeze`] is to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freeze {
    /// No process of the group runs.
    Frozen,
    /// They run.
    Thawed,
}

/// One container's control group, in every hierarchy.
pub trait Cgroup: Send + Sync {
    /// Which version its controllers are of.
    fn version(&self) -> Version;

    /// Makes the group in every hierarchy; one that exists is fine.
    fn create(&self) -> Result<()>;

    /// Moves the calling thread (of a process that has only one) into the group, the cheap way:
    /// children cloned afterwards are born in it.
    fn enter(&self) -> Result<()>;

    /// Moves a whole process into the group.
    fn attach(&self, pid: i32) -> Result<()>;

    /// A descriptor for `clone3`'s `CLONE_INTO_CGROUP`, where there is a version 2 hierarchy. On a hybrid
    /// machine it stands beside [`Cgroup::enter`], which is about version 1 there.
    fn directory(&self) -> Result<Option<OwnedFd>>;

    /// Sets what is asked; returns what this kernel cannot do, one sentence each. Asking for a limit
    /// whose controller is missing is an error, except where runc also goes on.
    fn apply(&self, limits: &Limits) -> Result<Vec<String>>;

    /// What the group uses and has used. `NotFound` once the group is gone.
    fn statistics(&self, depth: Depth) -> Result<Statistics>;

    /// Freezes or thaws every process, and waits until it is so (2 s at most).
    fn freeze(&self, to: Freeze) -> Result<()>;

    /// Whether the group is frozen or on its way there.
    fn frozen(&self) -> Result<bool>;

    /// A descriptor that becomes readable when the kernel kills for memory, with the count of kills.
    fn watch_oom(&self) -> Result<OomWatch>;

    /// Kills by the OOM killer in the group since it was made; 0 where the kernel does not count.
    fn oom_kills(&self) -> Result<u64>;

    /// Every process in the group and in groups below it, in the host's numbers.
    fn processes(&self) -> Result<Vec<i32>>;

    /// Sends a signal to every process of the group and of groups below it.
    fn kill(&self, signal: i32) -> Result<()>;

    /// Removes the group and the groups below it; one that is gone is fine. Fails while there are
    /// processes (after 2 s of trying: dying ones leave late).
    fn remove(&self) -> Result<()>;

    /// The group at `path` below this one, in the hierarchies of the named controllers (none: in all);
    /// in the others it stays this one. Nothing is made.
    fn below(&self, controllers: &[&str], path: &str) -> Result<Box<dyn Cgroup>>;

    /// The folder of a controller (`memory`, `cpu`, ...; any name under version 2), if it is mounted.
    fn folder(&self, controller: &str) -> Option<PathBuf>;

    /// The folders of all hierarchies, by controller names joined with commas (empty: version 2).
    fn folders(&self) -> Vec<(String, PathBuf)>;
}

/// One mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// `cpu`, `cpuacct`, `name=systemd`; empty for version 2.
    pub controllers: Vec<String>,
    /// Where it is mounted.
    pub mount: PathBuf,
    /// Which group is seen at the mount point: `/` unless the machine is itself a container.
    pub root: String,
}

/// The hierarchies of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Where the controllers are.
    pub version: Version,
    /// Version 2 has exactly one.
    pub hierarchies: Vec<Hierarchy>,
    /// A hybrid machine's version 2 hierarchy: groups are made there too, for membership alone.
    pub unified: Option<Hierarchy>,
}

impl Layout {
    /// Reads `/proc/self/mountinfo`.
    pub fn detect() -> Result<Self> {
        let text = std::fs::read_to_string("/proc/self/mountinfo").context("read mountinfo")?;
        Self::parse(&text)
    }

    /// From the text of a mountinfo file (proc_pid_mountinfo(5)).
    pub fn parse(mountinfo: &str) -> Result<Self> {
        let mut first = Vec::new();
        let mut second = None;
        for line in mountinfo.lines() {
            let Some((left, right)) = line.split_once(" - ") else { continue };
            let mut right = right.split(' ');
            let kind = right.next().unwrap_or_default();
            if kind != "cgroup" && kind != "cgroup2" {
                continue;
            }
            let left: Vec<&str> = left.split(' ').collect();
            let (Some(root), Some(mount)) = (left.get(3), left.get(4)) else { continue };
            let mut hierarchy = Hierarchy {
                controllers: Vec::new(),
                mount: mount.into(),
                root: (*root).to_owned(),
            };
            if kind == "cgroup2" {
                second.get_or_insert(hierarchy);
                continue;
            }
            let options = right.nth(1).unwrap_or_default().split(',');
            let known =
                |o: &&str| !matches!(*o, "rw" | "ro" | "xattr" | "clone_children" | "noprefix");
            hierarchy.controllers = options.filter(known).map(str::to_owned).collect();
            let taken = |h: &Hierarchy| h.controllers == hierarchy.controllers;
            if !hierarchy.controllers.is_empty() && !first.iter().any(taken) {
                first.push(hierarchy);
            }
        }
        let real = |h: &Hierarchy| h.controllers.iter().any(|c| !c.starts_with("name="));
        if first.iter().any(real) {
            return Ok(Self { version: Version::V1, hierarchies: first, unified: second });
        }
        let only = second.ok_or_else(|| Error::unavailable("no control groups are mounted"))?;
        Ok(Self { version: Version::V2, hierarchies: vec![only], unified: None })
    }

    /// The group at `path` below each hierarchy's mount point, such as `/coffer/<id>`. Nothing is made.
    pub fn group(&self, path: &str) -> Result<Box<dyn Cgroup>> {
        let clean = clean(path)?;
        Ok(self.at(|h| h.mount.join(&clean)))
    }

    /// The group at `path` below the group that the calling process is in (runc's rule for a
    /// relative `cgroupsPath`).
    pub fn group_below_own(&self, path: &str) -> Result<Box<dyn Cgroup>> {
        let text =
            std::fs::read_to_string("/proc/self/cgroup").context("read /proc/self/cgroup")?;
        self.group_below(&text, path)
    }

    /// The group that the process with this text of `/proc/<pid>/cgroup` is in.
    pub fn group_below(&self, membership: &str, path: &str) -> Result<Box<dyn Cgroup>> {
        let clean = clean(path)?;
        let folder = |h: &Hierarchy| {
            let own = own(membership, h);
            let inner = own.strip_prefix(h.root.trim_end_matches('/')).unwrap_or(&own);
            let base = h.mount.join(inner.trim_start_matches('/'));
            if clean.as_os_str().is_empty() { base } else { base.join(&clean) }
        };
        Ok(self.at(folder))
    }

    fn at(&self, folder: impl Fn(&Hierarchy) -> PathBuf) -> Box<dyn Cgroup> {
        match self.version {
            Version::V1 => {
                let groups = self.hierarchies.iter().map(|h| (h.controllers.clone(), folder(h)));
                Box::new(v1::Group::new(groups.collect(), self.unified.as_ref().map(folder)))
            }
            Version::V2 => {
                let only = &self.hierarchies[0];
                Box::new(v2::Group::new(only.mount.clone(), folder(only)))
            }
        }
    }
}

/// The group at `path` on this machine: [`Layout::detect`] and [`Layout::group`] in one.
pub fn open(path: &str) -> Result<Box<dyn Cgroup>> {
    Layout::detect()?.group(path)
}

/// Relative, without `..`: a group outside the hierarchy cannot be named.
fn clean(path: &str) -> Result<PathBuf> {
    let mut clean = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            std::path::Component::Normal(name) => clean.push(name),
            std::path::Component::ParentDir => {
                return Err(Error::invalid(format!("cgroup path {path:?} contains ..")));
            }
            _ => {}
        }
    }
    Ok(clean)
}

/// The path of the line of `/proc/<pid>/cgroup` that is about this hierarchy.
fn own(membership: &str, hierarchy: &Hierarchy) -> String {
    for line in membership.lines() {
        let mut parts = line.splitn(3, ':');
        let (number, names, path) = (parts.next(), parts.next(), parts.next());
        let (Some(number), Some(names), Some(path)) = (number, names, path) else { continue };
        let found = match hierarchy.controllers.first() {
            None => number == "0",
            Some(first) => names.split(',').any(|name| name == first),
        };
        if found {
            return path.to_owned();
        }
    }
    "/".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
30 29 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 /docker/x /sys/fs/cgroup/memory rw,relatime shared:3 - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";

    #[test]
    fn a_hybrid_machine_is_version_1() {
        let layout = Layout::parse(HYBRID).unwrap();
        assert_eq!(layout.version, Version::V1);
        let names: Vec<_> = layout.hierarchies.iter().map(|h| h.controllers.join(",")).collect();
        assert_eq!(names, ["cpu,cpuacct", "memory", "name=systemd"]);
    }

    #[test]
    fn version_2_alone() {
        let text = "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegate\n";
        let layout = Layout::parse(text).unwrap();
        assert_eq!(layout.version, Version::V2);
        let group = layout.group("/coffer/x").unwrap();
        assert_eq!(group.folder("memory").unwrap(), Path::new("/sys/fs/cgroup/coffer/x"));
        assert!(Layout::parse("").is_err());
    }

    #[test]
    fn below_the_own_group_through_a_mounted_subtree() {
        let layout = Layout::parse(HYBRID).unwrap();
        let own = "5:cpu,cpuacct:/a\n4:memory:/docker/x/y\n1:name=systemd:/\n0::/\n";
        let group = layout.group_below(own, "c").unwrap();
        assert_eq!(group.folder("cpuacct").unwrap(), Path::new("/sys/fs/cgroup/cpu,cpuacct/a/c"));
        assert_eq!(group.folder("memory").unwrap(), Path::new("/sys/fs/cgroup/memory/y/c"));
        assert_eq!(group.folder("pids"), None);
    }

    #[test]
    fn a_path_cannot_leave_the_hierarchy() {
        let layout = Layout::parse(HYBRID).unwrap();
        assert!(layout.group("/../../etc").is_err());
    }
}
