//! What `create` and `run` share: bundle, state directory, control group, launch, process id file.
//! Whatever fails, nothing is left behind.

use super::arguments::Create;
use super::container::{Folder, Group, Record, group_of, replace};
use super::global::Global;
use super::{lenient, log};
use crate::launch::{self, Launched};
use crate::work::{Gate, Io, Keyring, Launch, Pivot, Stdio, Work};
use nix::sys::stat::Mode;
use oci_spec::runtime::{Process, Spec};
use shared::error::{Context, Error, Kind, Result};
use shared::kernel::cgroup::Cgroup;
use shared::kernel::process::Stat;
use shared::kernel::socket::memory_file;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A container may take this long to get ready: hooks and slow mounts included.
const READY: Duration = Duration::from_secs(300);

/// Whether the caller stays with the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The program goes away, the container stays.
    Detached,
    /// The program waits, and passes on what comes in and out.
    Attended,
}

/// A container that waits for its start.
pub struct Created {
    /// Its folder.
    pub folder: Folder,
    /// Its record.
    pub record: Record,
    /// The terminal's master, where nobody else got it.
    pub terminal: Option<OwnedFd>,
}

/// Standard streams of a process: ours, or a terminal.
pub fn streams(
    process: &Process,
    ends: Ends,
    console: Option<&Path>,
) -> Result<(Io, Option<OwnedFd>)> {
    let terminal = process.terminal().unwrap_or(false);
    let detached = ends == Ends::Detached;
    match (console, terminal && detached) {
        (None, true) => {
            let text = "cannot allocate tty if runc will detach without setting console socket";
            return Err(Error::invalid(text));
        }
        (Some(_), false) => {
            let text = "cannot use console socket if runc will not detach or allocate tty";
            return Err(Error::invalid(text));
        }
        _ => {}
    }
    if terminal {
        let connect = |path: &Path| {
            UnixStream::connect(path)
                .map(OwnedFd::from)
                .with_context(|| format!("connect to the console socket {}", path.display()))
        };
        return Ok((Io::Terminal { rows: 0, columns: 0 }, console.map(connect).transpose()?));
    }
    let copy = |fd: std::os::fd::BorrowedFd<'_>| fd.try_clone_to_owned().context("copy a stream");
    let stdio = Stdio {
        stdin: copy(std::io::stdin().as_fd())?,
        stdout: copy(std::io::stdout().as_fd())?,
        stderr: copy(std::io::stderr().as_fd())?,
    };
    Ok((Io::Pipes(stdio), None))
}

/// The bundle's `config.json`.
pub fn load(bundle: Option<&Path>) -> Result<(PathBuf, Spec)> {
    let bundle = bundle.unwrap_or(Path::new("."));
    let bundle = std::fs::canonicalize(bundle)
        .context_kind(Kind::NotFound, format!("enter the bundle {}", bundle.display()))?;
    let path = bundle.join("config.json");
    let text = std::fs::read(&path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            Error::not_found("JSON specification file config.json not found")
        }
        _ => Error::internal(format!("read {}: {e}", path.display())),
    })?;
    let spec = lenient::spec(&text)
        .map_err(|e| Error::invalid(format!("{} is not understood: {e}", path.display())))?;
    Ok((bundle, spec))
}

/// Creates the container.
pub fn create(global: &Global, args: &Create, ends: Ends) -> Result<Created> {
    let (bundle, spec) = load(args.bundle.as_deref())?;
    crate::validate::spec(&spec)?;
    let process =
        spec.process().as_ref().ok_or_else(|| Error::invalid("process must be specified"))?;
    let (io, console) = streams(process, ends, args.console_socket.as_deref())?;
    let cgroup = group_of(&spec, &args.id)?;
    let folder = Folder::of(global, &args.id)?;
    if folder.exists() {
        return Err(Error::new(Kind::Conflict, "container with given ID already exists"));
    }
    let root = spec.root().as_ref().map(|r| bundle.join(r.path())).unwrap_or_default();
    let mut record = Record {
        id: args.id.clone(),
        rootfs: std::fs::canonicalize(&root).unwrap_or(root),
        bundle,
        pid: 0,
        started_ticks: 0,
        created: time::OffsetDateTime::now_utc()
            .format(&time::format_description::well_known::Rfc3339)
            .context("tell the time")?,
        cgroup,
        spec: spec.clone(),
    };
    let group = record.group()?;
    check(group.as_ref(), &record)?;
    folder.make()?;
    let made = made(args, &folder, &mut record, group.as_ref(), io, console);
    match made {
        Ok(launched) => Ok(Created { folder, record, terminal: launched.terminal }),
        Err(error) => {
            let mut left = Vec::new();
            if record.pid > 0 {
                left.extend(end(&record).err());
            }
            left.extend(group.remove().err());
            left.extend(folder.remove().err());
            left.iter().for_each(|error| log::warn(&format!("clean up: {error}")));
            Err(error).context("unable to start container process")
        }
    }
}

fn made(
    args: &Create,
    folder: &Folder,
    record: &mut Record,
    group: &dyn Cgroup,
    io: Io,
    console: Option<OwnedFd>,
) -> Result<Launched> {
    nix::unistd::mkfifo(&folder.fifo(), Mode::from_bits_truncate(0o622))
        .context("make the start fifo")?;
    // Whatever the umask: the one who waits is the container's user by then.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o622);
    std::fs::set_permissions(folder.fifo(), mode).context("open the start fifo to all")?;
    let text = serde_json::to_vec(&record.spec).context("encode the spec")?;
    log::debug("nsexec container setup: the outer half is forked");
    let launched = launch::run(Launch {
        spec: memory_file("spec", &text)?,
        seccomp: None,
        cgroup: Some(group),
        io,
        preserved: args.preserve_fds,
        end: Instant::now() + READY,
        work: Work::Create {
            id: &args.id,
            bundle: &record.bundle,
            rootfs: &[],
            netns: None,
            gate: Gate::Fifo(folder.fifo()),
            pivot: if args.no_pivot { Pivot::Move } else { Pivot::Root },
            keyring: if args.no_new_keyring { Keyring::Inherited } else { Keyring::New },
            console,
        },
    })?;
    log::debug("child process in init(): it is set up");
    log::debug("init: closing the pipe to signal completion");
    launched.warnings.iter().for_each(|warning| log::warn(warning));
    record.pid = launched.pid;
    record.started_ticks = Stat::read(launched.pid)?.started_ticks;
    folder.save(record)?;
    if let Some(path) = &args.pid_file {
        replace(path, launched.pid.to_string().as_bytes())?;
    }
    Ok(launched)
}

/// A group that is in use already may be a mistake; a frozen one surely is.
fn check(group: &dyn Cgroup, record: &Record) -> Result<()> {
    if matches!(record.cgroup, Group::Below(_, _)) && record.spec.linux().is_none() {
        return Ok(());
    }
    let there = group.folders().iter().any(|(_, folder)| folder.exists());
    if !there {
        return Ok(());
    }
    if group.frozen()? {
        return Err(Error::new(Kind::Conflict, "container's cgroup unexpectedly frozen"));
    }
    let count = group.processes()?.len();
    if count > 0 {
        log::warn(&format!("container's cgroup is not empty: {count} process(es) found"));
    }
    Ok(())
}

/// Ends a first process that is our child.
fn end(record: &Record) -> Result<()> {
    let process = shared::kernel::process::Process::open(record.pid)?;
    process.signal(libc::SIGKILL)?;
    process.wait().map(|_| ())
}
