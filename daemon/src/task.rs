//! The executor. Nothing else in the daemon names it, so that moving to another one is a change of
//! this file alone. Every task has a name; a panic in one fails that task, not the daemon.

use async_std::task::JoinHandle;
use futures_util::FutureExt;
use futures_util::stream::Stream;
use shared::error::{Error, Result};
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// A lock that is held across awaits.
pub type Mutex<T> = async_std::sync::Mutex<T>;
/// Bounded and unbounded queues between tasks.
pub use async_channel as channel;
/// Wakes whoever waits for a condition.
pub use event_listener::{Event as Bell, EventListener, Listener};

/// What runs now, for the dump on SIGUSR1 and the gauge of tasks. The executor is one per process, and
/// so is this.
static REGISTRY: StdMutex<BTreeMap<u64, (&'static str, Instant)>> = StdMutex::new(BTreeMap::new());
static NEXT: AtomicU64 = AtomicU64::new(1);

struct Registered(u64);

impl Registered {
    fn new(name: &'static str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        lock().insert(number, (name, Instant::now()));
        Self(number)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        lock().remove(&self.0);
    }
}

fn lock() -> std::sync::MutexGuard<'static, BTreeMap<u64, (&'static str, Instant)>> {
    REGISTRY.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Names and ages of all tasks, oldest first.
pub fn list() -> Vec<(&'static str, Duration)> {
    lock().values().map(|(name, since)| (*name, since.elapsed())).collect()
}

/// Number of tasks alive.
pub fn count() -> usize {
    lock().len()
}

/// A running task. Awaiting it gives its value, or an [`Error`] if it panicked; dropping it lets it run on.
#[must_use = "a dropped task runs on: say so with `.detach()`"]
pub struct Task<T>(JoinHandle<Result<T>>);

impl<T> Task<T> {
    /// Lets it run on its own.
    pub fn detach(self) {}

    /// Stops it at its next await and waits until it is gone.
    pub async fn cancel(self) {
        self.0.cancel().await;
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("unknown panic")
}

/// Starts a task.
pub fn spawn<T, F>(name: &'static str, future: F) -> Task<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let registered = Registered::new(name);
    Task(async_std::task::spawn(async move {
        let _registered = registered;
        AssertUnwindSafe(future).catch_unwind().await.map_err(|panic| {
            let text = panic_text(&*panic);
            tracing::error!(task = name, panic = text, "a task panicked");
            Error::internal(format!("{name} panicked: {text}"))
        })
    }))
}

/// Runs blocking work (files, mounts, netlink, tar, hashing) on a thread of its own. A panic in it
/// passes on to the caller.
pub async fn blocking<T, F>(name: &'static str, work: F) -> T
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let registered = Registered::new(name);
    let span = tracing::Span::current();
    blocking::unblock(move || {
        let _registered = registered;
        span.in_scope(work)
    })
    .await
}

/// Bounds an await. `what` completes the sentence "timed out after 3s: ...".
pub async fn timeout<T>(
    limit: Duration,
    what: &'static str,
    future: impl Future<Output = T>,
) -> Result<T> {
    match async_std::future::timeout(limit, future).await {
        Ok(value) => Ok(value),
        Err(_) => Err(Error::timeout(format!("timed out after {limit:?}: {what}"))),
    }
}

/// Waits.
pub async fn sleep(duration: Duration) {
    async_io::Timer::after(duration).await;
}

/// Ticks at a fixed rate; ticks that nobody took are skipped.
pub fn interval(period: Duration) -> impl Stream<Item = Instant> + Unpin + Send {
    async_io::Timer::interval(period)
}

/// Runs a future to its end on this thread: for `main` and for blocking code that must await.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    async_std::task::block_on(future)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_fails_the_task_alone() {
        let error = block_on(spawn("bad", async {
            if count() > 0 {
                panic!("boom")
            }
        }));
        assert_eq!(error.unwrap_err().to_string(), "bad panicked: boom");
    }

    #[test]
    fn a_timeout_says_what_it_waited_for() {
        let wait = timeout(Duration::from_millis(5), "the shim", std::future::pending::<()>());
        let error = block_on(wait).unwrap_err();
        assert_eq!(error.to_string(), "timed out after 5ms: the shim");
    }
}
