//! The outer half: forked from the caller, in the host's namespaces. Parses the spec, makes the
//! control groups and enters them (so that the first process is born there), enters namespaces that
//! are to be joined, clones the inner half as a child of the caller, and ends; it stays longer only to
//! map ids or to run hooks of the runtime namespace.

mod clone;

use crate::child::{self, Inner};
use crate::launch::{Launch, Work, exit};
use crate::listener::{Agent, Listener};
use crate::setup::{self, limit, mount, namespace, user};
use crate::sync::{self, Packet};
use crate::{descriptor, hook, resource, seccomp, validate};
use clone::Cloned;
use nix::sched::CloneFlags;
use oci_spec::runtime::{Process, Spec};
use shared::error::{Error, Result};
use shared::kernel::cgroup::{Cgroup, Version};
use shared::kernel::namespace::Namespace;
use shared::kernel::process::Stat;
use std::os::fd::OwnedFd;

/// Never returns: ends the fork, or becomes the container.
pub fn run(launch: Launch<'_>, socket: OwnedFd) -> ! {
    let exec = matches!(launch.work, Work::Exec { .. });
    let result = if exec { enter(launch, &socket) } else { create(launch, &socket) };
    match result {
        Ok(()) => exit(0),
        Err(error) => {
            // The caller sees the end of the stream if even this fails.
            let told = sync::send(&socket, &Packet::Failed(error.into()), None);
            exit(if told.is_ok() { 1 } else { 2 })
        }
    }
}

fn warn(socket: &OwnedFd, warnings: impl IntoIterator<Item = String>) -> Result<()> {
    warnings.into_iter().try_for_each(|text| sync::send(socket, &Packet::Warning(text), None))
}

fn create(mut launch: Launch<'_>, socket: &OwnedFd) -> Result<()> {
    launch.close_inherited(socket)?;
    let bytes = descriptor::read_all(launch.spec, "the spec")?;
    let spec: Spec = serde_json::from_slice(&bytes)
        .map_err(|e| Error::invalid(format!("the OCI spec is not understood: {e}")))?;
    drop(bytes);
    validate::spec(&spec)?;
    let process =
        spec.process().as_ref().ok_or_else(|| Error::invalid("the spec has no process"))?;
    let linux = spec.linux().clone().unwrap_or_default();
    let filter = filter(launch.seccomp, linux.seccomp().as_ref())?;
    let Work::Create { id, bundle, netns, gate, pivot, keyring, rootfs, console } =
        &mut launch.work
    else {
        return Err(Error::internal("not a create"));
    };
    let namespaces = namespace::plan(&linux, netns.take())?;
    let hooks = hook::Runtime::of(&spec);
    let state = hook::State::new(&spec, id, bundle, 0, "creating");
    let agent =
        Listener::of(linux.seccomp().as_ref(), state)?.map(Listener::connect).transpose()?;
    let home = hooks.is_some().then(hook::Home::remember).transpose()?;
    let mut into = None;
    if let Some(group) = launch.cgroup {
        group.create()?;
        if let Some(resources) = linux.resources() {
            warn(socket, group.apply(&resource::limits(resources)?)?)?;
        }
        into = join(group)?;
    }
    warn(socket, limit::oom_score(process)?)?;
    limit::early(process)?;
    let mut flags = namespaces.fresh();
    let user_fresh = flags.contains(CloneFlags::CLONE_NEWUSER);
    let stays = user_fresh || hooks.is_some() || agent.is_some();
    let pair = if stays { Some(sync::pair()?) } else { None };
    let sources = match user_fresh || namespaces.joins(Namespace::User) {
        true => mount::Sources::copy(&spec, bundle)?,
        false => mount::Sources::default(),
    };
    namespaces.enter()?;
    if namespaces.joins(Namespace::User) {
        user::become_root()?;
    }
    flags |= CloneFlags::CLONE_PARENT;
    match clone::clone(flags, into.as_ref())? {
        Cloned::Inner => {
            let outer = pair.map(|(ours, theirs)| {
                drop(ours);
                theirs
            });
            let inner = Inner {
                process,
                filter: &filter,
                io: &launch.io,
                socket,
                console: console.as_ref(),
                preserved: launch.preserved,
                outer: outer.as_ref(),
                listened: agent.is_some(),
            };
            child::create(
                &inner,
                &child::Container {
                    id,
                    bundle,
                    spec: &spec,
                    linux: &linux,
                    rootfs,
                    gate,
                    pivot: *pivot,
                    keyring: *keyring,
                    sources: &sources,
                    user_fresh,
                    hooks: hooks.is_some(),
                },
            )
        }
        Cloned::Outer(pid) => {
            sync::send(socket, &Packet::Pid(pid), None)?;
            let Some((ours, theirs)) = pair else { return Ok(()) };
            drop(theirs);
            if user_fresh {
                wait(&ours)?;
                user::map(pid, &linux)?;
                sync::send(&ours, &Packet::Go, None)?;
            }
            if let (Some(hooks), Some(home)) = (&hooks, home) {
                if !wait(&ours)? {
                    return Ok(());
                }
                home.return_to()?;
                hooks.run(&hook::State::new(&spec, id, bundle, pid, "creating"))?;
                sync::send(&ours, &Packet::Go, None)?;
            }
            match agent {
                Some(agent) => hand_over(&ours, &agent, pid),
                None => Ok(()),
            }
        }
    }
}

/// The inner half's listener to the agent; nothing if the inner half has ended before.
fn hand_over(socket: &OwnedFd, agent: &Agent, pid: i32) -> Result<()> {
    match sync::receive(socket)? {
        Some((Packet::Go, Some(filter))) => agent.hand_over(&filter, pid),
        None => Ok(()),
        Some((other, _)) => Err(Error::internal(format!("unexpected packet {other:?}"))),
    }
}

/// Waits for the inner half; false if it has ended (and has told the caller why).
fn wait(socket: &OwnedFd) -> Result<bool> {
    match sync::receive(socket)? {
        Some((Packet::Go, _)) => Ok(true),
        None => Ok(false),
        Some((other, _)) => Err(Error::internal(format!("unexpected packet {other:?}"))),
    }
}

fn filter(
    given: Option<OwnedFd>,
    spec: Option<&oci_spec::runtime::LinuxSeccomp>,
) -> Result<setup::seccomp::Filter> {
    let flags = spec.map_or(Ok(0), seccomp::flags)?;
    let program = match (given, spec) {
        (Some(fd), _) => descriptor::read_all(fd, "the seccomp filter")?,
        (None, Some(spec)) => seccomp::compile(spec)?,
        (None, None) => Vec::new(),
    };
    Ok(setup::seccomp::Filter { program, flags })
}

/// Version 1: enters itself, so that the clone is born there. Version 2, or the version 2 part of a
/// hybrid machine: a descriptor for the clone, which costs much less than moving into it.
fn join(group: &dyn Cgroup) -> Result<Option<OwnedFd>> {
    if group.version() == Version::V1 {
        group.enter()?;
    }
    group.directory()
}

fn enter(mut launch: Launch<'_>, socket: &OwnedFd) -> Result<()> {
    launch.close_inherited(socket)?;
    let bytes = descriptor::read_all(launch.spec, "the process")?;
    let process: Process = serde_json::from_slice(&bytes)
        .map_err(|e| Error::invalid(format!("the OCI process is not understood: {e}")))?;
    drop(bytes);
    validate::process(&process)?;
    let filter = filter(launch.seccomp, None)?;
    let Work::Exec { init, console, listener } = &mut launch.work else {
        return Err(Error::internal("not an exec"));
    };
    let agent = listener.take().map(Listener::connect).transpose()?;
    let into = launch.cgroup.map(join).transpose()?.flatten();
    warn(socket, limit::oom_score(&process)?)?;
    limit::early(&process)?;
    if !Stat::read(*init).is_ok_and(|stat| stat.alive()) {
        return Err(Error::new(
            shared::error::Kind::Conflict,
            "cannot exec in a stopped container",
        ));
    }
    let user = namespace::enter_all(*init)?;
    if user {
        user::become_root()?;
    }
    let pair = if agent.is_some() { Some(sync::pair()?) } else { None };
    match clone::clone(CloneFlags::CLONE_PARENT, into.as_ref())? {
        Cloned::Inner => child::exec(&Inner {
            outer: pair.as_ref().map(|(_, theirs)| theirs),
            listened: agent.is_some(),
            process: &process,
            filter: &filter,
            io: &launch.io,
            socket,
            console: console.as_ref(),
            preserved: launch.preserved,
        }),
        Cloned::Outer(pid) => {
            sync::send(socket, &Packet::Pid(pid), None)?;
            match (pair, agent) {
                (Some((ours, theirs)), Some(agent)) => {
                    drop(theirs);
                    hand_over(&ours, &agent, pid)
                }
                _ => Ok(()),
            }
        }
    }
}
