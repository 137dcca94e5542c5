//! What to take back when a later step fails.
//!
//! Async Rust has no async drop: a recipe pushes the release of each thing it acquired, and on failure
//! runs them in reverse. Undo is for errors; for crashes `container/restore.rs` calls the same
//! release functions.

use futures_util::future::BoxFuture;
use shared::error::Result;
use std::future::Future;

type Release = Box<dyn FnOnce() -> BoxFuture<'static, Result<()>> + Send>;

/// A stack of releases.
#[derive(Default)]
pub struct Undo(Vec<(&'static str, Release)>);

impl Undo {
    /// Nothing to take back yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers how to take back the step just done. `what` completes "cannot ...".
    pub fn push<F, R>(&mut self, what: &'static str, release: F)
    where
        F: FnOnce() -> R + Send + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        self.0.push((what, Box::new(move || Box::pin(release()))));
    }

    /// The recipe has succeeded: nothing is taken back.
    pub fn disarm(mut self) {
        self.0.clear();
    }

    /// Takes everything back, the last step first. A release that fails is logged and the rest still run.
    pub async fn run(mut self) {
        while let Some((what, release)) = self.0.pop() {
            if let Err(error) = release().await {
                tracing::error!(%error, "cannot {what}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::error::Error;
    use std::sync::{Arc, Mutex};

    #[test]
    fn runs_in_reverse_and_past_failures() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut undo = Undo::new();
        for step in 0..3 {
            let seen = seen.clone();
            undo.push("take back a step", move || async move {
                seen.lock().unwrap().push(step);
                if step == 1 { Err(Error::internal("stuck")) } else { Ok(()) }
            });
        }
        crate::task::block_on(undo.run());
        assert_eq!(*seen.lock().unwrap(), [2, 1, 0]);
    }
}
