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
//! | daemon | 15 | [`Fork`] + fd connection, to a zygote only | [`Forked`] |
//! | daemon | 16 | [`PackLog`] | [`Done`] |
//! | shim | 64 | [`Exited`] | nothing (then `Acknowledge`) |
//! | shim | 65 | [`Oom`] | nothing |
//! | shim | 66 | [`LogLost`] | nothing |
//!
//! An answer repeats the request's number. Its kind is [`ANSWER`] with a body of the answer's type, or
//! [`FAILURE`] with a [`Failure`]. Notices carry request 0. An unknown kind is answered with a
//! failure of kind `Unimplemented`. Fields are only ever appended, each with a default.
//! Create, start, exec carry an operation id: a repeat returns the first result.

mod message;

pub use message::{
    Acknowledge, Attach, Attached, CloseStdin, Create, Created, Delete, Done, Exec, Exited,
    Failure, Fork, Forked, Hello, Kill, Log, LogFormat, LogLost, Mount, Oom, PackLog, Pause,
    Process, Query, ReopenLog, Resize, Runtime, Start, Started, Status, Stdin, Stdio, Streams,
    Update,
};

use crate::error::{Error, Result};
use crate::frame::Stream;
use serde::{Serialize, de::DeserializeOwned};

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
    15 Fork -> Forked,
    16 PackLog -> Done,
    64 Exited -> Done,
    65 Oom -> Done,
    66 LogLost -> Done,
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
