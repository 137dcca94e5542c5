//! The only module of the console that names the executor, its timers and the clock.
//!
//! async-std is no longer developed: moving to its successor must be a change of this file alone.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Runs a future on this thread until it is ready.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    async_std::task::block_on(future)
}

/// A task that is cancelled when it is dropped.
#[derive(Debug)]
pub struct Task(Option<async_std::task::JoinHandle<()>>);

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            // Polled once to request cancellation; the executor drops the future later.
            drop(async_std::task::spawn(handle.cancel()));
        }
    }
}

/// Starts a task; dropping what this returns cancels it.
pub fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Task {
    Task(Some(async_std::task::spawn(future)))
}

/// Starts a task that nobody waits for.
pub fn detach(future: impl Future<Output = ()> + Send + 'static) {
    drop(async_std::task::spawn(future));
}

/// Runs blocking work on a thread made for it.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    async_std::task::spawn_blocking(work).await
}

/// Nanoseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Waits.
pub async fn sleep(duration: Duration) {
    async_io::Timer::after(duration).await;
}
