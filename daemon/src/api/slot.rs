//! Threads that a client holds for as long as it sends or reads: there are few, so that slow clients
//! cannot take them all.

use crate::limits;
use shared::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many are held. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Slots(Arc<AtomicUsize>);

/// The right to hold one; given back when dropped.
#[derive(Debug)]
pub struct Slot(Arc<AtomicUsize>);

impl Slots {
    /// Takes one. `Unavailable` when all are held.
    pub fn take(&self) -> Result<Slot> {
        if self.0.fetch_add(1, Ordering::SeqCst) >= limits::TRANSFERS {
            self.0.fetch_sub(1, Ordering::SeqCst);
            return Err(Error::unavailable(format!(
                "{} archives are being sent or received already, try again later",
                limits::TRANSFERS
            )));
        }
        Ok(Slot(self.0.clone()))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_there_are() {
        let slots = Slots::default();
        let mut held: Vec<Slot> = (0..limits::TRANSFERS).map(|_| slots.take().unwrap()).collect();
        assert!(slots.take().is_err());
        held.pop();
        slots.take().unwrap();
    }
}
