//! Version 2: one folder for all controllers (kernel's `cgroup-v2.rst`).

mod apply;

pub(super) use apply::rdma_line;

use super::file::{number, read, read_if_there, write};
use super::statistic::{self, HugeUsage, keyed, read_io};
use super::{Cgroup, Depth, Freeze, Limits, OomWatch, Statistics, Version, oom, tree};
use crate::error::{Context, Error, Result};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A container's folder.
pub struct Group {
    mount: PathBuf,
    folder: PathBuf,
}

impl Group {
    pub(super) fn new(mount: PathBuf, folder: PathBuf) -> Self {
        Self { mount, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Hands every controller that a level has down to the next. One that cannot be handed down (its
    /// level has processes, or it wants realtime groups gone) stays behind: its limit will then say so.
    fn delegate(&self) -> Result<()> {
        let inner = self.folder.strip_prefix(&self.mount).unwrap_or(Path::new(""));
        let mut level = self.mount.clone();
        for part in inner.components() {
            let controllers = read_if_there(&level.join("cgroup.controllers"))?.unwrap_or_default();
            let enabled = read_if_there(&level.join("cgroup.subtree_control"))?.unwrap_or_default();
            let enabled: Vec<&str> = enabled.split_ascii_whitespace().collect();
            for name in controllers.split_ascii_whitespace().filter(|n| !enabled.contains(n)) {
                let _refused = write(&level.join("cgroup.subtree_control"), &format!("+{name}"));
            }
            level.push(part);
            match std::fs::create_dir(&level) {
                Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(e).context(format!("make the cgroup {}", level.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Cgroup for Group {
    fn version(&self) -> Version {
        Version::V2
    }

    fn create(&self) -> Result<()> {
        self.delegate()
    }

    fn enter(&self) -> Result<()> {
        write(&self.file("cgroup.procs"), "0")
    }

    fn attach(&self, pid: i32) -> Result<()> {
        write(&self.file("cgroup.procs"), &pid.to_string())
    }

    fn directory(&self) -> Result<Option<OwnedFd>> {
        let folder = std::fs::File::open(&self.folder);
        Ok(Some(folder.with_context(|| format!("open {}", self.folder.display()))?.into()))
    }

    fn apply(&self, limits: &Limits) -> Result<Vec<String>> {
        apply::apply(&self.folder, limits)
    }

    fn statistics(&self, depth: Depth) -> Result<Statistics> {
        let mut all = Statistics::default();
        for (key, value) in keyed(&read(&self.file("cpu.stat"))?) {
            match key {
                "usage_usec" => all.cpu.usage_nanos = value * 1000,
                "user_usec" => all.cpu.user_nanos = value * 1000,
                "system_usec" => all.cpu.system_nanos = value * 1000,
                "nr_periods" => all.cpu.periods = value,
                "nr_throttled" => all.cpu.throttled_periods = value,
                "throttled_usec" => all.cpu.throttled_nanos = value * 1000,
                _ => {}
            }
        }
        if let Some(current) = read_if_there(&self.file("memory.current"))? {
            all.memory.usage_bytes = current.trim().parse().unwrap_or(0);
            self.memory(depth, &mut all)?;
        }
        all.pids.current = number(&self.file("pids.current"))?;
        if depth == Depth::Full {
            let limit = read_if_there(&self.file("pids.max"))?;
            all.pids.limit = limit.and_then(|text| statistic::limit(&text));
        }
        if let Some(text) = read_if_there(&self.file("io.stat"))? {
            read_io(&mut all.io, &text);
        }
        if depth == Depth::Full {
            all.huge_pages = self.huge_pages()?;
        }
        Ok(all)
    }

    fn freeze(&self, to: Freeze) -> Result<()> {
        let wanted = u64::from(to == Freeze::Frozen);
        write(&self.file("cgroup.freeze"), &wanted.to_string())?;
        let end = Instant::now() + Duration::from_secs(2);
        loop {
            let events = read(&self.file("cgroup.events"))?;
            if keyed(&events).any(|(key, value)| key == "frozen" && value == wanted) {
                return Ok(());
            }
            if Instant::now() > end {
                write(&self.file("cgroup.freeze"), "0")?;
                return Err(Error::timeout("the processes could not be frozen within 2 s"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn frozen(&self) -> Result<bool> {
        Ok(number(&self.file("cgroup.freeze"))? == 1)
    }

    fn watch_oom(&self) -> Result<OomWatch> {
        OomWatch::v2(&self.folder)
    }

    fn oom_kills(&self) -> Result<u64> {
        Ok(oom::kills(&read_if_there(&self.file("memory.events"))?.unwrap_or_default()))
    }

    fn processes(&self) -> Result<Vec<i32>> {
        tree::processes(&self.folder)
    }

    fn kill(&self, signal: i32) -> Result<()> {
        // One write kills the whole tree, forks in flight included (Linux 5.14).
        if signal == libc::SIGKILL && write(&self.file("cgroup.kill"), "1").is_ok() {
            return Ok(());
        }
        tree::signal(&self.folder, signal)
    }

    fn remove(&self) -> Result<()> {
        tree::remove(&self.folder)
    }

    fn below(&self, controllers: &[&str], path: &str) -> Result<Box<dyn Cgroup>> {
        if !controllers.is_empty() {
            return Err(Error::invalid("cgroup v2 has one hierarchy: no controller can be named"));
        }
        let folder = self.folder.join(super::clean(path)?);
        Ok(Box::new(Self::new(self.mount.clone(), folder)))
    }

    fn folder(&self, _controller: &str) -> Option<PathBuf> {
        Some(self.folder.clone())
    }

    fn folders(&self) -> Vec<(String, PathBuf)> {
        vec![(String::new(), self.folder.clone())]
    }
}

impl Group {
    fn memory(&self, depth: Depth, all: &mut Statistics) -> Result<()> {
        all.memory.read_v2(&read(&self.file("memory.stat"))?, depth);
        let limit =
            |name: &str| Ok::<_, Error>(read_if_there(&self.file(name))?.unwrap_or_default());
        all.memory.limit_bytes = statistic::limit(&limit("memory.max")?);
        if depth == Depth::Full {
            all.memory.swap_limit_bytes = statistic::limit(&limit("memory.swap.max")?);
            all.memory.swap_bytes = number(&self.file("memory.swap.current"))?;
            all.memory.max_usage_bytes = number(&self.file("memory.peak"))?;
        }
        for (key, value) in keyed(&limit("memory.events")?) {
            match key {
                "max" => all.memory.failures = value,
                "oom_kill" => all.oom_kills = value,
                _ => {}
            }
        }
        Ok(())
    }

    fn huge_pages(&self) -> Result<Vec<HugeUsage>> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(&self.folder).context("list the group")? {
            let name = entry.context("list the group")?.file_name();
            let Some(size) = name.to_str().and_then(|n| n.strip_prefix("hugetlb.")) else {
                continue;
            };
            let Some(size) = size.strip_suffix(".current").filter(|s| !s.ends_with(".rsvd")) else {
                continue;
            };
            let events = read_if_there(&self.file(&format!("hugetlb.{size}.events")))?;
            let events = events.unwrap_or_default();
            all.push(HugeUsage {
                page_size: size.to_owned(),
                usage_bytes: number(&self.file(&format!("hugetlb.{size}.current")))?,
                max_usage_bytes: 0,
                failures: keyed(&events).find(|(key, _)| *key == "max").map_or(0, |(_, n)| n),
            });
        }
        Ok(all)
    }
}
