//! The protocol between daemon and shim: message types, numbers and the frame around them.
//!
//! One `SOCK_STREAM` unix socket per shim that accepts its own uid only. A frame is
//! `length u32, kind u16, request u64` (little endian; length counts the body alone), then the body in
//! JSON, at most 1 MiB; file descriptors travel by `SCM_RIGHTS` with the first byte of their frame.
//! The spec itself never is a body: it travels as a memfd, so that the shim stays small.
//!
//! | from | kind | message | answered by |
//! |---|---|---|---|
//! | daemon | 1 | [`Hello`] | `Hello` |
//! | daemon | 2 | [`Create`] + fds spec, [seccomp], [netns] | [`Created`] |
//! | daemon | 3 | [`Start`] | [`Started`] |
//! | daemon | 4 | [`Exec`] + fd process | [`Started`] |
//! | daemon | 5 | [`Kill`] | [`Done`] |
//! | daemon | 6 | [`Resize`] | [`Done`] |
//! | daemon | 7 | [`Attach`] | [`Attached`] + fd stream |
//! | daemon | 8 | [`CloseStdin`] | [`Done`] |
//! | daemon | 9 | [`Query`] | [`Status`] |
//! | daemon | 10 | [`Acknowledge`] | [`Done`] |
//! | daemon | 11 | [`Pause`] | [`Done`] |
//! | daemon | 12 | [`Update`] + fd resources | [`Done`] |
//! | daemon | 13 | [`Delete`] | [`Done`] |
//! | daemon | 14 | [`ReopenLog`] | [`Done`] |
//! | shim | 64 | [`Exited`] | nothing (then `Acknowledge`) |
//! | shim | 65 | [`Oom`] | nothing |
//! | shim | 66 | [`LogLost`] | nothing |
//!
//! An answer repeats the request's number. Its kind is [`ANSWER`] with a body of the answer's type, or
//! [`FAILURE`] with a [`Failure`]. Notices carry request 0. An unknown kind is answered with a
//! failure of kind `Unimplemented`. Fields are only ever appended, each with a default.
//! Create, start, exec carry an operation id: a repeat returns the first result.

use crate::error::{Error, Kind, Result};
use crate::frame::Stream;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::path::PathBuf;

/// The newest protocol of this build.
pub const PROTOCOL: u16 = 1;
/// Bytes of a frame's head.
pub const HEAD: usize = 14;
/// Bytes of a body at most.
pub const BODY_MAX: usize = 1 << 20;
/// File descriptors with one frame at most.
pub const FDS_MAX: usize = 8;
/// Kind of a successful answer.
pub const ANSWER: u16 = 0x8000;
/// Kind of a failed answer, its body a [`Failure`].
pub const FAILURE: u16 = 0x8001;

/// Length of the body, kind, number of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of the body that follows.
    pub length: u32,
    /// Which message.
    pub kind: u16,
    /// Which request it belongs to; 0 in notices.
    pub request: u64,
}

impl Head {
    /// As bytes on the wire.
    pub fn encode(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4..6].copy_from_slice(&self.kind.to_le_bytes());
        bytes[6..].copy_from_slice(&self.request.to_le_bytes());
        bytes
    }

    /// From the wire; a body above [`BODY_MAX`] is an error.
    pub fn decode(bytes: &[u8; HEAD]) -> Result<Self> {
        let length = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        if length as usize > BODY_MAX {
            return Err(Error::invalid(format!("frame of {length} bytes is above {BODY_MAX}")));
        }
        let kind = u16::from_le_bytes([bytes[4], bytes[5]]);
        let mut request = [0; 8];
        request.copy_from_slice(&bytes[6..]);
        Ok(Self { length, kind, request: u64::from_le_bytes(request) })
    }
}

/// A whole frame around `body`.
pub fn encode<T: Serialize>(kind: u16, request: u64, body: &T) -> Result<Vec<u8>> {
    let mut bytes = vec![0; HEAD];
    serde_json::to_writer(&mut bytes, body)
        .map_err(|e| Error::internal(format!("encode a message of kind {kind}: {e}")))?;
    let length = bytes.len() - HEAD;
    if length > BODY_MAX {
        return Err(Error::invalid(format!("message of {length} bytes is above {BODY_MAX}")));
    }
    let head = Head { length: length as u32, kind, request };
    bytes[..HEAD].copy_from_slice(&head.encode());
    Ok(bytes)
}

/// The body of a frame.
pub fn decode<T: DeserializeOwned>(kind: u16, body: &[u8]) -> Result<T> {
    serde_json::from_slice(body)
        .map_err(|e| Error::invalid(format!("decode a message of kind {kind}: {e}")))
}

/// A message that has a number of its own, and what answers it.
pub trait Message: Serialize + DeserializeOwned {
    /// Its number on the wire.
    const KIND: u16;
    /// The body of a successful answer.
    type Answer: Serialize + DeserializeOwned;
}

macro_rules! messages {
    ($($kind:literal $name:ident -> $answer:ident),* $(,)?) => {$(
        impl Message for $name {
            const KIND: u16 = $kind;
            type Answer = $answer;
        }
    )*};
}

messages! {
    1 Hello -> Hello,
    2 Create -> Created,
    3 Start -> Started,
    4 Exec -> Started,
    5 Kill -> Done,
    6 Resize -> Done,
    7 Attach -> Attached,
    8 CloseStdin -> Done,
    9 Query -> Status,
    10 Acknowledge -> Done,
    11 Pause -> Done,
    12 Update -> Done,
    13 Delete -> Done,
    14 ReopenLog -> Done,
    64 Exited -> Done,
    65 Oom -> Done,
    66 LogLost -> Done,
}

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

/// What comes out of a process: used by log writers and readers.
pub type Output = Stream;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let frame = encode(Kill::KIND, 7, &Kill { process: "init".into(), signal: 15, all: false });
        let frame = frame.unwrap();
        let body = br#"{"process":"init","signal":15,"all":false}"#;
        assert_eq!(&frame[..HEAD], &[body.len() as u8, 0, 0, 0, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&frame[HEAD..], body);
        let head = Head::decode(frame[..HEAD].try_into().unwrap()).unwrap();
        assert_eq!((head.kind, head.request), (5, 7));
    }

    #[test]
    fn an_oversized_frame_is_refused() {
        let head = Head { length: (BODY_MAX + 1) as u32, kind: 1, request: 1 };
        assert!(Head::decode(&head.encode()).is_err());
    }

    #[test]
    fn later_fields_are_optional_and_unknown_ones_ignored() {
        let old = br#"{"min":1,"max":1,"build":"x","container":"c","boot_id":"b","incarnation":1,"new":2}"#;
        let hello: Hello = decode(Hello::KIND, old).unwrap();
        assert_eq!(hello.pid, 0);
    }
}
