//! Waiting by condition with a limit. No test sleeps for a time that it hopes is enough.

use std::time::{Duration, Instant};

/// How long most conditions may take on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Asks again until `condition` gives a value.
///
/// # Panics
/// After `limit`, naming what was waited for.
pub fn until<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(begin.elapsed() < limit, "waited {limit:?} in vain: {what}");
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// [`until`] for a condition that is true or false, with the usual limit.
pub fn until_true(what: &str, mut condition: impl FnMut() -> bool) {
    until(what, LIMIT, || condition().then_some(()));
}
