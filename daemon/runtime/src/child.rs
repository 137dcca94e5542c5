//! The inner half: the container's first process, or a further one, from its birth to `execve`. It
//! reads top to bottom as the list of steps; each is a file of `setup`.

use crate::fork::exit;
use crate::program::{self, Program};
use crate::setup::container::Container;
use crate::setup::{
    capability, console, device, hostname, identity, limit, lsm, mask, mount, network, rootfs,
    seccomp, sysctl, user,
};
use crate::sync::{self, Packet};
use crate::work::{Io, Keyring};
use crate::{descriptor, fifo, hook};
use oci_spec::runtime::Process;
use shared::error::{Context, Error, Kind, Result};
use std::os::fd::{AsFd, OwnedFd};

/// What both kinds of processes have.
pub struct Inner<'a> {
    /// Program, identity, limits.
    pub process: &'a Process,
    /// Compiled filter.
    pub filter: &'a seccomp::Filter,
    /// Standard streams.
    pub io: &'a Io,
    /// To the caller.
    pub socket: &'a OwnedFd,
    /// Where the terminal's master goes instead.
    pub console: Option<&'a OwnedFd>,
    /// Descriptors from 3 on that are inherited.
    pub preserved: u32,
    /// To the outer half, if it stays.
    pub outer: Option<OwnedFd>,
    /// The outer half hands a listener of the filter over.
    pub listened: bool,
}

/// Never returns: executes the program, or tells the caller why not and ends.
pub fn create(inner: &Inner<'_>, container: &Container<'_>) -> ! {
    let Err(error) = container_steps(inner, container);
    fail(inner.socket, error)
}

/// Never returns.
pub fn exec(inner: &Inner<'_>) -> ! {
    let Err(error) = exec_steps(inner);
    fail(inner.socket, error)
}

fn fail(socket: &OwnedFd, error: Error) -> ! {
    // As a shell: 127 not found, 126 found but not executable.
    let code = if error.kind() == Kind::Invalid && error.to_string().contains("not found") {
        127
    } else {
        126
    };
    let told = sync::send(socket, &Packet::Failed(error.into()), None);
    exit(if told.is_ok() { code } else { 125 })
}

fn warn(inner: &Inner<'_>, warnings: Vec<String>) -> Result<()> {
    warnings.into_iter().try_for_each(|text| sync::send(inner.socket, &Packet::Warning(text), None))
}

/// Says where the inner half is, and waits for the outer one.
fn meet(outer: Option<&OwnedFd>) -> Result<()> {
    let outer = outer.ok_or_else(|| Error::internal("the outer half is gone"))?;
    sync::send(outer, &Packet::Go, None)?;
    match sync::receive(outer)? {
        Some((Packet::Go, _)) => Ok(()),
        // It has told the caller why.
        _ => exit(125),
    }
}

type Never = std::convert::Infallible;

fn container_steps(inner: &Inner<'_>, container: &Container<'_>) -> Result<Never> {
    let (spec, linux, process) = (container.spec, container.linux, inner.process);
    identity::undumpable()?;
    if container.user_fresh {
        meet(inner.outer.as_ref())?;
        user::become_root()?;
    }
    nix::unistd::setsid().context("start a session")?;
    if container.keyring == Keyring::New {
        identity::session_keyring(container.id)?;
    }
    if container.network_fresh {
        network::loopback()?;
    }
    identity::personality(linux)?;
    let gate = fifo::Waiting::prepare(container.gate)?;
    let start_hooks = hook::of_start(spec);
    let root = rootfs::prepare(container)?;
    if let Some(root) = &root {
        mount::all(root, spec, linux, container.sources)?;
        device::all(root, spec, linux)?;
    }
    if container.hooks {
        meet(inner.outer.as_ref())?;
    }
    let state = |status| hook::State::new(spec, container.id, container.bundle, 0, status).inside();
    if let Some(root) = &root {
        nix::unistd::chdir(&root.path).context("enter the root filesystem")?;
    }
    hook::run(hook::of_create_container(spec), "createContainer", || state("creating"))?;
    match root {
        Some(root) => rootfs::change(root, container)?,
        None => rootfs::chroot(container)?,
    }
    let terminal = console::attach(inner.io, process, console::Place::First)?;
    if let Some(master) = &terminal {
        hand_over(inner, master)?;
    }
    rootfs::working_directory(process)?;
    hostname::set(spec)?;
    lsm::prepare(process)?;
    sysctl::set(linux)?;
    rootfs::finish(container)?;
    mask::all(linux)?;
    let program = finish(inner)?;
    let outcome = sync::send(
        inner.socket,
        &Packet::Ready,
        terminal.as_ref().filter(|_| inner.console.is_none()).map(AsFd::as_fd),
    );
    outcome?;
    drop(terminal);
    gate.wait(inner.socket)?;
    let result = hook::run(start_hooks, "startContainer", || state("created"))
        .and_then(|()| program.execute());
    match result {
        Ok(never) => Ok(never),
        Err(error) => {
            gate.tell(&error);
            Err(error)
        }
    }
}

/// The terminal's master to a console socket, where there is one.
fn hand_over(inner: &Inner<'_>, master: &OwnedFd) -> Result<()> {
    match inner.console {
        Some(socket) => console::send(socket, master),
        None => Ok(()),
    }
}

fn exec_steps(inner: &Inner<'_>) -> Result<Never> {
    identity::undumpable()?;
    nix::unistd::setsid().context("start a session")?;
    let terminal = console::attach(inner.io, inner.process, console::Place::Further)?;
    if let Some(master) = &terminal {
        hand_over(inner, master)?;
    }
    lsm::prepare(inner.process)?;
    let program = finish(inner)?;
    let with = terminal.as_ref().filter(|_| inner.console.is_none()).map(AsFd::as_fd);
    sync::send(inner.socket, &Packet::Ready, with)?;
    drop(terminal);
    program.execute()
}

/// What every process goes through last: limits, identity, capabilities, filter; then the program is
/// looked up as the user that will run it.
fn finish(inner: &Inner<'_>) -> Result<Program> {
    let process = inner.process;
    let privileges = process.no_new_privileges().unwrap_or(false);
    warn(inner, limit::resources(process)?)?;
    let user = user::resolve(process)?;
    identity::own_streams(&user)?;
    descriptor::close_on_exec_from(3 + inner.preserved)?;
    if !privileges {
        // Without no_new_privs only a privileged process may load a filter.
        load(inner)?;
    }
    let sets = capability::Sets::of(process)?;
    warn(inner, sets.bound()?)?;
    let entered = program::enter_directory(process)?;
    identity::become_user(&user, process)?;
    sets.apply()?;
    program::change_directory(process, entered)?;
    let program = Program::find(process, &user)?;
    if privileges {
        identity::no_new_privileges()?;
        load(inner)?;
    }
    Ok(program)
}

/// Loads the filter; a listener goes to the outer half at once: calls of ours may wait for it already.
fn load(inner: &Inner<'_>) -> Result<()> {
    let Some(listener) = inner.filter.load(inner.listened)? else { return Ok(()) };
    let outer = inner.outer.as_ref().ok_or_else(|| Error::internal("the outer half is gone"))?;
    sync::send(outer, &Packet::Go, Some(listener.as_fd()))
}
