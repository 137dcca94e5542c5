//! Exec: a further process in a running container, created first, then started, maybe with a stream.

use crate::container::account;
use crate::container::exec::{Exec, Shown, failure_code};
use crate::container::handle::Message;
use crate::container::io::root::Root;
use crate::container::owner::{Owner, fact};
use crate::container::policy::{Judgement, Verb, judge};
use crate::container::request::{Attachment, ExecStart, ExecView, Opened, Size, Source};
use crate::container::spec::process::{Program, process};
use crate::container::spec::security::Security;
use crate::container::state::View;
use crate::container::{Containers, Inner, prepare};
use crate::shim::Shim;
use crate::{limits, task};
use shared::docker::ExecConfig;
use shared::error::{Context, Error, Kind, Result};
use shared::frame::{self, Stream};
use shared::id::ExecId;
use shared::kernel::socket::{memory_file, pair};
use shared::shim::{Exec as ExecMessage, Exited, Started, Stdin, Stdio, Streams};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

impl Containers {
    /// Makes an exec that can be started.
    pub async fn exec_create(&self, reference: &str, config: ExecConfig) -> Result<ExecId> {
        let handle = self.find(reference)?;
        if config.cmd.as_ref().is_none_or(|words| words.is_empty()) {
            return Err(Error::invalid("No exec command specified"));
        }
        let view = handle.view();
        allowed(&view)?;
        let exec = self.0.execs.add(handle.id(), config, Shown::Yes);
        let action = format!("exec_create: {}", exec.command());
        let fact = fact(&view.record, action, &[("execID", exec.id.to_string())]);
        self.0.parts.journal.record(vec![fact]).await?;
        handle.tell(Message::Execs).await;
        Ok(exec.id.clone())
    }

    /// Starts an exec; the stream unless it is detached. A program that cannot be started is an error
    /// when detached; else the stream holds the reason and inspect the exit code, as with Docker.
    pub async fn exec_start(&self, id: &str, how: ExecStart) -> Result<Option<Attachment>> {
        let exec = self.0.execs.find(id)?;
        let handle = self.find(exec.container.as_str())?;
        let shim = handle.ask(|reply| Message::Shim(Verb::Exec, reply)).await?;
        exec.begin()?;
        let _work = tracing::info_span!(parent: None, "work", what = "exec");
        let view = handle.view();
        let action = format!("exec_start: {}", exec.command());
        let fact = fact(&view.record, action, &[("execID", exec.id.to_string())]);
        self.0.parts.journal.record(vec![fact]).await?;
        match self.0.run_exec(&exec, &view, &shim, how).await {
            Ok(stream) => Ok(stream.map(|stream| exec.attachment(stream))),
            Err(error) => {
                exec.end(failure_code(&error));
                handle.tell(Message::Execs).await;
                if how.detach {
                    return Err(error);
                }
                Ok(Some(exec.attachment(said(&exec, &error)?)))
            }
        }
    }

    /// What an exec is doing.
    pub fn exec_inspect(&self, id: &str) -> Result<ExecView> {
        Ok(self.0.execs.find(id)?.view())
    }

    /// Sets the size of an exec's terminal.
    pub async fn exec_resize(&self, id: &str, size: Size) -> Result<()> {
        let exec = self.0.execs.find(id)?;
        if !exec.view().running {
            return Err(Error::new(Kind::Conflict, format!("exec process is not running: {id}")));
        }
        let handle = self.find(exec.container.as_str())?;
        let shim = handle.ask(|reply| Message::Shim(Verb::Resize, reply)).await?;
        if !exec.has_terminal() {
            // As for the first process.
            return Ok(());
        }
        shim.resize(exec.id.as_str(), size.rows, size.columns).await
    }

    /// Forgets ended execs, in two passes, for ever. The caller spawns it.
    pub async fn collect_execs(self) {
        loop {
            task::sleep(limits::EXEC_KEPT).await;
            self.0.execs.collect();
        }
    }
}

impl Exec {
    fn attachment(&self, stream: OwnedFd) -> Attachment {
        let source = Source::Ready(Opened { stream, log_bytes: 0 });
        Attachment { terminal: self.has_terminal(), finished: self.finished(), source }
    }
}

impl Inner {
    /// Lets the shim start the process of an exec.
    pub(in crate::container) async fn run_exec(
        self: &Arc<Self>,
        exec: &Arc<Exec>,
        view: &Arc<View>,
        shim: &Shim,
        how: ExecStart,
    ) -> Result<Option<OwnedFd>> {
        let (inner, its, of) = (self.clone(), exec.clone(), view.clone());
        let make = move || process_file(&inner, &its, &of);
        let file = task::blocking("make an exec's process", make).await?;
        let message = exec_message(exec, how);
        let started = shim.exec(&message, &[file.as_fd()]).await;
        let (started, stream): (Started, Option<OwnedFd>) = started.map_err(explain)?;
        exec.runs(started.pid);
        Ok(stream)
    }
}

fn exec_message(exec: &Exec, how: ExecStart) -> ExecMessage {
    let config = &exec.config;
    let wanted = |field: Option<bool>| field.unwrap_or(false) && !how.detach;
    let asked = match config.console_size.as_deref() {
        Some([rows, columns]) => {
            Some(Size { rows: prepare::clamp(*rows), columns: prepare::clamp(*columns) })
        }
        _ => None,
    };
    let size = how.size.or(asked).unwrap_or(Size { rows: 0, columns: 0 });
    ExecMessage {
        operation: exec.id.to_string(),
        process: exec.id.to_string(),
        stdio: Stdio {
            terminal: exec.has_terminal(),
            stdin: if wanted(config.attach_stdin) { Stdin::Once } else { Stdin::Closed },
            rows: size.rows,
            columns: size.columns,
        },
        attach: (!how.detach).then(|| Streams {
            stdin: wanted(config.attach_stdin),
            stdout: wanted(config.attach_stdout),
            stderr: wanted(config.attach_stderr),
        }),
        // The shim has the container's filter, if there is one.
        seccomp: true,
    }
}

/// The OCI process object of an exec: the container's environment, folder and user unless it says
/// otherwise.
fn process_file(inner: &Inner, exec: &Exec, view: &View) -> Result<OwnedFd> {
    let (record, config) = (&view.record, &exec.config);
    let mut host = record.host();
    if config.privileged == Some(true) {
        host.privileged = Some(true);
    }
    let security = Security::decide(&host, &inner.settings.host, prepare::defaults(inner))?;
    let user = config.user.as_deref().filter(|user| !user.is_empty());
    let user = user.or(record.body.user.as_deref()).unwrap_or_default();
    let groups = host.group_add.as_deref().unwrap_or_default();
    let identity = account::of_root(&Root::of_process(view.state.pid)?, user, groups)?;
    let mut env = record.body.env.clone().unwrap_or_default();
    env.extend(config.env.iter().flatten().cloned());
    let cwd = config.working_dir.as_deref().filter(|folder| !folder.is_empty());
    let program = Program {
        args: config.cmd.clone().unwrap_or_default(),
        env: &env,
        hostname: &record.decided.hostname,
        cwd: cwd.or(record.body.working_dir.as_deref()).unwrap_or_default(),
        terminal: exec.has_terminal(),
        size: None,
    };
    let ulimits = host.ulimits.as_deref().unwrap_or_default();
    let adjustment = host.oom_score_adj.unwrap_or_default() as i32;
    let process = process(&program, &identity, &security, ulimits, adjustment)?;
    let text = serde_json::to_vec(&process).context("encode a process")?;
    memory_file("process", &text)
}

fn allowed(view: &View) -> Result<()> {
    match judge(view, Verb::Exec) {
        Judgement::Deny(error) => Err(error),
        Judgement::Allow | Judgement::Already => Ok(()),
    }
}

/// Docker's frame around what the runtime says.
fn explain(error: Error) -> Error {
    let kind = if failure_code(&error) == 128 { error.kind() } else { Kind::Invalid };
    Error::new(
        kind,
        format!(
            "OCI runtime exec failed: exec failed: unable to start container process: {error}: unknown"
        ),
    )
}

/// A stream that holds an error and ends.
fn said(exec: &Exec, error: &Error) -> Result<OwnedFd> {
    let text = format!("{error}\r\n");
    let (ours, theirs) = pair()?;
    let bytes = if exec.has_terminal() {
        text.into_bytes()
    } else {
        [&frame::header(Stream::Stdout, text.len()), text.as_bytes()].concat()
    };
    // The error is far smaller than a socket's buffer.
    std::io::Write::write_all(&mut std::fs::File::from(ours), &bytes).context("write an error")?;
    Ok(theirs)
}

impl Owner {
    /// A further process has ended.
    pub(in crate::container) async fn exec_exited(&mut self, exit: Exited) {
        if let Ok(exec) = self.inner.execs.find(&exit.process) {
            if exec.shown == Shown::Yes {
                let more = [("execID", exit.process.clone()), ("exitCode", exit.code.to_string())];
                let fact = self.fact("exec_die", &more);
                if let Err(error) = self.inner.parts.journal.record(vec![fact]).await {
                    tracing::error!(container = %self.id, %error, "cannot record an exec's exit");
                }
            }
            exec.end(exit.code);
            self.publish();
        }
        if let Some(shim) = &self.shim
            && let Err(error) = shim.acknowledge(&exit.process).await
        {
            tracing::warn!(container = %self.id, %error, "cannot acknowledge an exec's exit");
        }
    }
}
