//! What the outer half stays for after the clone: mapping ids of a new user namespace, hooks of the
//! runtime's namespaces, handing a filter's listener over. In that order; without any of them it ends.

use crate::hook::{self, Home, Runtime, State};
use crate::listener::{Agent, Listener};
use crate::setup::user;
use crate::sync::{self, Packet};
use oci_spec::runtime::{Linux, Spec};
use shared::error::{Error, Result};
use std::os::fd::OwnedFd;
use std::path::Path;

/// What there is to do.
pub struct Company<'a> {
    /// Ids are to be mapped.
    pub user: bool,
    /// Hooks, and where they run.
    pub hooks: Option<(Runtime<'a>, Home)>,
    /// Who gets the listener.
    pub agent: Option<Agent>,
}

impl<'a> Company<'a> {
    /// Before anything is made or entered: an agent that does not answer fails early.
    pub fn of(spec: &'a Spec, linux: &Linux, id: &str, bundle: &Path, user: bool) -> Result<Self> {
        let hooks = match Runtime::of(spec) {
            Some(hooks) => Some((hooks, Home::remember()?)),
            None => None,
        };
        let state = State::new(spec, id, bundle, 0, "creating");
        let listener = Listener::of(linux.seccomp().as_ref(), state)?;
        Ok(Self { user, hooks, agent: listener.map(Listener::connect).transpose()? })
    }

    /// Whether there is anything to do.
    pub fn needed(&self) -> bool {
        self.user || self.hooks.is_some() || self.agent.is_some()
    }

    /// Does it. `state` makes the container's state for hooks.
    pub fn keep(
        self,
        socket: &OwnedFd,
        pid: i32,
        linux: &Linux,
        state: impl FnOnce() -> State,
    ) -> Result<()> {
        if self.user {
            if !wait(socket)? {
                return Ok(());
            }
            user::map(pid, linux)?;
            sync::send(socket, &Packet::Go, None)?;
        }
        if let Some((hooks, home)) = self.hooks {
            if !wait(socket)? {
                return Ok(());
            }
            home.return_to()?;
            hooks.run(&state())?;
            sync::send(socket, &Packet::Go, None)?;
        }
        match self.agent {
            Some(agent) => hand_over(socket, &agent, pid),
            None => Ok(()),
        }
    }
}

/// The inner half's listener to the agent; nothing if the inner half has ended before.
pub fn hand_over(socket: &OwnedFd, agent: &Agent, pid: i32) -> Result<()> {
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

/// The state that hooks of create are told.
pub fn creating(spec: &Spec, id: &str, bundle: &Path, pid: i32) -> State {
    hook::State::new(spec, id, bundle, pid, "creating")
}
