//! Create, start, exec: requests that make a process. Each carries an operation id; a repeat gets the
//! first result and makes nothing.

use crate::engine::{Joining, Made, Making};
use crate::log::Log;
use crate::operation::{Begin, Outcome, Ticket};
use crate::process::{Process, check_name};
use crate::request::COMMAND_LIMIT;
use crate::serve::{Container, Shim};
use crate::stdio::Streams;
use shared::error::{Context, Error, Result};
use shared::kernel::cgroup;
use shared::paths::INIT;
use shared::shim::{Create, Created, Exec, Start, Started, Streams as Wanted};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

/// What an outcome is answered with.
#[derive(Clone, Copy)]
enum Shape {
    Created,
    Started,
}

impl Shim {
    /// Makes the container.
    pub fn create(&mut self, ticket: Ticket, asked: Create, fds: Vec<OwnedFd>) -> Result<()> {
        if !self.begin(&asked.operation, ticket, Shape::Created) {
            return Ok(());
        }
        let operation = asked.operation.clone();
        if let Err(error) = self.create_new(asked, fds) {
            self.finish(&operation, error.into(), Shape::Created, None);
        }
        Ok(())
    }

    fn create_new(&mut self, asked: Create, fds: Vec<OwnedFd>) -> Result<()> {
        if self.engine.is_some() {
            return Err(Error::conflict("the container was created before"));
        }
        let mut fds = fds.into_iter();
        let mut next = |what: &str, wanted: bool| match wanted {
            true => {
                fds.next().map(Some).ok_or_else(|| Error::invalid(format!("no {what} came along")))
            }
            false => Ok(None),
        };
        let spec = next("spec", true)?.ok_or_else(|| Error::invalid("no spec came along"))?;
        let seccomp = next("seccomp filter", asked.seccomp)?.map(own).transpose()?;
        let netns = next("network namespace", asked.netns)?;
        std::fs::create_dir_all(&asked.exits).context("make the folder of exit records")?;
        let (io, streams) = Streams::make(asked.stdio)?;
        let log = asked.log.clone().map(Log::open).transpose()?;
        let mut engine = (self.choose)(&self.options.id, &asked)?;
        let making = Making {
            id: &self.options.id,
            create: &asked,
            spec,
            seccomp: seccomp.as_ref().map(own_again).transpose()?,
            netns: netns.as_ref(),
            io,
        };
        let step = self.standing.lifted(|| engine.create(making));
        let limit = Duration::from_millis(asked.timeout_ms);
        self.engine = Some(engine);
        self.after(step, limit, move |shim, result| {
            let container = |made: &Made, shim: &mut Shim| {
                let group =
                    cgroup::open(&asked.cgroup).map_err(|error| crate::warn(&error.to_string()));
                let group = group.ok().filter(|_| made.pid > 0 && shim.grouped());
                if let Some(group) = &group {
                    shim.oom.watch(group.as_ref());
                }
                let exits = asked.exits.clone();
                shim.container = Some(Container { exits, group, seccomp, _netns: netns });
                shim.log = log;
            };
            let outcome = match result {
                Ok(made) => {
                    container(&made, shim);
                    shim.adopt(INIT, made, None, streams)
                }
                Err(error) => {
                    shim.engine = None;
                    error.into()
                }
            };
            shim.finish(&asked.operation, outcome, Shape::Created, None);
        });
        Ok(())
    }

    /// Executes the container's program.
    pub fn start(&mut self, ticket: Ticket, asked: Start) -> Result<()> {
        if !self.begin(&asked.operation, ticket, Shape::Started) {
            return Ok(());
        }
        let step = self
            .process(INIT)
            .and_then(Process::living)
            .map(|_| ())
            .and_then(|()| self.engine()?.start());
        self.after(step, COMMAND_LIMIT, move |shim, result| {
            let outcome = match (result, shim.process(INIT)) {
                (Ok(()), Ok(init)) => {
                    let at = crate::now_nanos();
                    init.started_at_nanos = Some(at);
                    Outcome::Process(init.pid, at)
                }
                (Err(error), _) | (Ok(()), Err(error)) => error.into(),
            };
            shim.finish(&asked.operation, outcome, Shape::Started, None);
        });
        Ok(())
    }

    /// Runs a further program.
    pub fn exec(&mut self, ticket: Ticket, asked: Exec, fds: Vec<OwnedFd>) -> Result<()> {
        if !self.begin(&asked.operation, ticket, Shape::Started) {
            return Ok(());
        }
        let operation = asked.operation.clone();
        if let Err(error) = self.exec_new(asked, fds) {
            self.finish(&operation, error.into(), Shape::Started, None);
        }
        Ok(())
    }

    fn exec_new(&mut self, asked: Exec, mut fds: Vec<OwnedFd>) -> Result<()> {
        check_name(&asked.process)?;
        if asked.process == INIT || self.process(&asked.process).is_ok() {
            return Err(Error::conflict(format!("process {} exists", asked.process)));
        }
        let process = fds.pop().ok_or_else(|| Error::invalid("no process came along"))?;
        if self.paused {
            // It would be frozen half-way, and whoever waits for it with it.
            return Err(Error::conflict("the container is paused"));
        }
        let init = self.process(INIT)?.living()?;
        if init.started_at_nanos.is_none() {
            return Err(Error::conflict("the container is not running"));
        }
        let init = init.pid;
        let filter = self.container.as_ref().and_then(|container| container.seccomp.as_ref());
        let seccomp = filter.filter(|_| asked.seccomp).map(own_again).transpose()?;
        let (io, mut streams) = Streams::make(asked.stdio)?;
        let stream = asked.attach.map(|wanted| streams.attach(wanted)).transpose()?;
        let name = &asked.process;
        let joining = Joining { name, init, process, seccomp, io, limit: COMMAND_LIMIT };
        let standing = self.standing;
        let engine = self.engine()?;
        let step = standing.lifted(|| engine.exec(joining));
        self.after(step, COMMAND_LIMIT, move |shim, result| {
            let outcome = match result {
                Ok(made) => shim.adopt(&asked.process, made, Some(crate::now_nanos()), streams),
                Err(error) => error.into(),
            };
            shim.finish(&asked.operation, outcome, Shape::Started, stream.zip(asked.attach));
        });
        Ok(())
    }

    /// A process exists: it is ours from now on.
    fn adopt(
        &mut self,
        name: &str,
        made: Made,
        started: Option<i64>,
        mut streams: Streams,
    ) -> Outcome {
        if let Some(Err(error)) = made.terminal.map(|master| streams.connect(master)) {
            crate::warn(&error.to_string());
        }
        let mut process = Process::new(name.to_owned(), made.pid, started, streams);
        let stray = self.strays.iter().position(|(pid, _)| *pid == made.pid);
        process.ended = stray.map(|place| self.strays.swap_remove(place).1);
        self.processes.push(process);
        Outcome::Process(made.pid, started.unwrap_or(0))
    }

    /// Whether the engine puts processes into control groups.
    fn grouped(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.grouped())
    }

    /// False: the request was asked before, and is or will be answered.
    fn begin(&mut self, operation: &str, ticket: Ticket, shape: Shape) -> bool {
        match self.operations.begin(operation, ticket) {
            Begin::New => true,
            Begin::Joined => false,
            Begin::Finished(outcome) => {
                self.outcome(ticket, &outcome, shape, Vec::new());
                false
            }
        }
    }

    /// Answers everyone who waits. The first gets the stream; who asked again gets one of his own.
    fn finish(
        &mut self,
        operation: &str,
        outcome: Outcome,
        shape: Shape,
        stream: Option<(OwnedFd, Wanted)>,
    ) {
        let (mut stream, wanted) =
            stream.map_or((None, None), |(fd, wanted)| (Some(fd), Some(wanted)));
        for ticket in self.operations.finish(operation, &outcome) {
            let again =
                |wanted| self.processes.last_mut().and_then(|p| p.streams.attach(wanted).ok());
            let fd = stream.take().or_else(|| wanted.and_then(again));
            self.outcome(ticket, &outcome, shape, fd.into_iter().collect());
        }
    }

    fn outcome(&mut self, ticket: Ticket, outcome: &Outcome, shape: Shape, fds: Vec<OwnedFd>) {
        match (outcome, shape) {
            (Outcome::Failed(failure), _) => self.refuse(ticket, failure.clone().into()),
            (Outcome::Process(pid, _), Shape::Created) => {
                self.answer(ticket, &Created { pid: *pid }, fds)
            }
            (Outcome::Process(pid, at), Shape::Started) => {
                self.answer(ticket, &Started { pid: *pid, at_nanos: *at }, fds);
            }
        }
    }
}

/// An open file of our own for a memory file: the sender may have handed the same one to other shims,
/// and a shared offset would mix up their reads.
fn own(fd: OwnedFd) -> Result<OwnedFd> {
    own_again(&fd)
}

fn own_again(fd: &OwnedFd) -> Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    std::fs::File::open(path).map(OwnedFd::from).context("open the seccomp filter anew")
}
