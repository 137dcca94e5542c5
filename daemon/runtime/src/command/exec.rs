//! `exec`: a further process in a container.

use super::arguments::Exec;
use super::attend::{Attendance, become_subreaper};
use super::container::{Record, Status, open, replace};
use super::global::Global;
use super::launcher::{Ends, streams};
use super::{lenient, log};
use crate::hook;
use crate::launch;
use crate::listener::Listener;
use crate::work::{Launch, Work};
use oci_spec::runtime::{Capabilities, Process};
use shared::error::{Context, Error, Kind, Result};
use shared::kernel::cgroup::Cgroup;
use shared::kernel::socket::memory_file;
use std::path::Path;
use std::time::{Duration, Instant};

/// The program must be executed within this time.
const READY: Duration = Duration::from_secs(60);

/// Executes; the exit status is the program's.
pub fn run(global: &Global, args: &Exec) -> Result<u8> {
    let (folder, record) = open(global, &args.id)?;
    let wrong = |text: &str| Err(Error::new(Kind::Conflict, text));
    match record.status(&folder)? {
        Status::Stopped => return wrong("cannot exec in a stopped container"),
        Status::Paused if !args.ignore_paused => {
            return wrong("cannot exec in a paused container (use --ignore-paused to override)");
        }
        _ => {}
    }
    let process = process(args, &record)?;
    crate::validate::process(&process)?;
    let ends = if args.detach { Ends::Detached } else { Ends::Attended };
    let (io, console) = streams(&process, ends, args.console_socket.as_deref())?;
    let attendance = match ends {
        Ends::Detached => None,
        Ends::Attended => {
            if !args.no_subreaper {
                become_subreaper()?;
            }
            Some(Attendance::prepare()?)
        }
    };
    let failed = "exec failed: unable to start container process";
    let group = groups(args, &record).context(failed)?;
    let filter = record.spec.linux().as_ref().and_then(|l| l.seccomp().as_ref());
    let state = hook::State::new(&record.spec, &record.id, &record.bundle, record.pid, "running");
    let listener = Listener::of(filter, state)?;
    let filter = filter.map(crate::seccomp::compile).transpose()?;
    log::debug("nsexec container setup: the outer half is forked");
    let launched = launch::run(Launch {
        spec: memory_file("process", &serde_json::to_vec(&process).context("encode the process")?)?,
        seccomp: filter.map(|bytes| memory_file("seccomp", &bytes)).transpose()?,
        cgroup: Some(group.as_ref()),
        io,
        preserved: args.preserve_fds,
        end: Instant::now() + READY,
        work: Work::Exec { init: record.pid, console, listener },
    })
    .context(failed)?;
    log::debug("child process in init(): it is set up");
    log::debug("setns_init: about to exec");
    launched.warnings.iter().for_each(|warning| log::warn(warning));
    if let Some(path) = &args.pid_file
        && let Err(error) = replace(path, launched.pid.to_string().as_bytes())
    {
        let process = shared::kernel::process::Process::open(launched.pid)?;
        process.signal(libc::SIGKILL)?;
        process.wait()?;
        return Err(error);
    }
    match attendance {
        Some(attendance) => attendance.until_end(launched.pid, launched.terminal),
        None => Ok(0),
    }
}

/// The container's own process with what the flags change, or the one of a file.
fn process(args: &Exec, record: &Record) -> Result<Process> {
    if let Some(path) = &args.process {
        let text = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
        return lenient::process(&text)
            .map_err(|e| Error::invalid(format!("{} is not understood: {e}", path.display())));
    }
    if args.args.is_empty() {
        return Err(Error::invalid("process args cannot be empty"));
    }
    let mut process = record.spec.process().clone().unwrap_or_default();
    process.set_args(Some(args.args.clone()));
    process.set_terminal(Some(args.tty));
    if let Some(folder) = &args.cwd {
        process.set_cwd(folder.clone());
    }
    let mut environment = process.env().clone().unwrap_or_default();
    environment.extend(args.env.iter().cloned());
    process.set_env(Some(environment));
    if args.no_new_privs {
        process.set_no_new_privileges(Some(true));
    }
    if args.apparmor.is_some() {
        process.set_apparmor_profile(args.apparmor.clone());
    }
    if args.process_label.is_some() {
        process.set_selinux_label(args.process_label.clone());
    }
    user(args, &mut process)?;
    capabilities(args, &mut process)?;
    Ok(process)
}

fn user(args: &Exec, process: &mut Process) -> Result<()> {
    let number = |text: &str| {
        text.parse::<u32>()
            .map_err(|_| Error::invalid(format!("{text:?} is not a user or group number")))
    };
    if let Some(user) = &args.user {
        let (uid, gid) = user.split_once(':').unwrap_or((user, ""));
        process.user_mut().set_uid(number(uid)?);
        if !gid.is_empty() {
            process.user_mut().set_gid(number(gid)?);
        }
    }
    if !args.additional_gids.is_empty() {
        let mut groups = process.user().additional_gids().clone().unwrap_or_default();
        groups.extend(&args.additional_gids);
        process.user_mut().set_additional_gids(Some(groups));
    }
    Ok(())
}

fn capabilities(args: &Exec, process: &mut Process) -> Result<()> {
    if args.cap.is_empty() {
        return Ok(());
    }
    let more: Capabilities = serde_json::from_value(serde_json::json!(args.cap))
        .map_err(|e| Error::invalid(format!("capabilities {:?}: {e}", args.cap)))?;
    let join = |set: &Option<Capabilities>| {
        Some(set.iter().flatten().copied().chain(more.iter().copied()).collect::<Capabilities>())
    };
    let mut sets = process.capabilities().clone().unwrap_or_default();
    sets.set_bounding(join(sets.bounding()));
    sets.set_effective(join(sets.effective()));
    sets.set_permitted(join(sets.permitted()));
    sets.set_inheritable(join(sets.inheritable()));
    sets.set_ambient(join(sets.ambient()));
    process.set_capabilities(Some(sets));
    Ok(())
}

/// `--cgroup [<controllers>:]<path>`: groups below the container's own.
fn groups(args: &Exec, record: &Record) -> Result<Box<dyn Cgroup>> {
    let mut group = record.group()?;
    for wanted in &args.cgroup {
        let (controllers, path) = match wanted.split_once(':') {
            Some((controllers, path)) => (Some(controllers), path),
            None => (None, wanted.as_str()),
        };
        if Path::new(path).components().any(|part| part == std::path::Component::ParentDir) {
            return Err(Error::invalid(format!("bad sub cgroup: {path} is not a sub cgroup path")));
        }
        let names: Vec<&str> = controllers.map(|c| c.split(',').collect()).unwrap_or_default();
        group = group.below(&names, path)?;
    }
    let missing = group.folders().into_iter().find(|(_, folder)| !folder.exists());
    if let Some((_, folder)) = missing {
        return Err(Error::not_found(format!(
            "error adding pid {} to cgroups: open {}/cgroup.procs: no such file or directory",
            std::process::id(),
            folder.display()
        )));
    }
    Ok(group)
}
