//! Requests of a daemon: decoded, done, answered. What takes a program's time is answered later; what
//! makes a process is in `make`.

use crate::engine::{Engine, Frost, Removal, Step};
use crate::operation::Ticket;
use crate::process::Process;
use crate::serve::Shim;
use serde::Serialize;
use shared::error::{Error, Result};
use shared::kernel::wire::Frame;
use shared::paths::INIT;
use shared::shim::{
    ANSWER, Acknowledge, Attach, Attached, CloseStdin, Create, Delete, Done, Exec, FAILURE,
    Failure, Hello, Kill, Message, PROTOCOL, PackLog, Pause, Query, ReopenLog, Resize, Start,
    Status, Update, encode,
};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// A runtime's command takes tens of milliseconds; one that hangs is killed.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(30);

impl Shim {
    /// Does what a frame asks for.
    pub fn request(&mut self, connection: u64, frame: Frame) {
        let ticket = Ticket { connection, request: frame.head.request };
        let greeted = self.connections.iter().any(|c| c.key == connection && c.greeted);
        let result = if frame.head.kind != Hello::KIND && !greeted {
            Err(Error::invalid("the first message has to be a hello"))
        } else {
            self.dispatch(ticket, frame)
        };
        if let Err(error) = result {
            self.refuse(ticket, error);
        }
    }

    /// An error is answered by the caller.
    fn dispatch(&mut self, ticket: Ticket, mut frame: Frame) -> Result<()> {
        match frame.head.kind {
            Hello::KIND => self.hello(ticket, frame.message()?),
            Create::KIND => self.create(ticket, frame.message()?, std::mem::take(&mut frame.fds)),
            Start::KIND => self.start(ticket, frame.message()?),
            Exec::KIND => self.exec(ticket, frame.message()?, std::mem::take(&mut frame.fds)),
            Kill::KIND => self.kill(ticket, frame.message()?),
            Resize::KIND => {
                let asked: Resize = frame.message()?;
                self.process(&asked.process)?.streams.resize(asked.rows, asked.columns)?;
                self.done(ticket)
            }
            Attach::KIND => self.attach(ticket, frame.message()?),
            CloseStdin::KIND => {
                let asked: CloseStdin = frame.message()?;
                self.process(&asked.process)?.streams.input().close();
                self.done(ticket)
            }
            Query::KIND => self.query(ticket),
            Acknowledge::KIND => self.acknowledge(ticket, frame.message()?),
            Pause::KIND => self.pause(ticket, frame.message()?),
            Update::KIND => {
                let resources = frame.fds.pop();
                let resources =
                    resources.ok_or_else(|| Error::invalid("no resources came along"))?;
                let step = self.engine()?.update(resources);
                self.later(ticket, step)
            }
            Delete::KIND => self.delete(ticket, frame.message()?),
            ReopenLog::KIND => {
                self.log.as_mut().map_or(Ok(()), crate::log::Log::reopen)?;
                self.done(ticket)
            }
            PackLog::KIND => {
                let asked: PackLog = frame.message()?;
                let log = self.log.as_ref();
                log.ok_or_else(|| Error::not_found("there is no log"))?.replace(&asked)?;
                self.done(ticket)
            }
            kind => Err(Error::unimplemented(format!("message of kind {kind} is not known"))),
        }
    }

    fn hello(&mut self, ticket: Ticket, theirs: Hello) -> Result<()> {
        if theirs.container != self.options.id {
            return Err(Error::conflict(format!("this is the shim of {}", self.options.id)));
        }
        if theirs.min > PROTOCOL || theirs.max < 1 {
            let sentence = format!("protocols 1 to {PROTOCOL} are spoken here");
            return Err(Error::unimplemented(sentence));
        }
        if let Some(connection) = self.connections.iter_mut().find(|c| c.key == ticket.connection) {
            connection.greeted = true;
        }
        let ours = Hello {
            min: 1,
            max: PROTOCOL,
            build: env!("CARGO_PKG_VERSION").to_owned(),
            container: self.options.id.clone(),
            boot_id: self.boot_id.clone(),
            incarnation: self.options.incarnation,
            pid: std::process::id() as i32,
        };
        self.answer(ticket, &ours, Vec::new());
        Ok(())
    }

    fn kill(&mut self, ticket: Ticket, asked: Kill) -> Result<()> {
        if asked.all {
            let step = self.engine()?.kill_all(asked.signal);
            return self.later(ticket, step);
        }
        let pid = self.process(&asked.process)?.living()?.pid;
        let step = if asked.process == INIT {
            self.engine()?.kill(pid, asked.signal)
        } else {
            let handle = shared::kernel::process::Process::open(pid)?;
            handle.signal(asked.signal).map(Step::Done)
        };
        self.later(ticket, step)
    }

    fn attach(&mut self, ticket: Ticket, asked: Attach) -> Result<()> {
        let log_bytes = match &mut self.log {
            Some(log) if asked.process == INIT => log.settled_bytes(),
            _ => 0,
        };
        let stream = self.process(&asked.process)?.living()?.streams.attach(asked.streams)?;
        self.answer(ticket, &Attached { log_bytes }, vec![stream]);
        Ok(())
    }

    fn query(&mut self, ticket: Ticket) -> Result<()> {
        let status = Status {
            processes: self
                .processes
                .iter()
                .filter(|p| !p.acknowledged)
                .map(Process::describe)
                .collect(),
            oom_kills: self.oom.kills(),
            log_lines_lost: self.lost(),
            paused: self.paused,
        };
        self.answer(ticket, &status, Vec::new());
        Ok(())
    }

    /// A process that is not known was acknowledged before. Where no container was made, that of its
    /// first process ends the shim.
    fn acknowledge(&mut self, ticket: Ticket, asked: Acknowledge) -> Result<()> {
        self.dismissed |= asked.process == INIT && self.engine.is_none();
        if let Ok(process) = self.process(&asked.process) {
            if process.exit.is_none() {
                return Err(Error::conflict(format!("process {} has not ended", asked.process)));
            }
            process.acknowledged = true;
        }
        self.done(ticket)
    }

    fn pause(&mut self, ticket: Ticket, asked: Pause) -> Result<()> {
        let to = if asked.frozen { Frost::Freeze } else { Frost::Thaw };
        let step = self.engine()?.frost(to);
        self.after(step, COMMAND_LIMIT, move |shim, result| {
            if result.is_ok() {
                shim.paused = asked.frozen;
            }
            shim.conclude(ticket, result);
        });
        Ok(())
    }

    fn delete(&mut self, ticket: Ticket, asked: Delete) -> Result<()> {
        let removal = if asked.force { Removal::Forced } else { Removal::Gentle };
        let runs =
            self.processes.iter().any(|process| process.name == INIT && process.ended.is_none());
        if runs && removal == Removal::Gentle {
            return Err(Error::conflict("the container has not ended"));
        }
        let step = self.engine()?.delete(removal);
        self.after(step, COMMAND_LIMIT, move |shim, result| {
            // Exits come before the answer: nothing runs any more, and the next request may be about
            // them.
            shim.reap();
            shim.settle();
            shim.conclude(ticket, result);
        });
        Ok(())
    }

    /// Answers when the step is done.
    fn later(&mut self, ticket: Ticket, step: Result<Step<()>>) -> Result<()> {
        self.after(step, COMMAND_LIMIT, move |shim, result| shim.conclude(ticket, result));
        Ok(())
    }

    fn conclude(&mut self, ticket: Ticket, result: Result<()>) {
        match result {
            Ok(()) => self.answer(ticket, &Done {}, Vec::new()),
            Err(error) => self.refuse(ticket, error),
        }
    }

    /// The runtime of the container that was created.
    pub fn engine(&mut self) -> Result<&mut Box<dyn Engine>> {
        let engine = self.engine.as_mut().filter(|_| self.container.is_some());
        engine.ok_or_else(|| Error::conflict("the container was not created"))
    }

    /// A process that was not forgotten yet.
    pub fn process(&mut self, name: &str) -> Result<&mut Process> {
        let found = self.processes.iter_mut().find(|p| p.name == name && !p.acknowledged);
        found.ok_or_else(|| Error::not_found(format!("no process {name} in the container")))
    }

    fn done(&mut self, ticket: Ticket) -> Result<()> {
        self.answer(ticket, &Done {}, Vec::new());
        Ok(())
    }

    /// Answers a request. A daemon that went meanwhile misses nothing: it asks its successor to ask.
    pub fn answer<T: Serialize>(&mut self, ticket: Ticket, body: &T, fds: Vec<OwnedFd>) {
        self.send(ticket, ANSWER, body, fds);
    }

    /// Answers a request with a failure.
    pub fn refuse(&mut self, ticket: Ticket, error: Error) {
        self.send(ticket, FAILURE, &Failure::from(error), Vec::new());
    }

    fn send<T: Serialize>(&mut self, ticket: Ticket, kind: u16, body: &T, fds: Vec<OwnedFd>) {
        let Some(connection) = self.connections.iter_mut().find(|c| c.key == ticket.connection)
        else {
            return;
        };
        match encode(kind, ticket.request, body) {
            Ok(frame) => connection.send(frame, fds),
            Err(error) => crate::warn(&error.to_string()),
        }
    }
}
