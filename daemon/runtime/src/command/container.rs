//! The state directory `<root>/<id>`: `state.json`, and `exec.fifo` from create until start.

use super::global::Global;
use crate::fifo;
use oci_spec::runtime::Spec;
use serde::{Deserialize, Serialize};
use shared::error::{Context, Error, Kind, Result};
use shared::kernel::cgroup::{Cgroup, Layout};
use shared::kernel::process::Stat;
use std::fmt;
use std::path::{Path, PathBuf};

/// What is known of a container between two calls of the program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Its name.
    pub id: String,
    /// Its bundle, absolute.
    pub bundle: PathBuf,
    /// Root filesystem, absolute.
    pub rootfs: PathBuf,
    /// Its first process; 0 while it is being made.
    pub pid: i32,
    /// With the number it names the process for good.
    pub started_ticks: u64,
    /// RFC 3339.
    pub created: String,
    /// Where its groups are: controllers and the path below the hierarchy's mount.
    pub cgroup: Group,
    /// The whole spec, updates included.
    pub spec: Spec,
}

/// A container's control group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Group {
    /// Below each hierarchy's root.
    Absolute(String),
    /// Below the group of the process that created the container: its `/proc/<pid>/cgroup` then.
    Below(String, String),
}

/// runc's words for where a container is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It waits for `start`.
    Created,
    /// Its first process runs.
    Running,
    /// It is frozen.
    Paused,
    /// Its first process has ended.
    Stopped,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        })
    }
}

/// A container's folder.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Of this name; nothing is made. A name is letters, digits, `_`, `+`, `-`, `.`.
    pub fn of(global: &Global, id: &str) -> Result<Self> {
        let fine = |c: char| c.is_ascii_alphanumeric() || "_+-.".contains(c);
        if id.is_empty() || id == "." || id == ".." || id.len() > 1024 || !id.chars().all(fine) {
            return Err(Error::invalid(format!("invalid container ID format: {id}")));
        }
        let root = std::path::absolute(&global.root).context("find the state root")?;
        Ok(Self(root.join(id)))
    }

    /// Makes it; it must be new.
    pub fn make(&self) -> Result<()> {
        if let Some(root) = self.0.parent() {
            std::fs::create_dir_all(root).with_context(|| format!("make {}", root.display()))?;
        }
        std::fs::create_dir(&self.0).map_err(|e| match e.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Error::new(Kind::Conflict, "container with given ID already exists")
            }
            _ => Error::internal(format!("make {}: {e}", self.0.display())),
        })
    }

    /// Where the first process waits.
    pub fn fifo(&self) -> PathBuf {
        self.0.join(fifo::NAME)
    }

    /// Reads the record.
    pub fn load(&self) -> Result<Record> {
        let path = self.0.join("state.json");
        let text = std::fs::read(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::not_found("container does not exist"),
            _ => Error::internal(format!("read {}: {e}", path.display())),
        })?;
        serde_json::from_slice(&text)
            .map_err(|e| Error::internal(format!("{} is not understood: {e}", path.display())))
    }

    /// Writes the record, whole or not at all.
    pub fn save(&self, record: &Record) -> Result<()> {
        let text = serde_json::to_vec(record).context("encode the state")?;
        replace(&self.0.join("state.json"), &text)
    }

    /// Forgets the container.
    pub fn remove(&self) -> Result<()> {
        match std::fs::remove_dir_all(&self.0) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.with_context(|| format!("remove {}", self.0.display())),
        }
    }

    /// Whether there is a folder at all, perhaps without a record.
    pub fn exists(&self) -> bool {
        self.0.exists()
    }
}

/// A file by temporary file and rename.
pub fn replace(path: &Path, text: &[u8]) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}", std::process::id()));
    std::fs::write(&temporary, text).with_context(|| format!("write {}", path.display()))?;
    std::fs::rename(&temporary, path).with_context(|| format!("write {}", path.display()))
}

impl Record {
    /// Its control group.
    pub fn group(&self) -> Result<Box<dyn Cgroup>> {
        let layout = Layout::detect()?;
        match &self.cgroup {
            Group::Absolute(path) => layout.group(path),
            Group::Below(membership, path) => layout.group_below(membership, path),
        }
    }

    /// Whether the first process is still the one that was cloned, and lives.
    pub fn alive(&self) -> bool {
        let same = |stat: &Stat| stat.started_ticks == self.started_ticks && stat.alive();
        self.pid > 0 && Stat::read(self.pid).is_ok_and(|stat| same(&stat))
    }

    /// Where it is in its life now.
    pub fn status(&self, folder: &Folder) -> Result<Status> {
        if !self.alive() {
            return Ok(Status::Stopped);
        }
        if self.group()?.frozen()? {
            return Ok(Status::Paused);
        }
        Ok(if folder.fifo().exists() { Status::Created } else { Status::Running })
    }

    /// Whether it has process ids of its own: then the kernel ends all with the first.
    pub fn own_pids(&self) -> bool {
        let namespaces = self.spec.linux().as_ref().and_then(|l| l.namespaces().as_deref());
        namespaces
            .unwrap_or_default()
            .iter()
            .any(|n| n.typ() == oci_spec::runtime::LinuxNamespaceType::Pid && n.path().is_none())
    }
}

/// A container that exists, with its record.
pub fn open(global: &Global, id: &str) -> Result<(Folder, Record)> {
    let folder = Folder::of(global, id)?;
    let record = folder.load()?;
    Ok((folder, record))
}

/// Where the spec wants the group; its name where the spec is silent.
pub fn group_of(spec: &Spec, id: &str) -> Result<Group> {
    let wanted = spec.linux().as_ref().and_then(|l| l.cgroups_path().as_ref());
    let wanted = wanted.map(|p| p.to_string_lossy().into_owned()).filter(|p| !p.is_empty());
    match wanted {
        Some(path) if path.starts_with('/') => Ok(Group::Absolute(path)),
        other => {
            let text =
                std::fs::read_to_string("/proc/self/cgroup").context("read /proc/self/cgroup")?;
            Ok(Group::Below(text, other.unwrap_or_else(|| id.to_owned())))
        }
    }
}
