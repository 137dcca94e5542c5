//! Heads that are still coming, of all connections together: one may be long, thousands may not.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of one head that count for nothing: ordinary ones stay below.
const FREE: usize = 16 << 10;
/// Bytes above that of all heads together.
const ALL: usize = 32 << 20;

/// The answer to a head for which there is no room. It is written as it stands: hyper answers no request
/// that it has not read.
pub const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
Content-Type: application/json\r\nContent-Length: 67\r\nConnection: close\r\n\r\n\
{\"message\":\"too many clients are in the middle of a long request\"}\n";

/// What the long heads of a server take. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Heads(Arc<AtomicUsize>);

/// The head that one connection is sending.
#[derive(Debug, Default)]
pub struct Head {
    all: Heads,
    /// Bytes that came since the last request, while a head is awaited.
    bytes: usize,
    /// Of these, those that are counted in `all`.
    counted: usize,
    /// A request is being answered: what comes is its body.
    past: bool,
    refused: bool,
}

impl Head {
    /// The first one of a connection.
    pub fn new(all: &Heads) -> Self {
        Self { all: all.clone(), ..Self::default() }
    }

    /// So many bytes came. An error when too many connections are in the middle of a long head.
    pub fn came(&mut self, bytes: usize) -> io::Result<()> {
        if self.past {
            return Ok(());
        }
        self.bytes += bytes;
        let more = self.bytes.saturating_sub(FREE) - self.counted;
        if more == 0 {
            return Ok(());
        }
        self.counted += more;
        if self.all.0.fetch_add(more, Ordering::Relaxed) + more > ALL {
            self.refused = true;
            return Err(io::Error::new(
                io::ErrorKind::OutOfMemory,
                "too many clients are in the middle of a long head",
            ));
        }
        Ok(())
    }

    /// It was too much: the connection ends with [`REFUSAL`].
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// It is complete.
    pub fn complete(&mut self) {
        self.past = true;
        self.give_back();
    }

    /// The request has been answered: the next head is awaited.
    pub fn next(&mut self) {
        self.past = false;
    }

    fn give_back(&mut self) {
        self.all.0.fetch_sub(self.counted, Ordering::Relaxed);
        (self.bytes, self.counted) = (0, 0);
    }
}

impl Drop for Head {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_heads_share_what_there_is() {
        let heads = Heads::default();
        let mut ordinary = Head::new(&heads);
        ordinary.came(FREE).unwrap();
        let mut first = Head::new(&heads);
        first.came(FREE + ALL).unwrap();
        ordinary.complete();
        ordinary.next();
        ordinary.came(FREE).unwrap();
        assert!(ordinary.came(1).is_err());
        drop(ordinary);
        first.complete();
        // Its body counts for nothing, and the next head anew.
        first.came(2 * ALL).unwrap();
        first.next();
        first.came(FREE + 1).unwrap();
        drop(first);
        assert_eq!(heads.0.load(Ordering::Relaxed), 0);
    }
}
