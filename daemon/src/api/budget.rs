//! What long JSON bodies take together: one client may send a long one, hundreds may not.

use crate::{limits, task};
use shared::error::{Error, Result};
use shared::kernel::memory;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes that are taken. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Budget(Arc<AtomicU64>);

/// What one request has taken; given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    bytes: u64,
}

impl Budget {
    /// Nothing yet.
    pub fn share(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }
}

impl Share {
    /// The body is `length` bytes long by now. `Unavailable` when there are too many long ones.
    pub fn grow(&mut self, length: u64) -> Result<()> {
        let more = length.saturating_sub(limits::JSON_FREE).saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        self.bytes += more;
        if self.budget.0.fetch_add(more, Ordering::Relaxed) + more > limits::JSON_ALL {
            return Err(Error::unavailable(
                "too many long requests are being read already, try again later",
            ));
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let before = self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
        // The last of the long ones: what they left behind goes back to the system.
        if before == self.bytes && self.bytes >= limits::JSON_EBB {
            task::spawn("give memory back", task::blocking("trim", memory::trim)).detach();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ones_are_free_and_long_ones_share() {
        let budget = Budget::default();
        let (mut one, mut two) = (budget.share(), budget.share());
        one.grow(limits::JSON_FREE + limits::JSON_ALL).unwrap();
        two.grow(limits::JSON_FREE).unwrap();
        assert!(two.grow(limits::JSON_FREE + 1).is_err());
        drop((one, two));
        budget.share().grow(limits::JSON_FREE + limits::JSON_ALL).unwrap();
        assert_eq!(budget.0.load(Ordering::Relaxed), 0);
    }
}
