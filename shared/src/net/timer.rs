//! hyper's timer on async-io's reactor. hyper wants a new one for the head of each request, and every
//! new one wakes the reactor's thread: here a connection keeps one, which is set anew only when it has
//! run out, and looks at the latest deadline then.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// Hand one to every hyper builder that has time limits; one for each connection.
#[derive(Clone, Debug, Default)]
pub struct Timer(Arc<Mutex<Option<Armed>>>);

/// A timer of the reactor, and when it runs out.
#[derive(Debug)]
struct Armed {
    timer: async_io::Timer,
    at: Instant,
}

impl Armed {
    fn new(at: Instant) -> Self {
        Self { timer: async_io::Timer::at(at), at }
    }

    fn set(&mut self, at: Instant) {
        self.timer.set_at(at);
        self.at = at;
    }
}

impl Timer {
    fn spare(&self) -> MutexGuard<'_, Option<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Sleep {
    deadline: Instant,
    armed: Option<Armed>,
    timer: Timer,
}

impl Future for Sleep {
    type Output = ();
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { deadline, armed, timer } = self.get_mut();
        let armed = armed.get_or_insert_with(|| {
            let spare = timer.spare().take();
            spare.unwrap_or_else(|| Armed::new(*deadline))
        });
        if armed.at > *deadline {
            armed.set(*deadline);
        }
        loop {
            ready!(Pin::new(&mut armed.timer).poll(cx));
            if armed.at >= *deadline {
                // It tells so again if it is asked again.
                armed.set(*deadline);
                return Poll::Ready(());
            }
            armed.set(*deadline);
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(armed) = self.armed.take() {
            *self.timer.spare() = Some(armed);
        }
    }
}

impl hyper::rt::Sleep for Sleep {}

impl hyper::rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Sleep { deadline, armed: None, timer: self.clone() })
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn hyper::rt::Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(own) => own.get_mut().deadline = deadline,
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Timer;
    use hyper::rt::Timer as _;
    use std::time::{Duration, Instant};

    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn a_kept_timer_is_never_early_and_takes_shorter_times() {
        let timer = Timer::default();
        // Polled and left: it is kept, with a time that passes.
        let first = timer.sleep(SHORT);
        async_io::block_on(async {
            let mut first = first;
            assert!(futures_util::poll!(&mut first).is_pending());
        });
        assert!(timer.spare().is_some(), "it is kept");
        std::thread::sleep(SHORT * 2);
        let begin = Instant::now();
        async_io::block_on(timer.sleep(SHORT * 3));
        assert!(begin.elapsed() >= SHORT * 3, "the old time is not the new one's");

        let long = timer.sleep(Duration::from_secs(3600));
        async_io::block_on(async {
            let mut long = long;
            assert!(futures_util::poll!(&mut long).is_pending());
        });
        let begin = Instant::now();
        async_io::block_on(timer.sleep(SHORT));
        assert!(begin.elapsed() < Duration::from_secs(60), "a shorter time is kept as well");
        assert_eq!(1, std::sync::Arc::strong_count(&timer.0));
    }
}
