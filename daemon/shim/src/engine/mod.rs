//! What makes the container: the embedded runtime, a program with runc's command line, or, in tests,
//! a stand-in. The loop knows this trait alone; a slow program never stops the loop.

mod embedded;
mod program;

pub use embedded::Embedded;
pub use program::Program;

use crate::stdio::Io;
use shared::error::Result;
use shared::kernel::process::Ending;
use shared::shim::{Create, Runtime};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Something that is done now or when a program has ended.
pub enum Step<T> {
    /// It is done.
    Done(T),
    /// A program does it.
    Later(Later<T>),
}

/// What a program is doing.
pub struct Later<T> {
    /// A child of the shim.
    pub pid: i32,
    /// To be called when it has ended, with `None` if it was killed because its time was over.
    pub finish: Box<dyn FnOnce(Option<Ending>) -> Result<T>>,
}

/// A process that was made.
#[derive(Debug)]
pub struct Made {
    /// A child of the shim, now or as soon as the program has ended.
    pub pid: i32,
    /// The terminal's master.
    pub terminal: Option<OwnedFd>,
}

/// What a container is made of.
pub struct Making<'a> {
    /// Its id.
    pub id: &'a str,
    /// What was asked.
    pub create: &'a Create,
    /// The OCI spec, a memfd.
    pub spec: OwnedFd,
    /// A compiled filter.
    pub seccomp: Option<OwnedFd>,
    /// A network namespace; the shim keeps it open itself, too.
    pub netns: Option<&'a OwnedFd>,
    /// Standard streams.
    pub io: Io,
}

/// What a further process is made of.
pub struct Joining<'a> {
    /// Its name, which is a plain file name.
    pub name: &'a str,
    /// The container's first process.
    pub init: i32,
    /// The OCI `process`, a memfd.
    pub process: OwnedFd,
    /// A compiled filter.
    pub seccomp: Option<OwnedFd>,
    /// Standard streams.
    pub io: Io,
    /// How long it may take.
    pub limit: Duration,
}

/// Freeze or thaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frost {
    /// Freeze.
    Freeze,
    /// Thaw.
    Thaw,
}

/// Whether what still runs is killed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is an error that something runs.
    Gentle,
    /// It is killed.
    Forced,
}

/// One container's runtime.
pub trait Engine {
    /// Makes the container up to where its program would be executed.
    fn create(&mut self, making: Making<'_>) -> Result<Step<Made>>;
    /// Executes its program.
    fn start(&mut self) -> Result<Step<()>>;
    /// Runs a further program.
    fn exec(&mut self, joining: Joining<'_>) -> Result<Step<Made>>;
    /// Sends a signal to the first process.
    fn kill(&mut self, init: i32, signal: i32) -> Result<Step<()>>;
    /// Sends a signal to every process.
    fn kill_all(&mut self, signal: i32) -> Result<Step<()>>;
    /// Freezes or thaws every process.
    fn frost(&mut self, to: Frost) -> Result<Step<()>>;
    /// Changes resources: OCI's `linux.resources`, a memfd.
    fn update(&mut self, resources: OwnedFd) -> Result<Step<()>>;
    /// Removes what is left of a container that has ended.
    fn delete(&mut self, removal: Removal) -> Result<Step<()>>;
    /// Whether the container's processes are in the control group that was asked for.
    fn grouped(&self) -> bool {
        true
    }
}

/// Finds the engine for a request.
pub type Choose = fn(id: &str, create: &Create) -> Result<Box<dyn Engine>>;

/// The engines of production.
pub fn choose(id: &str, create: &Create) -> Result<Box<dyn Engine>> {
    Ok(match &create.runtime {
        Runtime::Embedded => Box::new(Embedded::new(create)),
        Runtime::Program { path, args } => {
            let root = create.runtime_root.clone();
            Box::new(Program::new(id, path, args, root, create.bundle.clone())?)
        }
    })
}

/// A file of an engine inside the bundle.
fn file(bundle: &Path, name: &str, suffix: &str) -> PathBuf {
    bundle.join(format!("{name}.{suffix}"))
}
