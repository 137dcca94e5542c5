//! The end of processes: reaped, their output taken to its end, the exit record written, then told; an
//! exec before the container's first process, which comes last.

use crate::process::{CLIENT_LIMIT, Ended, GRACE, Process, STREAMS_LIMIT};
use crate::serve::Shim;
use crate::stdio::Rest;
use shared::error::{Context, Result};
use shared::kernel::command::reap_any;
use shared::kernel::process::Ending;
use shared::paths::INIT;
use shared::shim::Exited;
use std::path::Path;
use std::time::{Duration, Instant};

/// The first process waits so long for the exits of execs that the kernel is ending.
const EXECS_LIMIT: Duration = Duration::from_secs(5);
/// Exits kept for programs that have not told yet whose they are.
const STRAYS_MAX: usize = 256;

impl Process {
    /// When the loop has to look at it, if nothing happens before.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let since = self.ended?.since;
        let limits = [
            (GRACE, self.exit.is_none()),
            (EXECS_LIMIT, self.exit.is_none()),
            (STREAMS_LIMIT, self.streams.open()),
            (CLIENT_LIMIT, !self.streams.readers.is_empty()),
        ];
        let now = Instant::now();
        let later = limits.into_iter().filter(|(limit, wanted)| *wanted && since + *limit > now);
        later.map(|(limit, _)| since + limit).min()
    }
}

impl Shim {
    /// Takes every child that has ended.
    pub fn reap(&mut self) {
        loop {
            let (pid, ending) = match reap_any() {
                Ok(Some(child)) => child,
                Ok(None) => return,
                Err(error) => return crate::warn(&error.to_string()),
            };
            if let Some(place) = self.jobs.iter().position(|job| job.pid == pid) {
                let job = self.jobs.swap_remove(place);
                (job.done)(self, Some(ending).filter(|_| !job.late));
                continue;
            }
            let ended = Ended { ending, at_nanos: crate::now_nanos(), since: Instant::now() };
            let found = self.processes.iter_mut().find(|p| p.pid == pid && p.ended.is_none());
            match found {
                Some(process) => process.ended = Some(ended),
                None if self.jobs.is_empty() => {} // an orphan of the container
                None => {
                    self.strays.truncate(STRAYS_MAX - 1);
                    self.strays.push((pid, ended));
                }
            }
        }
    }

    /// Moves ended processes on.
    pub fn settle(&mut self) {
        if self.processes.iter().all(|process| process.ended.is_none()) {
            return;
        }
        self.kill_rest();
        let (processes, buffer, log) = self.io_parts();
        let mut ready = Vec::new();
        for (number, process) in processes.iter_mut().enumerate().rev() {
            let Some(ended) = process.ended.filter(|_| process.exit.is_none()) else { continue };
            let log = if process.name == INIT { log.as_mut() } else { None };
            let rest = process.streams.drain(buffer, log);
            if rest == Rest::End || ended.since.elapsed() >= GRACE {
                ready.push(number);
            }
        }
        for number in ready {
            if self.processes[number].name != INIT || self.execs_are_told() {
                self.announce(number);
            }
        }
        let (processes, _, log) = self.io_parts();
        for process in processes.iter_mut().filter(|process| process.exit.is_some()) {
            let Some(ended) = process.ended else { continue };
            let age = ended.since.elapsed();
            if !process.streams.open() || age >= STREAMS_LIMIT {
                process.streams.close(log.as_mut().filter(|_| process.name == INIT));
            }
            if age >= CLIENT_LIMIT {
                process.streams.readers.clear();
            }
        }
    }

    /// With the container's first process every other one ends, also where they share a pid namespace
    /// with the host and the kernel does not see to it.
    fn kill_rest(&mut self) {
        let ended = |p: &&Process| p.name == INIT && p.ended.is_some() && p.exit.is_none();
        if self.processes.iter().find(ended).is_none() {
            return;
        }
        let group = self.container.as_ref().and_then(|container| container.group.as_ref());
        let runs = |process: &Process| process.name != INIT && process.ended.is_none();
        let killed = match (group, self.engine.as_mut()) {
            // A group that is gone has no processes.
            (Some(group), _) if group.processes().is_ok_and(|rest| !rest.is_empty()) => {
                group.kill(nix::libc::SIGKILL)
            }
            (None, Some(engine)) if self.processes.iter().any(runs) => {
                engine.kill_all(nix::libc::SIGKILL).map(|_| ())
            }
            _ => Ok(()),
        };
        if let Err(error) = killed {
            crate::warn(&error.to_string());
        }
    }

    fn execs_are_told(&self) -> bool {
        let init = self.processes.iter().find(|process| process.name == INIT);
        let waited =
            init.and_then(|init| init.ended).is_some_and(|e| e.since.elapsed() >= EXECS_LIMIT);
        let told = |process: &Process| process.name == INIT || process.exit.is_some();
        waited || (self.processes.iter().all(told) && self.jobs.is_empty())
    }

    /// Writes the exit record, then tells.
    fn announce(&mut self, number: usize) {
        let process = &self.processes[number];
        let Some(ended) = process.ended else { return };
        let (init, group) =
            (process.name == INIT, self.container.as_ref().and_then(|c| c.group.as_ref()));
        if let Some(group) = group.filter(|_| init) {
            self.oom.look(group.as_ref());
        }
        if init {
            // Nobody asks a shim whose container has ended.
            self.tell_losses();
        }
        let process = &self.processes[number];
        let exited = Exited {
            process: process.name.clone(),
            code: ended.ending.code(),
            signal: match ended.ending {
                Ending::Signal(signal) => Some(signal),
                Ending::Code(_) => None,
            },
            oom_killed: init && self.oom.kills() > 0,
            at_nanos: ended.at_nanos,
            boot_id: self.boot_id.clone(),
            incarnation: self.options.incarnation,
        };
        let recorded = self.container.as_ref().map(|container| record(&container.exits, &exited));
        if let Some(Err(error)) = recorded {
            // Told anyway: better than an exit that nobody learns of.
            crate::warn(&error.to_string());
        }
        self.notice(&exited);
        self.processes[number].exit = Some(exited);
    }
}

/// Whole or not at all: a reader never sees half of it.
fn record(folder: &Path, exited: &Exited) -> Result<()> {
    let sentence = || format!("write the exit record of {}", exited.process);
    let bytes = serde_json::to_vec(exited).with_context(sentence)?;
    let temporary = folder.join(format!(".{}", exited.process));
    std::fs::write(&temporary, bytes).with_context(sentence)?;
    std::fs::rename(&temporary, folder.join(&exited.process)).with_context(sentence)
}
