//! The bodies of the protocol's messages. Fields are only ever appended, each with a default; what a
//! message is answered by stands in the table of the parent module.

use crate::error::{Error, Kind};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Comes first, from both sides: which protocols are spoken, and who is talking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// Oldest protocol spoken.
    pub min: u16,
    /// Newest protocol spoken.
    pub max: u16,
    /// Version and commit of the program.
    pub build: String,
    /// Container that the shim serves.
    pub container: String,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// How often the container was started; a record of another incarnation is stale.
    pub incarnation: u64,
    /// Process id of the speaker.
    #[serde(default)]
    pub pid: i32,
}

/// To a zygote: a new shim, for this container. Its end of the first connection comes along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// The container.
    pub container: String,
    /// Its bundle; the socket is made in it.
    pub bundle: PathBuf,
    /// How often the container was started.
    pub incarnation: u64,
}

/// There is a new shim: a child of the zygote's own parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forked {
    /// Its process id.
    pub pid: i32,
}

/// Nothing but "it is done".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What machines go by.
    pub kind: Kind,
    /// The whole chain of sentences.
    pub message: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { kind: error.kind(), message: error.to_string() }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Error::new(failure.kind, failure.message)
    }
}

/// One mount of the root filesystem, as data: nothing is mounted in the host's namespace.
///
/// An `overlay` whose source is an absolute path has relative paths among its options (so that many
/// layers fit into the one page that mount(2) takes): who mounts it changes its working directory to
/// the source first. Any other source of an overlay is a mere name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// `overlay`, `bind`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// Device or folder.
    pub source: String,
    /// As in fstab: `lowerdir=...`, `ro`, `rbind`.
    pub options: Vec<String>,
}

/// Which OCI runtime makes the container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// The library that the shim links.
    Embedded,
    /// A program with runc's command line.
    Program {
        /// Absolute path.
        path: PathBuf,
        /// Put before the command.
        args: Vec<String>,
    },
}

/// What becomes of standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stdin {
    /// `/dev/null`.
    Closed,
    /// Stays open when a client goes.
    Open,
    /// Is closed when the first attached client ends its side (Docker's StdinOnce).
    Once,
}

/// The standard streams of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stdio {
    /// A pseudo terminal instead of three pipes.
    pub terminal: bool,
    /// Standard input.
    pub stdin: Stdin,
    /// First size of the terminal in rows; 0 leaves it.
    pub rows: u16,
    /// First size of the terminal in columns; 0 leaves it.
    pub columns: u16,
}

/// Where the container's output is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// How a line is written.
    pub format: LogFormat,
    /// The current file; rotated ones are `<path>.1`, `<path>.2`, ... (newest first).
    pub path: PathBuf,
    /// A file is rotated before it grows above this; 0 means never.
    pub max_bytes: u64,
    /// How many files are kept, the current one included; at least 1.
    pub max_files: u32,
    /// With `mode=non-blocking`: bytes held before lines are lost. `None`: the container waits.
    #[serde(default)]
    pub ring_bytes: Option<u64>,
    /// Docker's `attrs` of each json-file line (labels, env, tag): a JSON object in text, or nothing.
    #[serde(default)]
    pub attrs: Option<String>,
}

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Docker's `{"log":...,"stream":...,"time":...}`.
    JsonFile,
    /// The compact form of `local`.
    Local,
}

/// Makes a container up to the point where its program would be executed.
/// File descriptors: the OCI spec as a memfd; seccomp bytes if `seccomp`; a network namespace if `netns`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Create {
    /// A repeat with the same one returns the first result.
    pub operation: String,
    /// OCI bundle: `rootfs/` is the mount point, `config.json` is written for foreign runtimes.
    pub bundle: PathBuf,
    /// Root filesystem, mounted in order at `<bundle>/rootfs` in the container's mount namespace.
    pub rootfs: Vec<Mount>,
    /// Which runtime.
    pub runtime: Runtime,
    /// State directory of the OCI runtime (`--root`).
    pub runtime_root: PathBuf,
    /// Standard streams.
    pub stdio: Stdio,
    /// The log; `None` writes none.
    pub log: Option<Log>,
    /// The container's cgroup below each hierarchy's root, such as `/coffer/<id>`.
    pub cgroup: String,
    /// Where exit records are written.
    pub exits: PathBuf,
    /// A compiled seccomp filter (`struct sock_filter` array) comes along.
    pub seccomp: bool,
    /// A network namespace comes along; the shim holds it.
    pub netns: bool,
    /// The shim gives up after so many milliseconds and kills what there is.
    pub timeout_ms: u64,
}

/// The container exists and waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// Process id of its first process, in the host's namespace.
    pub pid: i32,
}

/// Lets the first process execute its program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// A repeat with the same one returns the first result.
    pub operation: String,
}

/// A process runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Process id in the host's namespace.
    pub pid: i32,
    /// Nanoseconds since 1970.
    pub at_nanos: i64,
}

/// Starts a further process. File descriptor: the OCI `process` object as a memfd.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exec {
    /// A repeat with the same one returns the first result.
    pub operation: String,
    /// Its name in later messages and in its exit record: an exec id.
    pub process: String,
    /// Standard streams.
    pub stdio: Stdio,
    /// A stream is wanted from the first byte on: the answer carries its descriptor, as [`Attach`] does.
    pub attach: Option<Streams>,
    /// The process gets the container's compiled seccomp filter.
    pub seccomp: bool,
}

/// Which streams a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streams {
    /// The client writes.
    pub stdin: bool,
    /// The client reads standard output (all output of a terminal).
    pub stdout: bool,
    /// The client reads standard error.
    pub stderr: bool,
}

/// Sends a signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// `init` or an exec id.
    pub process: String,
    /// Signal number.
    pub signal: i32,
    /// Every process of the container instead of one.
    pub all: bool,
}

/// Sets a terminal's size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resize {
    /// `init` or an exec id.
    pub process: String,
    /// Rows.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
}

/// Asks for a stream to a process: the answer carries one end of a `SOCK_STREAM` socket pair. Output
/// comes in Docker's frames, or raw from a terminal; what is written is standard input, and shutting
/// the write side down ends it. Output is held back, never dropped, when the reader is slow; a reader
/// that closed is forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attach {
    /// `init` or an exec id.
    pub process: String,
    /// Which streams.
    pub streams: Streams,
}

/// The stream is in the descriptor that came along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// Bytes of the log file at the moment of attaching: what is before them is history, what comes by
    /// the stream is after them.
    pub log_bytes: u64,
}

/// Ends a process's standard input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseStdin {
    /// `init` or an exec id.
    pub process: String,
}

/// Asks for everything that a daemon needs after its own restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {}

/// What the shim knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Every process that has not been acknowledged, init first.
    pub processes: Vec<Process>,
    /// Kills by the kernel's OOM killer in the container so far.
    pub oom_kills: u64,
    /// Lines that a ring dropped so far.
    pub log_lines_lost: u64,
    /// The container is frozen.
    pub paused: bool,
}

/// One process of a container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// `init` or an exec id.
    pub process: String,
    /// Process id in the host's namespace.
    pub pid: i32,
    /// Set once its program runs.
    pub started_at_nanos: Option<i64>,
    /// Set once it has ended.
    pub exit: Option<Exited>,
}

/// The exit was made durable: the shim may forget it. When init and every exec are acknowledged, the
/// shim ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledge {
    /// `init` or an exec id.
    pub process: String,
}

/// Freezes or thaws the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// True freezes.
    pub frozen: bool,
}

/// Changes resources. File descriptor: the OCI `linux.resources` object as a memfd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {}

/// Removes what the runtime keeps of a container that has ended: cgroups, state, poststop hooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delete {
    /// Kills what still runs first.
    pub force: bool,
}

/// Opens the log file anew, for instance after an outside program has moved it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReopenLog {}

/// Puts a compressed copy into the place of a rotated file of the log, wherever that is by now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackLog {
    /// Device and inode of the rotated file.
    pub original: (u64, u64),
    /// The copy, in the same folder.
    pub packed: PathBuf,
}

/// A process has ended. Also the exit record on disk: `<exits>/<process>`, JSON, written to a
/// temporary file and renamed before anyone is told; the daemon removes it after its own commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exited {
    /// `init` or an exec id.
    pub process: String,
    /// Exit status, or 128 and the signal's number.
    pub code: i32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The kernel's OOM killer killed a process of the container during its life (init only).
    pub oom_killed: bool,
    /// Nanoseconds since 1970.
    pub at_nanos: i64,
    /// Boot in which it ended: a record of another boot means "ended, code unknown".
    pub boot_id: String,
    /// Start of the container to which it belongs.
    pub incarnation: u64,
}

/// The kernel's OOM killer was at work in the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oom {
    /// Kills so far.
    pub kills: u64,
    /// Nanoseconds since 1970.
    pub at_nanos: i64,
}

/// The ring of a non-blocking log was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLost {
    /// Lines lost so far.
    pub lines: u64,
}
