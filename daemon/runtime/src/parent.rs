//! The outer half: forked from the caller, in the host's namespaces. Parses the spec, makes the
//! control groups and enters them (so that the first process is born there), enters namespaces that
//! are to be joined, clones the inner half as a child of the caller, and ends; it stays longer only to
//! map ids or to run hooks of the runtime namespace.

mod company;

use crate::child::{self, Inner};
use crate::fork::exit;
use crate::listener::Listener;
use crate::setup::{self, identity, limit, mount, namespace, user};
use crate::sync::{self, Packet};
use crate::work::{Launch, Work};
use crate::{descriptor, resource, seccomp, validate};
use company::Company;
use nix::sched::CloneFlags;
use oci_spec::runtime::{LinuxResources, Process, Spec};
use shared::error::{Error, Result};
use shared::kernel::cgroup::{Cgroup, Version};
use shared::kernel::clone::{self, Cloned};
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
    let spec = read(launch.spec)?;
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
    let user_fresh = namespaces.fresh().contains(CloneFlags::CLONE_NEWUSER);
    let company = Company::of(&spec, &linux, id, bundle, user_fresh)?;
    let joined = namespaces.joins(Namespace::User);
    let who = if joined { Cloner::Mapped } else { Cloner::Host };
    let into = groups(launch.cgroup, linux.resources().as_ref(), who, socket)?;
    warn(socket, limit::oom_score(process)?)?;
    limit::early(process)?;
    let pair = if company.needed() { Some(sync::pair()?) } else { None };
    let sources = match user_fresh || joined {
        true => mount::Sources::copy(&spec, bundle)?,
        false => mount::Sources::default(),
    };
    namespaces.shift_time(&linux)?;
    namespaces.enter()?;
    if joined {
        user::become_root()?;
    }
    match clone::sibling(namespaces.fresh(), into.as_ref())? {
        Cloned::Inner => {
            let inner = Inner {
                process,
                filter: &filter,
                io: &launch.io,
                socket,
                console: console.as_ref(),
                preserved: launch.preserved,
                outer: pair.map(|(_, theirs)| theirs),
                listened: company.agent.is_some(),
            };
            let container = setup::container::Container {
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
                network_fresh: namespaces.fresh().contains(CloneFlags::CLONE_NEWNET),
                hooks: company.hooks.is_some(),
            };
            child::create(&inner, &container)
        }
        Cloned::Outer(pid) => {
            sync::send(socket, &Packet::Pid(pid), None)?;
            let Some((ours, theirs)) = pair else { return Ok(()) };
            drop(theirs);
            company.keep(&ours, pid, &linux, || company::creating(&spec, id, bundle, pid))
        }
    }
}

fn read(fd: OwnedFd) -> Result<Spec> {
    let bytes = descriptor::read_all(fd, "the spec")?;
    let spec = serde_json::from_slice(&bytes)
        .map_err(|e| Error::invalid(format!("the OCI spec is not understood: {e}")))?;
    validate::spec(&spec)?;
    Ok(spec)
}

/// Makes the control groups, sets their limits, and enters them or says where to clone into.
fn groups(
    group: Option<&dyn Cgroup>,
    resources: Option<&LinuxResources>,
    who: Cloner,
    socket: &OwnedFd,
) -> Result<Option<OwnedFd>> {
    let Some(group) = group else { return Ok(None) };
    group.create()?;
    if let Some(resources) = resources {
        warn(socket, group.apply(&resource::limits(resources)?)?)?;
    }
    join(group, who)
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

/// Who the outer half is when it clones.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cloner {
    /// The host's root.
    Host,
    /// Root of a user namespace that it has joined: it may no longer clone into a group of the host.
    Mapped,
}

/// Version 1: enters itself, so that the clone is born there. Version 2, or the version 2 part of a
/// hybrid machine: a descriptor for the clone, which costs much less than moving into it.
fn join(group: &dyn Cgroup, who: Cloner) -> Result<Option<OwnedFd>> {
    if who == Cloner::Mapped {
        return group.attach(std::process::id() as i32).map(|()| None);
    }
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
    if !Stat::read(*init).is_ok_and(|stat| stat.alive()) {
        return Err(Error::new(
            shared::error::Kind::Conflict,
            "cannot exec in a stopped container",
        ));
    }
    let mapped =
        Namespace::User.identity(*init)? != Namespace::User.identity(std::process::id() as i32)?;
    let who = if mapped { Cloner::Mapped } else { Cloner::Host };
    let into = launch.cgroup.map(|group| join(group, who)).transpose()?.flatten();
    warn(socket, limit::oom_score(&process)?)?;
    limit::early(&process)?;
    // From here on the container's processes may see this one.
    identity::undumpable()?;
    let user = namespace::enter_all(*init)?;
    if user {
        user::become_root()?;
    }
    let pair = if agent.is_some() { Some(sync::pair()?) } else { None };
    match clone::sibling(CloneFlags::empty(), into.as_ref())? {
        Cloned::Inner => child::exec(&Inner {
            outer: pair.map(|(_, theirs)| theirs),
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
                    company::hand_over(&ours, &agent, pid)
                }
                _ => Ok(()),
            }
        }
    }
}
