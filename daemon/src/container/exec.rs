//! The table of execs: further processes in running containers. Kept in memory; an ended one can be
//! inspected for five to ten minutes more.

use super::request::{ExecView, Finished};
use crate::task::channel::{Receiver, Sender, bounded};
use shared::docker::ExecConfig;
use shared::error::{Error, Kind, Result};
use shared::id::{ContainerId, ExecId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// The exit code that Docker shows when a program cannot be started: not found, not executable, else.
pub(super) fn failure_code(error: &Error) -> i32 {
    let text = error.to_string();
    if text.contains("executable file not found") || text.contains("no such file or directory") {
        127
    } else if text.contains("permission denied") {
        126
    } else {
        128
    }
}

/// One exec.
#[derive(Debug)]
pub(super) struct Exec {
    pub(super) id: ExecId,
    pub(super) container: ContainerId,
    pub(super) config: ExecConfig,
    pub(super) shown: Shown,
    progress: Mutex<Progress>,
    ended: Receiver<()>,
}

/// Whether an exec is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// A user's.
    Yes,
    /// A health check's: no events, not in inspect.
    No,
}

#[derive(Debug)]
struct Progress {
    begun: bool,
    pid: i32,
    exit_code: Option<i32>,
    /// Seen ended by one pass of the collector; the next one removes it.
    marked: bool,
    /// Dropped when the end is known.
    ending: Option<Sender<()>>,
}

impl Exec {
    fn new(container: ContainerId, config: ExecConfig, shown: Shown) -> Self {
        let (ending, ended) = bounded(1);
        let ending = Some(ending);
        let progress = Progress { begun: false, pid: 0, exit_code: None, marked: false, ending };
        let id = ExecId::generate();
        Self { id, container, config, shown, progress: Mutex::new(progress), ended }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// It is started, which can happen once.
    pub(super) fn begin(&self) -> Result<()> {
        let mut progress = self.progress();
        let id = &self.id;
        if progress.exit_code.is_some() {
            return Err(Error::new(
                Kind::Conflict,
                format!("Error: Exec command {id} has already run"),
            ));
        }
        if std::mem::replace(&mut progress.begun, true) {
            let text = format!("Error: Exec command {id} is already running");
            return Err(Error::new(Kind::Conflict, text));
        }
        Ok(())
    }

    /// Its process exists.
    pub(super) fn runs(&self, pid: i32) {
        self.progress().pid = pid;
    }

    /// Its end is known.
    pub(super) fn end(&self, code: i32) {
        let mut progress = self.progress();
        progress.exit_code.get_or_insert(code);
        progress.ending = None;
    }

    /// Program and arguments as one line.
    pub(super) fn command(&self) -> String {
        self.config.cmd.as_deref().unwrap_or_default().join(" ")
    }

    /// It has a terminal.
    pub(super) fn has_terminal(&self) -> bool {
        self.config.tty.unwrap_or(false)
    }

    /// The exit code, once there is one.
    pub(super) fn exit_code(&self) -> Option<i32> {
        self.progress().exit_code
    }

    /// Its id.
    pub(super) fn id(&self) -> &ExecId {
        &self.id
    }

    /// Resolves when its end is known.
    pub(super) fn finished(&self) -> Finished {
        Finished(self.ended.clone())
    }

    /// As inspect shows it.
    pub(super) fn view(&self) -> ExecView {
        let progress = self.progress();
        ExecView {
            id: self.id.clone(),
            container: self.container.clone(),
            config: self.config.clone(),
            running: progress.begun && progress.exit_code.is_none() && progress.pid != 0,
            exit_code: progress.exit_code,
            pid: progress.pid,
        }
    }
}

/// All execs of all containers.
#[derive(Debug, Default)]
pub(super) struct Execs(Mutex<HashMap<String, Arc<Exec>>>);

impl Execs {
    fn table(&self) -> MutexGuard<'_, HashMap<String, Arc<Exec>>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Adds one; health checks are not shown.
    pub(super) fn add(
        &self,
        container: &ContainerId,
        config: ExecConfig,
        shown: Shown,
    ) -> Arc<Exec> {
        let exec = Arc::new(Exec::new(container.clone(), config, shown));
        self.table().insert(exec.id.to_string(), exec.clone());
        exec
    }

    /// Takes in one that a former daemon started; what it was asked is not known any more.
    pub(super) fn adopt(&self, container: &ContainerId, id: ExecId, pid: i32) {
        let mut exec = Exec::new(container.clone(), ExecConfig::default(), Shown::Yes);
        exec.id = id;
        exec.progress().begun = true;
        exec.progress().pid = pid;
        self.table().insert(exec.id.to_string(), Arc::new(exec));
    }

    /// One by its id.
    pub(super) fn find(&self, id: &str) -> Result<Arc<Exec>> {
        let none = || Error::not_found(format!("No such exec instance: {id}"));
        self.table().get(id).cloned().ok_or_else(none)
    }

    /// Forgets one.
    pub(super) fn drop_one(&self, exec: &Exec) {
        self.table().remove(exec.id.as_str());
    }

    /// Ids of a container's execs that have not ended.
    pub(super) fn of(&self, container: &ContainerId) -> Vec<String> {
        let table = self.table();
        let alive = table.values().filter(|exec| {
            exec.shown == Shown::Yes && exec.container == *container && exec.exit_code().is_none()
        });
        let mut ids: Vec<String> = alive.map(|exec| exec.id.to_string()).collect();
        ids.sort_unstable();
        ids
    }

    /// Forgets a container's execs.
    pub(super) fn forget(&self, container: &ContainerId) {
        self.table().retain(|_, exec| exec.container != *container);
    }

    /// A container has ended: so have its execs, whatever was told of them.
    pub(super) fn end_all(&self, container: &ContainerId, code: i32) {
        let table = self.table();
        for exec in table.values().filter(|exec| exec.container == *container) {
            if exec.progress().begun {
                exec.end(code);
            }
        }
    }

    /// One pass: forgets what the pass before has marked, marks what has ended since.
    pub(super) fn collect(&self) {
        self.table().retain(|_, exec| {
            let mut progress = exec.progress();
            if progress.exit_code.is_none() {
                return true;
            }
            !std::mem::replace(&mut progress.marked, true)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_exec_survives_one_pass() {
        let (execs, container) = (Execs::default(), ContainerId::generate());
        let exec = execs.add(&container, ExecConfig::default(), Shown::Yes);
        let id = exec.id().to_string();
        assert_eq!(execs.of(&container), std::slice::from_ref(&id));
        exec.begin().unwrap();
        assert!(exec.begin().is_err());
        execs.collect();
        execs.collect();
        exec.end(3);
        assert!(execs.of(&container).is_empty());
        execs.collect();
        assert_eq!(execs.find(&id).unwrap().view().exit_code, Some(3));
        execs.collect();
        let error = execs.find(&id).unwrap_err().to_string();
        assert_eq!(error, format!("No such exec instance: {id}"));
    }

    #[test]
    fn the_end_of_the_container_ends_what_was_begun() {
        let (execs, container) = (Execs::default(), ContainerId::generate());
        let (begun, waiting) = (
            execs.add(&container, ExecConfig::default(), Shown::Yes),
            execs.add(&container, ExecConfig::default(), Shown::No),
        );
        begun.begin().unwrap();
        execs.end_all(&container, 137);
        assert_eq!((begun.exit_code(), waiting.exit_code()), (Some(137), None));
        execs.forget(&container);
        assert!(execs.find(begun.id().as_str()).is_err());
    }
}
