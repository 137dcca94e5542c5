//! One small tokio runtime for the store's engine, which cannot live without one. Only `store/` imports
//! this; no task of ours runs on it.

use shared::error::{Context, Result};
use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};

/// The runtime. Dropping it on an async thread would block: use [`Guest::close`].
pub struct Guest(Option<Runtime>);

impl Guest {
    /// Starts its threads. Two workers: with one, commits are never grouped (measured); 512 KiB of stack are enough for the engine's flushes.
    pub fn start() -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(2)
            .thread_name("store")
            .thread_stack_size(512 << 10)
            .enable_time()
            .build()
            .context("start the store's runtime")?;
        Ok(Self(Some(runtime)))
    }

    /// Makes the runtime current on this thread until the guard is dropped.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime().enter()
    }

    /// A handle to enter the runtime from elsewhere.
    pub fn handle(&self) -> Handle {
        self.runtime().handle().clone()
    }

    fn runtime(&self) -> &Runtime {
        self.0.as_ref().expect("the runtime lives until close")
    }

    /// Stops its threads; blocks for up to five seconds.
    pub fn close(mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(std::time::Duration::from_secs(5));
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
