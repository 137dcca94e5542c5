//! `fake-shim`: the real shim with another engine, for the contract suite. A container's program is a
//! plain child, found in the root filesystem but run on the host: no namespace, no control group, no
//! other user, no root privilege. Never use it for anything but tests.
//!
//! Started by itself as `fake-shim run ...` it is the child that becomes the program.

use coffer_shim::engine::{Engine, Frost, Joining, Made, Making, Removal, Step};
use coffer_shim::stdio::Io;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpid, setsid};
use serde_json::Value;
use shared::error::{Context, Error, Result};
use shared::kernel::command::Command;
use shared::kernel::socket::read_memory_file;
use shared::shim::Create;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let result = if arguments.next().as_deref() == Some("run") {
        Err(become_program(arguments.collect()))
    } else {
        coffer_shim::main(choose)
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fake-shim: {error}");
            ExitCode::from(127)
        }
    }
}

/// When the program is executed.
#[derive(Clone, Copy, PartialEq)]
enum Gate {
    /// When the container is started: the child stops itself until then.
    Closed,
    /// At once.
    Open,
}

struct Plain {
    root: PathBuf,
    /// The container's first process, then its execs: each leads a group of its own.
    leaders: Vec<i32>,
}

fn choose(_: &str, create: &Create) -> Result<Box<dyn Engine>> {
    let source = match create.rootfs.as_slice() {
        [mount]
            if mount.kind == "bind"
                || mount.options.iter().any(|o| o == "bind" || o == "rbind") =>
        {
            PathBuf::from(&mount.source)
        }
        [] => create.bundle.join("rootfs"),
        _ => {
            return Err(Error::unimplemented(
                "the fake shim needs a plain folder as root filesystem",
            ));
        }
    };
    Ok(Box::new(Plain { root: source, leaders: Vec::new() }))
}

impl Plain {
    fn launch(&mut self, process: &Value, io: Io, gate: Gate) -> Result<Made> {
        let texts = |key: &str| -> Vec<String> {
            let all = process[key].as_array().map(Vec::as_slice).unwrap_or_default();
            all.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let (args, environment) = (texts("args"), texts("env"));
        let first = args.first().ok_or_else(|| Error::invalid("process.args is empty"))?;
        let program = self.find(first, &environment)?;
        let cwd = process["cwd"].as_str().unwrap_or("/");
        let folder = inside(&self.root, Path::new(cwd)).unwrap_or_else(|_| self.root.clone());
        // Not by its path: a shim is started from a sealed copy that has none.
        let own = Path::new("/proc/self/exe");
        let mut command = Command::new(own);
        command.folder(&folder);
        for pair in &environment {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            command.variable(name, value);
        }
        let (streams, terminal, slave) = streams(io)?;
        for (number, fd) in streams.iter().enumerate() {
            command.standard(number, fd.as_fd());
        }
        command.argument("run").argument(if gate == Gate::Open { "now" } else { "later" });
        command
            .argument(slave.as_deref().unwrap_or(Path::new("-")))
            .argument(program)
            .arguments(&args);
        let child = command.spawn()?;
        if gate == Gate::Closed {
            // It has to have stopped before it can be let go.
            waitpid(Pid::from_raw(child.pid()), Some(WaitPidFlag::WUNTRACED))
                .context("wait for the child")?;
        }
        self.leaders.push(child.pid());
        Ok(Made { pid: child.pid(), terminal })
    }

    fn find(&self, name: &str, environment: &[String]) -> Result<PathBuf> {
        let missing = |why| Error::invalid(format!("exec: {name:?}: {why}"));
        if name.contains('/') {
            let found = inside(&self.root, Path::new(name));
            return found
                .map_err(|_| missing("stat ".to_owned() + name + ": no such file or directory"));
        }
        let path = environment.iter().find_map(|pair| pair.strip_prefix("PATH=")).unwrap_or("/bin");
        let mut places = path.split(':').map(|folder| Path::new(folder).join(name));
        let found =
            places.find_map(|place| inside(&self.root, &place).ok().filter(|p| p.is_file()));
        found.ok_or_else(|| missing("executable file not found in $PATH".into()))
    }

    fn signal(&self, signal: Signal) -> Result<Step<()>> {
        for leader in &self.leaders {
            match kill(Pid::from_raw(-leader), signal) {
                Ok(()) | Err(nix::Error::ESRCH) => {}
                Err(e) => return Err(e).context("send a signal"),
            }
        }
        Ok(Step::Done(()))
    }
}

/// Where `path` is on the host if `root` were `/`.
fn inside(root: &Path, path: &Path) -> Result<PathBuf> {
    let folder = File::open(root).context("open the root filesystem")?;
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT);
    let found = openat2(&folder, path, how).with_context(|| format!("find {}", path.display()))?;
    std::fs::read_link(format!("/proc/self/fd/{}", found.as_raw_fd())).context("name a file")
}

/// The child's descriptors, the terminal's master, and the path of its other side.
fn streams(io: Io) -> Result<([OwnedFd; 3], Option<OwnedFd>, Option<PathBuf>)> {
    match io {
        Io::Pipes { stdin, stdout, stderr } => Ok(([stdin, stdout, stderr], None, None)),
        Io::Terminal { rows, columns } => {
            let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
            let pair = openpty(&size, None).context("make a terminal")?;
            for fd in [&pair.master, &pair.slave] {
                let flag = nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC);
                nix::fcntl::fcntl(fd, flag).context("protect a terminal")?;
            }
            let path = nix::unistd::ttyname(&pair.slave).context("name a terminal")?;
            let again = || pair.slave.try_clone().context("copy a descriptor");
            Ok(([again()?, again()?, again()?], Some(pair.master), Some(path)))
        }
    }
}

impl Engine for Plain {
    fn create(&mut self, making: Making<'_>) -> Result<Step<Made>> {
        let bytes = read_memory_file(making.spec, 16 << 20)?;
        let spec: Value = serde_json::from_slice(&bytes).context("decode the OCI spec")?;
        let made = self.launch(&spec["process"], making.io, Gate::Closed)?;
        Ok(Step::Done(made))
    }

    fn start(&mut self) -> Result<Step<()>> {
        self.signal(Signal::SIGCONT)
    }

    fn exec(&mut self, joining: Joining<'_>) -> Result<Step<Made>> {
        let bytes = read_memory_file(joining.process, 16 << 20)?;
        let process: Value = serde_json::from_slice(&bytes).context("decode the process")?;
        self.launch(&process, joining.io, Gate::Open).map(Step::Done)
    }

    fn kill(&mut self, init: i32, signal: i32) -> Result<Step<()>> {
        let handle = shared::kernel::process::Process::open(init)?;
        handle.signal(signal).map(Step::Done)
    }

    fn kill_all(&mut self, signal: i32) -> Result<Step<()>> {
        self.signal(Signal::try_from(signal).context_kind(shared::error::Kind::Invalid, "signal")?)
    }

    fn frost(&mut self, to: Frost) -> Result<Step<()>> {
        self.signal(if to == Frost::Freeze { Signal::SIGSTOP } else { Signal::SIGCONT })
    }

    fn update(&mut self, _: OwnedFd) -> Result<Step<()>> {
        Ok(Step::Done(())) // a plain child has no limits to change
    }

    fn delete(&mut self, _: Removal) -> Result<Step<()>> {
        self.signal(Signal::SIGKILL)
    }

    fn grouped(&self) -> bool {
        false
    }
}

/// In the child: a session of its own, with the terminal if there is one; then the program. Returns
/// only on failure.
fn become_program(arguments: Vec<String>) -> Error {
    let [when, terminal, program, name, rest @ ..] = arguments.as_slice() else {
        return Error::invalid("fake-shim run: too few arguments");
    };
    let prepared = setsid().context("start a session").and_then(|_| {
        if terminal != "-" {
            // The first terminal that a session's leader opens becomes the session's.
            File::options().read(true).write(true).open(terminal).context("open the terminal")?;
        }
        if when == "later" { raise(Signal::SIGSTOP).context("wait for the start") } else { Ok(()) }
    });
    if let Err(error) = prepared {
        return error;
    }
    let error = std::process::Command::new(program).arg0(name).args(rest).exec();
    Error::internal(format!("process {}: execute {program}: {error}", getpid()))
}
