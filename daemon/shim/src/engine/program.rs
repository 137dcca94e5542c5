//! An OCI runtime as a program: runc, crun, or any with their command line. It runs in a mount
//! namespace of the shim's own, in which the root filesystem is mounted: the host sees no mount.

mod place;
mod sentence;

use super::{Engine, Frost, Joining, Later, Made, Making, Removal, Step, file};
use crate::stdio::Io;
use crate::terminal::ConsoleSocket;
use shared::error::{Context, Error, Result};
use shared::kernel::command::Command;
use shared::kernel::process::Ending;
use shared::kernel::socket::read_memory_file;
use std::ffi::OsString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Bytes of a spec at most.
const SPEC_MAX: usize = 16 << 20;
/// Some runtimes look for tools such as `newuidmap`.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program, for one container.
#[derive(Debug)]
pub struct Program {
    id: String,
    path: PathBuf,
    before: Vec<String>,
    root: PathBuf,
    bundle: PathBuf,
    /// Mounts at `bundle/rootfs`.
    mounts: usize,
    /// Numbers the files of its calls.
    calls: u64,
}

impl Program {
    /// Enters a mount namespace of the shim's own.
    pub fn new(
        id: &str,
        path: &Path,
        before: &[String],
        root: PathBuf,
        bundle: PathBuf,
    ) -> Result<Self> {
        place::enter(&bundle)?;
        let (id, path) = (id.to_owned(), path.to_owned());
        Ok(Self { id, path, before: before.to_owned(), root, bundle, mounts: 0, calls: 0 })
    }

    /// Runs one command; `then` is called if it succeeds.
    fn call<T: 'static>(
        &mut self,
        arguments: Vec<OsString>,
        io: Option<Io>,
        then: impl FnOnce() -> Result<T> + 'static,
    ) -> Result<Step<T>> {
        self.calls += 1;
        let log = file(&self.bundle, &format!("runtime-{}", self.calls), "log");
        let mut command = Command::new(&self.path);
        command.variable("PATH", PATH).folder(&self.bundle).arguments(&self.before);
        command.argument("--root").argument(&self.root).argument("--log").argument(&log);
        command.argument("--log-format").argument("json").arguments(&arguments);
        let null = std::fs::File::options().read(true).write(true).open("/dev/null");
        let null: OwnedFd = null.context("open /dev/null")?.into();
        let streams = match &io {
            Some(Io::Pipes { stdin, stdout, stderr }) => [stdin, stdout, stderr],
            _ => [&null; 3],
        };
        for (number, fd) in streams.into_iter().enumerate() {
            command.standard(number, fd.as_fd());
        }
        let pid = command.spawn()?.pid();
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let finish = move |ending: Option<Ending>| {
            let said = std::fs::read(&log).unwrap_or_default();
            let _gone_already = std::fs::remove_file(&log);
            match ending {
                Some(Ending::Code(0)) => then(),
                Some(ending) => Err(sentence::failure(&name, ending, &said)),
                None => Err(Error::timeout(format!("{name} took too long and was killed"))),
            }
        };
        Ok(Step::Later(Later { pid, finish: Box::new(finish) }))
    }

    /// `create` and `exec`: a process comes of it.
    fn make(
        &mut self,
        verb: Vec<OsString>,
        name: &str,
        io: Io,
        tail: Vec<OsString>,
    ) -> Result<Step<Made>> {
        let pid_file = file(&self.bundle, name, "pid");
        let mut arguments = verb;
        arguments.extend(["--pid-file".into(), pid_file.clone().into()]);
        let console = match io {
            Io::Terminal { .. } => Some(ConsoleSocket::new(&self.bundle, format!("{name}.tty"))?),
            Io::Pipes { .. } => None,
        };
        if let Some(console) = &console {
            arguments.extend(["--console-socket".into(), console.address().into()]);
        }
        arguments.extend(tail);
        let size = match &io {
            Io::Terminal { rows, columns } if *rows > 0 && *columns > 0 => Some((*rows, *columns)),
            _ => None,
        };
        self.call(arguments, Some(io), move || {
            let text = std::fs::read_to_string(&pid_file).context("read the pid file")?;
            let _gone_already = std::fs::remove_file(&pid_file);
            let pid = text.trim().parse().context("understand the pid file")?;
            let terminal = console.map(ConsoleSocket::receive).transpose()?;
            if let (Some(terminal), Some((rows, columns))) = (&terminal, size) {
                crate::terminal::resize(terminal.as_fd(), rows, columns)?;
            }
            Ok(Made { pid, terminal })
        })
    }

    fn simple(&mut self, arguments: &[&str]) -> Result<Step<()>> {
        self.call(arguments.iter().map(OsString::from).collect(), None, || Ok(()))
    }
}

impl Engine for Program {
    fn create(&mut self, making: Making<'_>) -> Result<Step<Made>> {
        let spec = read_memory_file(making.spec, SPEC_MAX)?;
        let netns = making.netns.map(|fd| {
            // The program finds it through the shim, which keeps it open.
            format!("/proc/{}/fd/{}", std::process::id(), fd.as_raw_fd())
        });
        let spec = place::spec(&spec, netns.as_deref())?;
        std::fs::write(self.bundle.join("config.json"), spec).context("write config.json")?;
        self.mounts = place::mount_all(&self.bundle.join("rootfs"), &making.create.rootfs)?;
        let verb = vec!["create".into(), "--bundle".into(), self.bundle.clone().into()];
        let id = OsString::from(&self.id);
        self.make(verb, shared::paths::INIT, making.io, vec![id])
    }

    fn start(&mut self) -> Result<Step<()>> {
        let id = self.id.clone();
        self.simple(&["start", &id])
    }

    fn exec(&mut self, joining: Joining<'_>) -> Result<Step<Made>> {
        let process = file(&self.bundle, joining.name, "json");
        let bytes = read_memory_file(joining.process, SPEC_MAX)?;
        std::fs::write(&process, bytes).context("write the process")?;
        let verb =
            vec!["exec".into(), "--detach".into(), "--process".into(), process.clone().into()];
        let id = OsString::from(&self.id);
        let step = self.make(verb, joining.name, joining.io, vec![id])?;
        let Step::Later(Later { pid, finish }) = step else { return Ok(step) };
        let finish = Box::new(move |ending| {
            let _gone_already = std::fs::remove_file(&process);
            finish(ending)
        });
        Ok(Step::Later(Later { pid, finish }))
    }

    fn kill(&mut self, _: i32, signal: i32) -> Result<Step<()>> {
        let id = self.id.clone();
        self.simple(&["kill", &id, &signal.to_string()])
    }

    fn kill_all(&mut self, signal: i32) -> Result<Step<()>> {
        let id = self.id.clone();
        self.simple(&["kill", "--all", &id, &signal.to_string()])
    }

    fn frost(&mut self, to: Frost) -> Result<Step<()>> {
        let id = self.id.clone();
        self.simple(&[if to == Frost::Freeze { "pause" } else { "resume" }, &id])
    }

    fn update(&mut self, resources: OwnedFd) -> Result<Step<()>> {
        let path = file(&self.bundle, "resources", "json");
        let mut bytes = read_memory_file(resources, SPEC_MAX)?;
        if self.path.file_name().is_some_and(|name| name == "crun") {
            bytes = place::resources(&bytes)?;
        }
        std::fs::write(&path, bytes).context("write the resources")?;
        let mut arguments: Vec<OsString> = vec!["update".into(), "--resources".into()];
        arguments.extend([path.into(), OsString::from(&self.id)]);
        self.call(arguments, None, || Ok(()))
    }

    fn delete(&mut self, removal: Removal) -> Result<Step<()>> {
        let mut arguments: Vec<OsString> = vec!["delete".into()];
        if removal == Removal::Forced {
            arguments.push("--force".into());
        }
        arguments.push(OsString::from(&self.id));
        let (rootfs, mounts) = (self.bundle.join("rootfs"), std::mem::take(&mut self.mounts));
        self.call(arguments, None, move || {
            (0..mounts).try_for_each(|_| shared::kernel::mount::detach(&rootfs))
        })
    }
}
