//! Version 1: one folder per controller (kernel's `cgroup-v1/`). Membership goes by `tasks` and `0`,
//! never by `cgroup.procs`: the latter waits for an RCU grace period, 10 ms and more per container.

mod apply;

use super::file::{number, read, read_if_there, write};
use super::statistic::{self, HugeUsage, keyed, read_blkio};
use super::{Cgroup, Depth, Freeze, Limits, OomWatch, Statistics, Version, oom, tree};
use crate::error::{Context, Error, Kind, Result};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A container's folders.
pub struct Group {
    folders: Vec<(Vec<String>, PathBuf)>,
    /// In a hybrid machine's version 2 hierarchy.
    unified: Option<PathBuf>,
}

impl Group {
    pub(super) fn new(folders: Vec<(Vec<String>, PathBuf)>, unified: Option<PathBuf>) -> Self {
        Self { folders, unified }
    }

    fn find(&self, controller: &str) -> Option<&Path> {
        let found = self.folders.iter().find(|(names, _)| names.iter().any(|n| n == controller));
        found.map(|(_, folder)| folder.as_path())
    }

    fn need(&self, controller: &str) -> Result<&Path> {
        self.find(controller).ok_or_else(|| {
            Error::unavailable(format!("the cgroup controller {controller} is not mounted"))
        })
    }

    /// The folder whose members are asked for: any will do, all hierarchies hold the same ones.
    fn members(&self) -> Result<&Path> {
        let order = ["freezer", "pids", "memory", "name=systemd", "cpu"];
        let found = order.iter().find_map(|name| self.find(name));
        found
            .or_else(|| self.folders.first().map(|(_, folder)| folder.as_path()))
            .ok_or_else(|| Error::unavailable("no control groups are mounted"))
    }
}

impl Cgroup for Group {
    fn version(&self) -> Version {
        Version::V1
    }

    fn create(&self) -> Result<()> {
        for (names, folder) in &self.folders {
            if names.iter().any(|n| n == "cpuset") {
                cpuset(folder)?;
            } else {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("make the cgroup {}", folder.display()))?;
            }
        }
        match &self.unified {
            Some(folder) => std::fs::create_dir_all(folder)
                .with_context(|| format!("make the cgroup {}", folder.display())),
            None => Ok(()),
        }
    }

    fn enter(&self) -> Result<()> {
        self.folders.iter().try_for_each(|(_, folder)| write(&folder.join("tasks"), "0"))
    }

    fn attach(&self, pid: i32) -> Result<()> {
        let pid = pid.to_string();
        let folders = self.folders.iter().map(|(_, folder)| folder).chain(&self.unified);
        folders.into_iter().try_for_each(|folder| write(&folder.join("cgroup.procs"), &pid))
    }

    fn directory(&self) -> Result<Option<OwnedFd>> {
        let Some(folder) = &self.unified else { return Ok(None) };
        match std::fs::File::open(folder) {
            Ok(file) => Ok(Some(file.into())),
            // A group that another program has made may be in version 1 alone.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).with_context(|| format!("open {}", folder.display())),
        }
    }

    fn apply(&self, limits: &Limits) -> Result<Vec<String>> {
        apply::apply(self, limits)
    }

    fn statistics(&self, depth: Depth) -> Result<Statistics> {
        let mut all = Statistics::default();
        if let Some(folder) = self.find("cpuacct") {
            processor(folder, depth, &mut all.cpu)?;
        }
        if let Some(text) =
            self.find("cpu").map(|f| read_if_there(&f.join("cpu.stat"))).transpose()?
        {
            for (key, value) in keyed(text.as_deref().unwrap_or_default()) {
                match key {
                    "nr_periods" => all.cpu.periods = value,
                    "nr_throttled" => all.cpu.throttled_periods = value,
                    "throttled_time" => all.cpu.throttled_nanos = value,
                    _ => {}
                }
            }
        }
        if let Some(folder) = self.find("memory") {
            memory(folder, depth, &mut all)?;
        }
        if let Some(folder) = self.find("pids") {
            all.pids.current = number(&folder.join("pids.current"))?;
            if depth == Depth::Full {
                let limit = read_if_there(&folder.join("pids.max"))?;
                all.pids.limit = limit.and_then(|text| statistic::limit(&text));
            }
        }
        if let Some(folder) = self.find("blkio") {
            blocks(folder, depth, &mut all)?;
        }
        if let (Some(folder), Depth::Full) = (self.find("hugetlb"), depth) {
            all.huge_pages = huge_pages(folder)?;
        }
        Ok(all)
    }

    fn freeze(&self, to: Freeze) -> Result<()> {
        let state = self.need("freezer")?.join("freezer.state");
        let wanted = if to == Freeze::Frozen { "FROZEN" } else { "THAWED" };
        let end = Instant::now() + Duration::from_secs(2);
        loop {
            // A process that forks meanwhile can leave the group at FREEZING: writing again helps.
            write(&state, wanted)?;
            if read(&state)?.trim() == wanted {
                return Ok(());
            }
            if Instant::now() > end {
                write(&state, "THAWED")?;
                return Err(Error::timeout("the processes could not be frozen within 2 s"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn frozen(&self) -> Result<bool> {
        let Some(folder) = self.find("freezer") else { return Ok(false) };
        let state = read_if_there(&folder.join("freezer.state"))?;
        Ok(state.is_some_and(|text| text.trim() != "THAWED"))
    }

    fn watch_oom(&self) -> Result<OomWatch> {
        OomWatch::v1(self.need("memory")?)
    }

    fn oom_kills(&self) -> Result<u64> {
        let Some(folder) = self.find("memory") else { return Ok(0) };
        Ok(oom::kills(&read(&folder.join("memory.oom_control"))?))
    }

    fn processes(&self) -> Result<Vec<i32>> {
        tree::processes(self.members()?)
    }

    fn kill(&self, signal: i32) -> Result<()> {
        tree::signal(self.members()?, signal)?;
        if signal == libc::SIGKILL && self.frozen()? {
            self.freeze(Freeze::Thawed)?;
        }
        Ok(())
    }

    fn remove(&self) -> Result<()> {
        let folders = self.folders.iter().map(|(_, folder)| folder).chain(&self.unified);
        folders.into_iter().try_for_each(|folder| tree::remove(folder))
    }

    fn below(&self, controllers: &[&str], path: &str) -> Result<Box<dyn Cgroup>> {
        let path = super::clean(path)?;
        let known = |name: &&&str| {
            self.find(name).is_some() || self.find(&format!("name={name}")).is_some()
        };
        if let Some(name) = controllers.iter().find(|name| !known(name)) {
            return Err(Error::invalid(format!("unknown controller {name}")));
        }
        let wanted = |names: &[String]| {
            let same = |name: &String| {
                controllers.iter().any(|c| name == c || name.strip_prefix("name=") == Some(*c))
            };
            controllers.is_empty() || names.iter().any(same)
        };
        let folder = |(names, folder): &(Vec<String>, PathBuf)| {
            let folder = if wanted(names) { folder.join(&path) } else { folder.clone() };
            (names.clone(), folder)
        };
        let unified = match (&self.unified, controllers.is_empty()) {
            (Some(unified), true) => Some(unified.join(&path)),
            (unified, _) => (*unified).clone(),
        };
        Ok(Box::new(Self::new(self.folders.iter().map(folder).collect(), unified)))
    }

    fn folder(&self, controller: &str) -> Option<PathBuf> {
        self.find(controller).map(Path::to_owned)
    }

    fn folders(&self) -> Vec<(String, PathBuf)> {
        self.folders.iter().map(|(names, folder)| (names.join(","), folder.clone())).collect()
    }
}

/// A new cpuset group has no CPUs and takes no process: each level copies its parent's.
fn cpuset(folder: &Path) -> Result<()> {
    let levels: Vec<&Path> = folder.ancestors().collect();
    for pair in levels.windows(2).rev() {
        let (level, above) = (pair[0], pair[1]);
        if !above.join("cpuset.cpus").exists() {
            continue; // above the hierarchy
        }
        match std::fs::create_dir(level) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(e).context(format!("make the cgroup {}", level.display()));
            }
            _ => inherit(above, level)?,
        }
    }
    if folder.exists() {
        return Ok(());
    }
    Err(Error::unavailable(format!("{} is in no cpuset hierarchy", folder.display())))
}

fn inherit(above: &Path, folder: &Path) -> Result<()> {
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let path = folder.join(name);
        if read(&path)?.trim().is_empty() {
            write(&path, read(&above.join(name))?.trim())?;
        }
    }
    Ok(())
}

fn processor(folder: &Path, depth: Depth, cpu: &mut statistic::Cpu) -> Result<()> {
    cpu.usage_nanos = read(&folder.join("cpuacct.usage"))?.trim().parse().unwrap_or(0);
    if depth == Depth::Short {
        return Ok(());
    }
    // USER_HZ is 100 on every architecture that Linux still supports with control groups.
    let text = read(&folder.join("cpuacct.stat"))?;
    for (key, ticks) in keyed(&text) {
        match key {
            "user" => cpu.user_nanos = ticks * 10_000_000,
            "system" => cpu.system_nanos = ticks * 10_000_000,
            _ => {}
        }
    }
    let text = read(&folder.join("cpuacct.usage_percpu"))?;
    cpu.per_cpu_nanos = text.split_ascii_whitespace().filter_map(|n| n.parse().ok()).collect();
    Ok(())
}

fn memory(folder: &Path, depth: Depth, all: &mut Statistics) -> Result<()> {
    let memory = &mut all.memory;
    memory.usage_bytes = read(&folder.join("memory.usage_in_bytes"))?.trim().parse().unwrap_or(0);
    memory.read_v1(&read(&folder.join("memory.stat"))?, depth);
    if depth == Depth::Full {
        memory.max_usage_bytes = number(&folder.join("memory.max_usage_in_bytes"))?;
        memory.kernel_bytes = number(&folder.join("memory.kmem.usage_in_bytes"))?;
        memory.failures = number(&folder.join("memory.failcnt"))?;
    }
    all.oom_kills = oom::kills(&read(&folder.join("memory.oom_control"))?);
    Ok(())
}

fn blocks(folder: &Path, depth: Depth, all: &mut Statistics) -> Result<()> {
    let bytes = read_if_there(&folder.join("blkio.throttle.io_service_bytes_recursive"))?;
    read_blkio(&mut all.io, bytes.as_deref().unwrap_or_default(), |io, what, count| match what {
        "Read" => io.read_bytes = count,
        "Write" => io.write_bytes = count,
        _ => {}
    });
    if depth == Depth::Short {
        return Ok(());
    }
    let operations = read_if_there(&folder.join("blkio.throttle.io_serviced_recursive"))?;
    read_blkio(
        &mut all.io,
        operations.as_deref().unwrap_or_default(),
        |io, what, count| match what {
            "Read" => io.reads = count,
            "Write" => io.writes = count,
            _ => {}
        },
    );
    Ok(())
}

fn huge_pages(folder: &Path) -> Result<Vec<HugeUsage>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).context("list the hugetlb group")? {
        let name = entry.context("list the hugetlb group")?.file_name();
        let Some(size) = name.to_str().and_then(|n| n.strip_prefix("hugetlb.")) else { continue };
        let Some(size) = size.strip_suffix(".usage_in_bytes") else { continue };
        if size.ends_with(".rsvd") {
            continue;
        }
        let file = |what: &str| folder.join(format!("hugetlb.{size}.{what}"));
        all.push(HugeUsage {
            page_size: size.to_owned(),
            usage_bytes: number(&file("usage_in_bytes"))?,
            max_usage_bytes: number(&file("max_usage_in_bytes"))?,
            failures: number(&file("failcnt"))?,
        });
    }
    Ok(all)
}

/// Whether a failure only means that this kernel lacks the file.
fn missing(error: &Error) -> bool {
    error.kind() == Kind::NotFound
}
