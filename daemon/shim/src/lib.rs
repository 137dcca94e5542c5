//! The shim: the parent of one container. It owns the container's streams, log, exit and network
//! namespace, and serves whichever daemon is there. One thread, one loop, no async; it must survive
//! anything that a container, a daemon or a full disk does, and it must stay small.
//!
//! A library so that the contract suite's shim, which needs no root, is this one with another engine.

mod arguments;
mod buffer;
mod connection;
pub mod engine;
mod log;
mod make;
mod memory;
mod oom;
mod operation;
mod process;
mod protect;
mod reap;
mod request;
mod serve;
mod signal;
pub mod stdio;
mod terminal;
mod title;
mod zygote;

use arguments::Role;
use engine::Choose;
use shared::error::Result;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a shim is told on its command line.
#[derive(Debug)]
pub struct Options {
    /// The container.
    pub id: String,
    /// Its bundle; the socket is made in it.
    pub bundle: PathBuf,
    /// How often the container was started.
    pub incarnation: u64,
    /// The shim's own cgroup.
    pub cgroup: Option<String>,
    /// The first connection, if the starter made one.
    pub connection: Option<OwnedFd>,
}

/// Who speaks in warnings.
static NAME: OnceLock<String> = OnceLock::new();

/// The program: what its command line asks for.
pub fn main(choose: Choose) -> Result<()> {
    signal_panics();
    let options = match Role::from_command_line()? {
        Role::Shim(options) => Some(options),
        Role::Zygote(zygote) => zygote.serve()?,
    };
    options.map_or(Ok(()), |options| run(options, choose))
}

/// Serves until the container's last exit was acknowledged.
fn run(options: Options, choose: Choose) -> Result<()> {
    let short = options.id.get(..12).unwrap_or(&options.id).to_owned();
    let _only_once = NAME.set(short);
    memory::keep_heap_small();
    protect::detach()?;
    serve::Shim::new(options, choose)?.serve()
}

/// Writes one line to standard error, which the daemon made its log. Never fails.
pub(crate) fn warn(sentence: &str) {
    let name = NAME.get().map_or("", String::as_str);
    let line = format!("coffer-shim {name}: warning: {sentence}\n");
    let _nobody_listens = std::io::stderr().write_all(line.as_bytes());
}

/// Nanoseconds since 1970.
pub(crate) fn now_nanos() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}

/// A panic is a defect: it is told in one line. The process ends by it, since a shim that lost its
/// state would do harm.
fn signal_panics() {
    std::panic::set_hook(Box::new(|panic| warn(&format!("panic: {panic}"))));
}
