//! The loop: waits for descriptors and deadlines, hands each to the part that it belongs to, sweeps up.
//! Nothing in it waits for anything else.
#![allow(unsafe_code)] // poll(2) over descriptors that change in every round

use crate::Options;
use crate::buffer::Buffer;
use crate::connection::Connection;
use crate::engine::{Choose, Engine, Later, Step};
use crate::log::Log;
use crate::oom::Oom;
use crate::operation::Operations;
use crate::process::{Ended, Process};
use crate::protect::{self, Standing};
use crate::signal::Children;
use shared::error::{Context, Result};
use shared::kernel::cgroup::Cgroup;
use shared::kernel::process::Ending;
use shared::kernel::socket::{self, Waiting};
use shared::paths::{INIT, SHIM_SOCKET};
use shared::shim::{self, LogLost, Message};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Daemons at once: one, its successor, a tool or two.
const CONNECTIONS_MAX: usize = 16;
/// Memory is given back, and losses are told, when it was quiet for so long.
const QUIET: Duration = Duration::from_secs(1);

/// What comes after a program has ended; without an ending it was killed for being late.
type Continue = Box<dyn FnOnce(&mut Shim, Option<Ending>)>;

/// What a program does for us, and what comes after it.
pub(crate) struct Job {
    pub pid: i32,
    pub deadline: Instant,
    pub late: bool,
    pub done: Continue,
}

/// A container that was made.
pub(crate) struct Container {
    pub exits: PathBuf,
    pub group: Option<Box<dyn Cgroup>>,
    pub seccomp: Option<OwnedFd>,
    /// Held for as long as the shim lives: with the container's processes it is all that keeps it.
    pub _netns: Option<OwnedFd>,
}

/// The shim.
pub(crate) struct Shim {
    pub options: Options,
    pub choose: Choose,
    pub boot_id: String,
    pub standing: Standing,
    children: Children,
    listener: OwnedFd,
    pub connections: Vec<Connection>,
    next_key: u64,
    pub container: Option<Container>,
    pub engine: Option<Box<dyn Engine>>,
    pub processes: Vec<Process>,
    /// Reaped while a program was about to tell whose they are.
    pub strays: Vec<(i32, Ended)>,
    pub jobs: Vec<Job>,
    pub operations: Operations,
    pub log: Option<Log>,
    pub oom: Oom,
    pub paused: bool,
    /// The daemon wants no container of this shim.
    pub dismissed: bool,
    buffer: Buffer,
    lost_told: u64,
    quiet_at: Option<Instant>,
    /// Set while connections cannot be taken, for want of descriptors: trying on would be all it does.
    deaf_until: Option<Instant>,
}

/// What a descriptor in the poll set stands for. Numbers hold until the sweep at the round's end.
#[derive(Clone, Copy)]
enum Token {
    Children,
    Listener,
    Connection(usize),
    Output(usize, usize),
    Input(usize),
    Reader(usize, usize),
    Oom,
}

const IN: i16 = libc::POLLIN;
const OUT: i16 = libc::POLLOUT;

impl Shim {
    pub fn new(options: Options, choose: Choose) -> Result<Self> {
        let children = Children::watch()?;
        let standing = Standing::protect();
        if let Some(error) = options.cgroup.as_deref().and_then(|group| protect::enter(group).err())
        {
            crate::warn(&error.to_string());
        }
        let listener = socket::listen(&options.bundle, SHIM_SOCKET, Waiting::Nonblocking)?;
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let boot_id = boot_id.context("read the boot id")?.trim().to_owned();
        let mut new = Self {
            options,
            choose,
            boot_id,
            standing,
            children,
            listener,
            connections: Vec::new(),
            next_key: 1,
            container: None,
            engine: None,
            processes: Vec::new(),
            strays: Vec::new(),
            jobs: Vec::new(),
            operations: Operations::default(),
            log: None,
            oom: Oom::default(),
            paused: false,
            dismissed: false,
            buffer: Buffer::new()?,
            lost_told: 0,
            quiet_at: None,
            deaf_until: None,
        };
        if let Some(socket) = new.options.connection.take() {
            new.connect(socket)?;
        }
        Ok(new)
    }

    /// Until there is nothing left to do.
    pub fn serve(mut self) -> Result<()> {
        let (mut tokens, mut polls) = (Vec::new(), Vec::new());
        while !self.finished() {
            self.interests(&mut tokens, &mut polls);
            let limit = self.wait();
            // SAFETY: the array is as long as said, and its descriptors live in `self`.
            let ready =
                unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, limit) };
            if ready < 0 {
                let error = std::io::Error::last_os_error();
                if error.kind() != std::io::ErrorKind::Interrupted {
                    return Err(error).context("wait for events");
                }
                continue;
            }
            for (token, poll) in tokens.iter().zip(&polls) {
                if poll.revents != 0 {
                    self.handle(*token, poll.revents);
                }
            }
            self.reap();
            self.tick();
            self.sweep();
        }
        let _removed_already = std::fs::remove_file(self.options.bundle.join(SHIM_SOCKET));
        Ok(())
    }

    fn finished(&self) -> bool {
        if !self.jobs.is_empty() || self.connections.iter().any(Connection::waiting) {
            return false;
        }
        match self.container {
            Some(_) => self.processes.is_empty(),
            None => self.dismissed || self.connections.is_empty(),
        }
    }

    fn interests(&self, tokens: &mut Vec<Token>, polls: &mut Vec<libc::pollfd>) {
        tokens.clear();
        polls.clear();
        let mut add = |token, fd: BorrowedFd<'_>, events| {
            tokens.push(token);
            polls.push(libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 });
        };
        add(Token::Children, self.children.as_fd(), IN);
        if self.connections.len() < CONNECTIONS_MAX && self.deaf_until.is_none() {
            add(Token::Listener, self.listener.as_fd(), IN);
        }
        for (number, connection) in self.connections.iter().enumerate() {
            let out = if connection.waiting() { OUT } else { 0 };
            add(Token::Connection(number), connection.socket(), IN | out);
        }
        if let Some(fd) = self.oom.fd() {
            add(Token::Oom, fd, IN);
        }
        for (number, process) in self.processes.iter().enumerate() {
            let streams = &process.streams;
            for (source, fd) in streams.readable() {
                add(Token::Output(number, source), fd, IN);
            }
            if let Some(fd) = streams.input_waiting() {
                add(Token::Input(number), fd, OUT);
            }
            for (place, reader) in streams.readers.iter().enumerate() {
                let listens = reader.listening && streams.input_has_room();
                let events = if listens { IN } else { 0 } | if reader.blocked() { OUT } else { 0 };
                add(Token::Reader(number, place), reader.socket(), events);
            }
        }
    }

    /// Milliseconds until the next deadline; -1: none.
    fn wait(&self) -> i32 {
        if self.log.as_ref().is_some_and(Log::waiting) {
            return 0;
        }
        let jobs = self.jobs.iter().map(|job| job.deadline);
        let processes = self.processes.iter().filter_map(Process::deadline);
        let others = self.oom.deadline().into_iter().chain(self.quiet_at).chain(self.deaf_until);
        let Some(next) = jobs.chain(processes).chain(others).min() else { return -1 };
        let left = next.saturating_duration_since(Instant::now());
        // Rounded up, so that the deadline has passed when poll returns.
        i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX)
    }

    fn handle(&mut self, token: Token, events: i16) {
        match token {
            Token::Children => self.children.take(),
            Token::Listener => self.accept(),
            Token::Connection(number) => {
                let Some(connection) = self.connections.get_mut(number) else { return };
                if events & OUT != 0 {
                    connection.flush();
                }
                if events & !OUT != 0 {
                    // Requests leave garbage behind.
                    self.quiet_at = self.quiet_at.or_else(|| Some(Instant::now() + QUIET));
                    let (key, frames) = (connection.key, connection.read());
                    frames.into_iter().for_each(|frame| self.request(key, frame));
                }
            }
            Token::Oom => {
                let kills = self.oom.told();
                self.tell_oom(kills);
            }
            Token::Output(number, source) => {
                let Some(process) = self.processes.get_mut(number) else { return };
                // Only the container's own output is logged.
                let log = if process.name == INIT { self.log.as_mut() } else { None };
                process.streams.pump(source, &mut self.buffer, log);
            }
            Token::Input(number) => {
                if let Some(process) = self.processes.get_mut(number) {
                    process.streams.input().flush();
                }
            }
            Token::Reader(number, place) => self.reader(number, place, events),
        }
    }

    fn reader(&mut self, number: usize, place: usize, events: i16) {
        let Some(process) = self.processes.get_mut(number) else { return };
        let Some(reader) = process.streams.readers.get_mut(place) else { return };
        if events & OUT != 0 {
            reader.flush();
        }
        if events & IN != 0 && reader.listening {
            process.streams.take_input(place, &mut self.buffer);
        } else if events & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0 {
            process.streams.lose(place);
        }
    }

    fn accept(&mut self) {
        let accepted = socket::accept(self.listener.as_fd(), Waiting::Nonblocking);
        let result = accepted.and_then(|socket| match socket {
            None => Ok(()),
            Some(socket) => {
                let peer = socket::peer(socket.as_fd())?;
                if peer.uid == nix::unistd::geteuid().as_raw() {
                    return self.connect(socket);
                }
                crate::warn(&format!("user {} is refused", peer.uid));
                Ok(())
            }
        });
        if let Err(error) = result {
            crate::warn(&error.to_string());
            self.deaf_until = Some(Instant::now() + QUIET);
        }
    }

    fn connect(&mut self, socket: OwnedFd) -> Result<()> {
        self.connections.push(Connection::new(self.next_key, socket)?);
        self.next_key += 1;
        Ok(())
    }

    /// What deadlines ask for.
    fn tick(&mut self) {
        let now = Instant::now();
        self.deaf_until = self.deaf_until.filter(|until| *until > now);
        for job in self.jobs.iter_mut().filter(|job| !job.late && job.deadline <= now) {
            job.late = true;
            // Asked for again only if it cannot be killed: then it is told of, not waited for often.
            job.deadline = now + Duration::from_secs(3600);
            let pid = nix::unistd::Pid::from_raw(job.pid);
            let _ended_already = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
        if self.oom.deadline().is_some_and(|at| at <= now) {
            let group = self.container.as_ref().and_then(|container| container.group.as_deref());
            let kills = group.and_then(|group| self.oom.look(group));
            self.tell_oom(kills);
        }
        if let Some(log) = self.log.as_mut().filter(|log| log.waiting()) {
            log.pour();
        }
        self.settle();
        if self.quiet_at.is_some_and(|at| at <= now) {
            self.quiet_at = None;
            self.buffer.trim();
            self.tell_losses();
            if let Some(log) = &mut self.log {
                log.trim();
            }
            crate::memory::give_back();
        } else if self.quiet_at.is_none() && (self.buffer.dirty() || self.lost() > self.lost_told) {
            self.quiet_at = Some(now + QUIET);
        }
    }

    fn sweep(&mut self) {
        self.connections.retain(|connection| !connection.closed);
        self.processes.iter_mut().for_each(|process| process.streams.sweep());
        self.processes.retain(|process| !process.forgotten());
        if self.jobs.is_empty() {
            self.strays.clear();
        }
    }

    /// Lines of the log that were lost so far.
    pub fn lost(&self) -> u64 {
        self.log.as_ref().map_or(0, Log::lost)
    }

    /// Tells of lines that were lost since it was last told.
    pub fn tell_losses(&mut self) {
        let lines = self.lost();
        if lines > self.lost_told {
            self.lost_told = lines;
            self.notice(&LogLost { lines });
        }
    }

    fn tell_oom(&mut self, kills: Option<u64>) {
        if let Some(kills) = kills {
            self.notice(&shim::Oom { kills, at_nanos: crate::now_nanos() });
        }
    }

    /// Tells every daemon.
    pub fn notice<M: Message>(&mut self, message: &M) {
        match shim::encode(M::KIND, 0, message) {
            Ok(frame) => {
                let greeted = self.connections.iter_mut().filter(|connection| connection.greeted);
                greeted.for_each(|connection| connection.send(frame.clone(), Vec::new()));
            }
            Err(error) => crate::warn(&error.to_string()),
        }
    }

    /// Goes on with `then` when the step is done.
    pub fn after<T: 'static>(
        &mut self,
        step: Result<Step<T>>,
        limit: Duration,
        then: impl FnOnce(&mut Shim, Result<T>) + 'static,
    ) {
        match step {
            Err(error) => then(self, Err(error)),
            Ok(Step::Done(value)) => then(self, Ok(value)),
            Ok(Step::Later(Later { pid, finish })) => {
                let done = move |shim: &mut Shim, ending| then(shim, finish(ending));
                let deadline = Instant::now() + limit;
                self.jobs.push(Job { pid, deadline, late: false, done: Box::new(done) });
            }
        }
    }

    /// What the parts that end processes need beside the process itself.
    pub fn io_parts(&mut self) -> (&mut Vec<Process>, &mut Buffer, &mut Option<Log>) {
        (&mut self.processes, &mut self.buffer, &mut self.log)
    }
}
