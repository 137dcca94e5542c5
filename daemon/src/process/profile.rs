//! Where the processors' time goes: stacks sampled by a timer signal, as folded lines
//! (`thread;outer;inner count`), which flame graph programs read.

use shared::error::{Context, Error, Result};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Samples a second, unless asked otherwise. A prime, so as not to beat with periodic work.
pub const FREQUENCY: i32 = 97;

/// The sampler's timer is one per process.
static BUSY: AtomicBool = AtomicBool::new(false);

struct Turn;

impl Drop for Turn {
    fn drop(&mut self) {
        BUSY.store(false, Ordering::SeqCst);
    }
}

/// Blocks for `duration`. `Conflict` while another sample is taken.
pub fn sample(duration: Duration, frequency: i32) -> Result<String> {
    if BUSY.swap(true, Ordering::SeqCst) {
        return Err(Error::conflict("a profile is being taken already"));
    }
    let _turn = Turn;
    let guard = pprof::ProfilerGuardBuilder::default()
        .frequency(frequency)
        .build()
        .context("start the profiler")?;
    std::thread::sleep(duration);
    let report = guard.report().build().context("read the profile")?;
    let mut text = format!("# stacks sampled {frequency} times a second for {duration:?}\n");
    for (stack, count) in &report.data {
        let mut line = stack.thread_name.clone();
        for frame in stack.frames.iter().rev() {
            for symbol in frame.iter().rev() {
                let _ = write!(line, ";{}", symbol.name());
            }
        }
        let _ = writeln!(text, "{line} {count}");
    }
    Ok(text)
}
