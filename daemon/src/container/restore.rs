//! At boot: an owner per record, living shims found again, what ended meanwhile told, what was begun
//! finished, what is left over removed. A record that cannot be read is reported and skipped.

use super::handle::{Handle, Message};
use super::owner::Owner;
use super::record::Record;
use super::request::{Remove, Stop};
use super::row::{RecordRow, StateRow};
use super::state::{Intent, Outcome, State, Status};
use super::verb::exit::Bundle;
use super::watch::restart;
use super::{Containers, files, process, watch};
use crate::shim::{Launch, Shim};
use crate::task::{self, channel};
use crate::volume::Filter;
use shared::error::{Context, Result};
use shared::id::{ContainerId, ExecId};
use shared::paths::INIT;
use shared::shim::{Exited, Process};
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What a boot found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Containers that are there again.
    pub containers: usize,
    /// Of these, those that ran on without us.
    pub running: usize,
    /// Records that could not be read: id and reason.
    pub broken: Vec<(String, String)>,
    /// Left-over bundles and folders that were removed.
    pub removed: usize,
}

impl Containers {
    /// Brings all stored containers back. Answers when every one has found its place; restarts by
    /// policy go on in the background.
    pub async fn restore(&self) -> Result<Restored> {
        let store = self.0.parts.journal.store();
        let mut states: BTreeMap<String, Result<StateRow>> =
            store.all::<StateRow>().await?.into_iter().collect();
        let mut restored = Restored::default();
        let mut waiting = Vec::new();
        let mut known = HashSet::new();
        for (id, row) in store.all::<RecordRow>().await? {
            known.insert(id.clone());
            match read(&id, row) {
                Ok(record) => waiting.push(self.revive(record, states.remove(&id))),
                Err(error) => {
                    tracing::error!(container = id, %error, "a record cannot be read: skipped");
                    restored.broken.push((id, error.to_string()));
                }
            }
        }
        for (handle, recovered) in waiting {
            // An owner that removed its container is gone.
            let _ = recovered.recv().await;
            restored.containers += 1;
            let view = handle.view();
            restored.running += usize::from(view.status().is_alive());
            self.0.shown(&view);
        }
        let adopted = u32::try_from(restored.running).unwrap_or(u32::MAX);
        self.0.adopted.store(adopted, Ordering::Relaxed);
        restored.removed = self.sweep(&known).await?;
        let ids = known.iter().filter_map(|id| ContainerId::parse(id).ok()).collect();
        self.0.parts.images.retain(&ids).await?;
        self.drop_stale_volumes(&known).await?;
        self.start_by_policy().await;
        Ok(restored)
    }

    fn revive(
        &self,
        mut record: Record,
        state: Option<Result<StateRow>>,
    ) -> (Handle, channel::Receiver<()>) {
        let state = match state {
            Some(Ok(StateRow(state))) => state,
            Some(Err(error)) => {
                tracing::error!(container = %record.id, %error, "its state cannot be read");
                // Whatever it is: a living shim will tell.
                State { status: Status::Running, ..State::default() }
            }
            None => State::default(),
        };
        if self.0.index().reserve(&record.decided.name, &record.id).is_err() {
            tracing::error!(container = %record.id, name = record.decided.name, "its name is taken");
            record.decided.name = record.id.short().to_owned();
        }
        let (sender, recovered) = channel::bounded::<()>(1);
        let mut owner = Owner::new(self.0.clone(), record, state);
        let handle = owner.handle.clone();
        self.0.index().insert(handle.clone());
        task::spawn("container owner", async move {
            owner.recover().await;
            drop(sender);
            owner.run().await;
        })
        .detach();
        (handle, recovered)
    }

    /// Starts what its policy wants to run after a boot.
    async fn start_by_policy(&self) {
        let handles: Vec<Handle> = self.0.index().handles().cloned().collect();
        for handle in handles {
            let view = handle.view();
            let idle = matches!(view.status(), Status::Exited | Status::Created);
            if idle && restart::at_boot(view.record.restart_policy(), &view.state) {
                let (reply, _) = channel::bounded(1);
                handle.tell(Message::Start(reply)).await;
            }
        }
    }

    /// Removes bundles and folders that belong to no record.
    async fn sweep(&self, known: &HashSet<String>) -> Result<usize> {
        let paths = self.0.parts.paths.clone();
        let (exec, data) = (paths.exec.clone(), paths.containers());
        let folders = task::blocking("look for left-overs", move || {
            Ok::<_, shared::error::Error>((ids_in(&exec)?, ids_in(&data)?))
        })
        .await?;
        let stale = |ids: Vec<ContainerId>| {
            ids.into_iter().filter(|id| !known.contains(id.as_str())).collect::<Vec<_>>()
        };
        let (bundles, homes) = (stale(folders.0), stale(folders.1));
        for id in &bundles {
            tracing::warn!(container = %id, "removing the bundle of an unknown container");
            self.end_stranger(id).await;
            files::remove_bundle(&paths, id).await?;
        }
        for id in &homes {
            tracing::warn!(container = %id, "removing the folder of an unknown container");
            files::remove_home(&paths, id).await?;
        }
        Ok(bundles.len() + homes.len())
    }

    /// Drops uses by containers that do not exist. An anonymous volume of which only such uses were
    /// known was made by a create that was not finished.
    async fn drop_stale_volumes(&self, known: &HashSet<String>) -> Result<()> {
        let volumes = &self.0.parts.volumes;
        let all = volumes.list(&Filter::default());
        let stale = all.iter().filter(|view| {
            let nobody = view.users.iter().all(|user| !known.contains(user));
            view.volume.is_anonymous() && !view.users.is_empty() && nobody
        });
        volumes.retain_users(|id| known.contains(id)).await?;
        for view in stale {
            tracing::info!(volume = %view.volume.name, "removing the volume of an unfinished create");
            volumes.remove(&view.volume.name).await?;
        }
        Ok(())
    }

    /// Ends a shim that nobody knows, with its container.
    async fn end_stranger(&self, id: &ContainerId) {
        let launch = Launch { id: id.clone(), incarnation: 0, boot_id: self.0.boot_id.clone() };
        let (notices, _) = channel::bounded(crate::limits::NOTICES);
        match self.0.parts.launcher.find(&launch, notices).await {
            Ok(Some(shim)) => {
                if let Err(error) = shim.end().await {
                    tracing::warn!(container = %id, %error, "cannot end an unknown shim");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(container = %id, %error, "cannot reach an unknown shim"),
        }
        let path = format!("{}/{id}", self.0.settings.cgroup_parent);
        process::clear_cgroup(id, path).await;
    }
}

fn read(id: &str, row: Result<RecordRow>) -> Result<Record> {
    row?.open(ContainerId::parse(id)?)
}

fn ids_in(folder: &std::path::Path) -> Result<Vec<ContainerId>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("list {}", folder.display())),
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter_map(|name| ContainerId::parse(&name).ok()).collect())
}

impl Owner {
    /// Finds out what became of the container while there was no daemon, and finishes what was begun.
    pub(super) async fn recover(&mut self) {
        let alive = self.state.status.is_alive() || self.state.intent == Some(Intent::Start);
        let shim = self.find_shim().await;
        match (shim, alive) {
            (Some(shim), _) => self.readopt(shim).await,
            (None, true) => self.ended_meanwhile().await,
            (None, false) => self.clear_rest().await,
        }
        if !self.gone {
            self.finish_intent().await;
        }
    }

    /// The end was recorded; a bundle that is still there was not cleared to the end.
    async fn clear_rest(&mut self) {
        self.begin_packing().await;
        if self.inner.parts.paths.bundle(&self.id).exists() {
            let group = self.record.decided.cgroup.clone();
            process::clear_cgroup(&self.id, group).await;
            self.release(Bundle::Removed).await;
        }
    }

    async fn find_shim(&self) -> Option<Shim> {
        if self.state.boot_id != self.inner.boot_id && !self.state.boot_id.is_empty() {
            return None;
        }
        let launch = Launch {
            id: self.id.clone(),
            incarnation: self.state.incarnation,
            boot_id: self.inner.boot_id.clone(),
        };
        match self.inner.parts.launcher.find(&launch, self.notices.0.clone()).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(container = %self.id, %error, "cannot reach its shim");
                None
            }
        }
    }

    async fn readopt(&mut self, shim: Shim) {
        let shim = std::sync::Arc::new(shim);
        self.shim = Some(shim.clone());
        let status = match shim.query().await {
            Ok(status) => status,
            Err(error) => {
                tracing::error!(container = %self.id, %error, "its shim does not answer");
                return self.ended_meanwhile().await;
            }
        };
        self.oom_seen = status.oom_kills;
        self.log_lost.told(status.log_lines_lost);
        let (init, execs): (Vec<Process>, Vec<Process>) =
            status.processes.into_iter().partition(|process| process.process == INIT);
        for exec in execs {
            self.readopt_exec(exec).await;
        }
        match init.into_iter().next() {
            Some(Process { exit: Some(exit), .. }) if self.state.status.is_alive() => {
                self.exited(exit).await;
            }
            // It ran and ended before its start was recorded.
            Some(Process { exit: Some(exit), started_at_nanos: Some(at_nanos), pid, .. })
                if self.state.intent == Some(Intent::Start) =>
            {
                self.runs_on(pid, at_nanos, false, &shim).await;
                self.exited(exit).await;
            }
            Some(Process { exit: None, started_at_nanos: Some(at_nanos), pid, .. }) => {
                self.runs_on(pid, at_nanos, status.paused, &shim).await;
            }
            // Created but never started, or its end is recorded already.
            _ => self.undo_start().await,
        }
    }

    async fn readopt_exec(&mut self, process: Process) {
        if let Ok(id) = ExecId::parse(&process.process) {
            self.inner.execs.adopt(&self.id, id, process.pid);
        }
        if let Some(exit) = process.exit {
            self.exec_exited(exit).await;
        }
    }

    async fn runs_on(&mut self, pid: i32, at_nanos: i64, paused: bool, shim: &Shim) {
        let missed = !self.state.status.is_alive();
        let state = &mut self.state;
        state.pid = pid;
        state.shim_pid = shim.pid();
        state.started_at_nanos = at_nanos;
        state.status = if paused { Status::Paused } else { Status::Running };
        if state.intent == Some(Intent::Start) {
            state.intent = None;
        }
        self.begin_health();
        let facts = if missed { vec![self.fact("start", &[])] } else { Vec::new() };
        if let Err(error) = self.commit(facts).await {
            tracing::error!(container = %self.id, %error, "cannot record that it runs");
            self.publish();
        }
        self.checks = watch::health::begin(self);
        self.begin_forwarding();
        self.begin_packing().await;
        tracing::info!(container = %self.id, pid, "it runs on");
    }

    /// There is no shim: its exit record says how it ended, or nobody knows.
    async fn ended_meanwhile(&mut self) {
        self.shim = None;
        if !self.state.status.is_alive() {
            return self.undo_start().await;
        }
        let paths = &self.inner.parts.paths;
        let record = files::exit_record(paths, &self.id, INIT).await.unwrap_or_else(|error| {
            tracing::warn!(container = %self.id, %error, "its exit record cannot be read");
            None
        });
        let ours = |exit: &Exited| {
            exit.incarnation == self.state.incarnation && exit.boot_id == self.state.boot_id
        };
        let exit = match record.filter(ours) {
            Some(exit) => exit,
            None => {
                tracing::warn!(container = %self.id, "nobody saw how it ended");
                process::clear_cgroup(&self.id, self.record.decided.cgroup.clone()).await;
                self.unknown_exit()
            }
        };
        self.exited(exit).await;
    }

    /// A start was begun and nothing runs: as if it had never been.
    async fn undo_start(&mut self) {
        if let Some(shim) = self.shim.take()
            && let Err(error) = shim.end().await
        {
            tracing::warn!(container = %self.id, %error, "cannot end its shim");
        }
        process::clear_cgroup(&self.id, self.record.decided.cgroup.clone()).await;
        self.release(Bundle::Removed).await;
        if self.state.intent == Some(Intent::Start) {
            self.state.intent = None;
            self.state.pid = 0;
            tracing::info!(container = %self.id, "took back a start that was not finished");
            if let Err(error) = self.commit(Vec::new()).await {
                tracing::error!(container = %self.id, %error, "cannot record that");
            }
        }
    }

    async fn finish_intent(&mut self) {
        let alive = self.state.status.is_alive();
        let (reply, _) = channel::bounded::<Result<Outcome>>(1);
        let remove = Remove { volumes: self.state.removes_volumes, ..Remove::default() };
        match self.state.intent {
            Some(Intent::Remove) if alive => {
                self.end_by(Intent::Remove, Stop::default(), remove, reply).await;
            }
            Some(Intent::Remove) => self.finish_removal(remove, Vec::new()).await,
            Some(intent @ (Intent::Stop | Intent::Restart)) if alive => {
                self.end_by(intent, Stop::default(), Remove::default(), reply).await;
            }
            Some(Intent::Restart) => self.start_again(Vec::new()).await,
            Some(Intent::Stop | Intent::Start) | None => self.state.intent = None,
        }
        if self.state.status == Status::Restarting && self.restart_at.is_none() {
            self.restart_at = Some(Instant::now() + Duration::from_millis(self.state.backoff_ms));
        }
    }
}
