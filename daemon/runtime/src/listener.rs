//! The seccomp agent (OCI's config-linux.md, `listenerPath`): a program outside that answers system
//! calls for which the filter says notify. The outer half connects before anything is made, and hands
//! the filter's listener over once it is loaded.

use crate::hook::State;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompAction};
use serde::Serialize;
use shared::error::{Context, Error, Result};
use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// Calls that we need between loading the filter and handing the listener over.
const NEEDED: [&str; 2] = ["write", "sendmsg"];

/// Whom to tell, and about what.
#[derive(Debug)]
pub struct Listener {
    path: PathBuf,
    metadata: String,
    state: State,
}

/// An agent that answers.
pub struct Agent {
    socket: UnixStream,
    listener: Listener,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    oci_version: &'a str,
    fds: [&'static str; 1],
    pid: i32,
    #[serde(skip_serializing_if = "str::is_empty")]
    metadata: &'a str,
    state: &'a State,
}

impl Listener {
    /// `None`: the profile leaves no call to others.
    pub fn of(profile: Option<&LinuxSeccomp>, state: State) -> Result<Option<Self>> {
        let Some(profile) = profile else { return Ok(None) };
        let notify = LinuxSeccompAction::ScmpActNotify;
        if profile.default_action() == notify {
            return Err(Error::invalid("SCMP_ACT_NOTIFY cannot be used as default action"));
        }
        let rules = profile.syscalls().iter().flatten().filter(|rule| rule.action() == notify);
        let names: Vec<&String> = rules.flat_map(|rule| rule.names()).collect();
        if names.is_empty() {
            return Ok(None);
        }
        if let Some(name) = NEEDED.iter().find(|needed| names.iter().any(|name| name == *needed)) {
            let text = format!("SCMP_ACT_NOTIFY cannot be used for the {name} syscall");
            return Err(Error::invalid(text));
        }
        let path = profile.listener_path().clone().filter(|path| !path.as_os_str().is_empty());
        let path = path.ok_or_else(|| Error::invalid("SCMP_ACT_NOTIFY needs a listenerPath"))?;
        let metadata = profile.listener_metadata().clone().unwrap_or_default();
        Ok(Some(Self { path, metadata, state }))
    }

    /// Connects to the agent.
    pub fn connect(self) -> Result<Agent> {
        let socket = UnixStream::connect(&self.path).with_context(|| {
            format!(
                "failed to connect with seccomp agent specified in the seccomp profile {}",
                self.path.display()
            )
        })?;
        Ok(Agent { socket, listener: self })
    }
}

impl Agent {
    /// Hands a filter's listener over, for process `pid`.
    pub fn hand_over(&self, filter: &OwnedFd, pid: i32) -> Result<()> {
        let state = &self.listener.state;
        let message = Message {
            oci_version: state.version(),
            fds: ["seccompFd"],
            pid,
            metadata: &self.listener.metadata,
            state,
        };
        let bytes = serde_json::to_vec(&message).context("encode the agent's message")?;
        let fds = [filter.as_raw_fd()];
        let control = [ControlMessage::ScmRights(&fds)];
        let flags = MsgFlags::MSG_NOSIGNAL;
        sendmsg::<()>(self.socket.as_raw_fd(), &[IoSlice::new(&bytes)], &control, flags, None)
            .context("send the filter to the seccomp agent")?;
        Ok(())
    }
}
