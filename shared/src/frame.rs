//! Docker's frame around stdout and stderr: stream, three zero bytes, length as u32 big endian.
//!
//! Used on attach, exec and logs of containers without a terminal (Engine API, "Attach to a container").

/// Bytes in front of each payload.
pub const HEADER: usize = 8;

/// Which of a process's outputs a payload came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// File descriptor 1.
    Stdout,
    /// File descriptor 2.
    Stderr,
}

impl Stream {
    /// Docker's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }

    /// The first byte of the frame.
    pub fn byte(self) -> u8 {
        match self {
            Stream::Stdout => 1,
            Stream::Stderr => 2,
        }
    }
}

/// The header for a payload of `length` bytes.
pub fn header(stream: Stream, length: usize) -> [u8; HEADER] {
    let length = u32::try_from(length).expect("a frame's payload is below 4 GiB").to_be_bytes();
    [stream.byte(), 0, 0, 0, length[0], length[1], length[2], length[3]]
}

/// Stream and payload length of a header; `None` when it is not one. Byte 0 (stdin) counts as stdout,
/// as Docker's own demultiplexer does.
pub fn parse(header: &[u8; HEADER]) -> Option<(Stream, usize)> {
    let stream = match header[0] {
        0 | 1 => Stream::Stdout,
        2 => Stream::Stderr,
        _ => return None,
    };
    let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    Some((stream, length as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back() {
        let bytes = header(Stream::Stderr, 70_000);
        assert_eq!(bytes, [2, 0, 0, 0, 0, 1, 0x11, 0x70]);
        assert_eq!(parse(&bytes), Some((Stream::Stderr, 70_000)));
        assert_eq!(parse(&[9; 8]), None);
    }
}
