//! Start: from a record to a running first process, each step with its undo.
//!
//! The shim is started while the specification is being made, since neither needs the other. Nothing
//! is mounted into the host's namespace.

use crate::container::exec::failure_code;
use crate::container::owner::Owner;
use crate::container::policy::Verb;
use crate::container::state::{Intent, Outcome, Status};
use crate::container::{files, prepare, process, watch};
use crate::event::Fact;
use crate::limits;
use crate::shim::{Launch, Shim};
use crate::task;
use crate::undo::Undo;
use shared::error::{Error, Kind, Result};
use shared::shim::{Create, Started};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

impl Owner {
    /// A start that a user asked for: the restart policy begins anew.
    pub(in crate::container) async fn start_by_hand(&mut self) -> Result<Outcome> {
        if self.judge(Verb::Start)? == Outcome::Already {
            return Ok(Outcome::Already);
        }
        self.restart_at = None;
        self.state.restarts = 0;
        self.state.backoff_ms = 0;
        self.state.stopped_by_hand = false;
        let first = self.state.started_at_nanos == 0;
        let started = self.start(Vec::new()).await;
        if started.is_err() && first && self.record.is_removed_at_exit() {
            self.remove_by_itself().await;
        }
        started.map(|()| Outcome::Done)
    }

    /// The recipe. On success the container runs, `start` and then `more` are published; on failure
    /// everything is as it was but for the reason in the state.
    pub(in crate::container) async fn start(&mut self, more: Vec<Fact>) -> Result<()> {
        self.wait_for_holders().await?;
        let _work = tracing::info_span!(parent: None, "work", what = "start");
        let inner = self.inner.clone();
        let _place = inner.starts.enter().await;
        let mut undo = Undo::new();
        match self.try_start(&mut undo).await {
            Ok((shim, started)) => {
                undo.disarm();
                self.started(shim, started, more).await
            }
            Err(error) => {
                undo.run().await;
                self.start_failed(error).await
            }
        }
    }

    async fn try_start(&mut self, undo: &mut Undo) -> Result<(Arc<Shim>, Started)> {
        self.forget_notices();
        self.packing.finish().await;
        self.oom_seen = 0;
        self.log_lost.begin();
        self.state.intent = Some(Intent::Start);
        self.state.incarnation += 1;
        self.state.boot_id.clone_from(&self.inner.boot_id);
        let (id, paths) = (self.id.clone(), self.inner.parts.paths.clone());
        files::make_bundle(&paths, &id)?;
        undo.push(
            "remove the bundle",
            move || async move { files::remove_bundle(&paths, &id).await },
        );
        let (id, group) = (self.id.clone(), self.record.decided.cgroup.clone());
        undo.push("clear the cgroup", move || async move {
            // Some runtimes leave theirs when they fail half-way.
            process::clear_cgroup(&id, group).await;
            Ok(())
        });
        let launch = Launch {
            id: self.id.clone(),
            incarnation: self.state.incarnation,
            boot_id: self.inner.boot_id.clone(),
        };
        let shim = self.inner.parts.launcher.launch(launch, self.notices.0.clone());
        let prepared = prepare::prepare(&self.inner, &self.record);
        // The shim does nothing before it is asked to, so that the intent may be on its way still.
        let (intent, shim, prepared) = futures_util::join!(self.commit(Vec::new()), shim, prepared);
        let shim = Arc::new(shim?);
        let ending = shim.clone();
        undo.push("end the shim", move || async move { ending.end().await });
        intent?;
        let prepared = prepared?;
        let create = self.create_message(&prepared)?;
        let fds = std::iter::once(&prepared.spec).chain(&prepared.filter);
        let fds: Vec<BorrowedFd<'_>> = fds.map(AsFd::as_fd).collect();
        let created = shim.create(&create, &fds).await?;
        tracing::debug!(container = %self.id, pid = created.pid, "created");
        self.attach_waiting(&shim).await;
        let started = shim.start(format!("start-{}", self.state.incarnation)).await?;
        Ok((shim, started))
    }

    fn create_message(&self, prepared: &prepare::Prepared) -> Result<Create> {
        let paths = &self.inner.parts.paths;
        let bundle = paths.bundle(&self.id);
        let settings = &self.inner.settings;
        Ok(Create {
            operation: format!("create-{}", self.state.incarnation),
            runtime_root: bundle.join("runtime"),
            exits: paths.exits(&self.id),
            bundle,
            rootfs: prepared.rootfs.clone(),
            runtime: settings.runtime(&self.record.decided.runtime)?,
            stdio: prepare::stdio(&self.record),
            log: prepared.log.clone(),
            cgroup: self.record.decided.cgroup.clone(),
            seccomp: prepared.filter.is_some(),
            netns: false,
            timeout_ms: u64::try_from(settings.start_timeout.as_millis()).unwrap_or(u64::MAX),
        })
    }

    async fn started(&mut self, shim: Arc<Shim>, started: Started, more: Vec<Fact>) -> Result<()> {
        let state = &mut self.state;
        state.intent = None;
        state.status = Status::Running;
        state.pid = started.pid;
        state.shim_pid = shim.pid();
        state.started_at_nanos = started.at_nanos;
        state.oom_killed = false;
        state.error.clear();
        self.shim = Some(shim);
        self.begin_health();
        let mut facts = self.volume_facts("mount");
        facts.extend(self.network_fact("connect"));
        facts.push(self.fact("start", &[]));
        facts.extend(more);
        if let Err(error) = self.commit(facts).await {
            // It runs, and the shim knows it: the next start of the daemon finds it again.
            tracing::error!(container = %self.id, %error, "cannot record a start");
            self.publish();
        }
        self.checks = watch::health::begin(self);
        self.begin_forwarding();
        self.begin_packing().await;
        Ok(())
    }

    async fn start_failed(&mut self, error: Error) -> Result<()> {
        let error = explain(error);
        let state = &mut self.state;
        self.attaching.clear();
        state.intent = None;
        state.pid = 0;
        state.shim_pid = 0;
        state.exit_code = failure_code(&error);
        state.error = error.to_string();
        if state.status == Status::Restarting {
            state.status = Status::Exited;
        }
        if let Err(second) = self.commit(Vec::new()).await {
            tracing::error!(container = %self.id, error = %second, "cannot record a failed start");
            self.publish();
        }
        self.begin_packing().await;
        Err(error)
    }

    /// Files of the container are being read: a start waits for that.
    async fn wait_for_holders(&mut self) -> Result<()> {
        for held in std::mem::take(&mut self.held) {
            // Nothing is ever sent: it fails when the holder is dropped.
            let freed = async {
                let _ = held.recv().await;
            };
            task::timeout(limits::HOLD, "readers of the container's files", freed).await?;
        }
        Ok(())
    }
}

/// Docker's frame around what the runtime says; clients look for the words inside.
fn explain(error: Error) -> Error {
    let text = error.to_string();
    let ours = ["executable file not found", "permission denied", "no such file or directory"];
    let of_program = text.starts_with("exec: ");
    if of_program && ours.iter().any(|words| text.contains(words)) {
        return Error::new(
            Kind::Invalid,
            format!(
                "failed to create shim task: OCI runtime create failed: runc create failed: unable to \
                 start container process: {text}: unknown"
            ),
        );
    }
    error
}
