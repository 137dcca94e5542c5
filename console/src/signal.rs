//! Signals as messages: a thread waits for them and hands them to the loop.

use async_channel::Receiver;
use shared::error::{Context, Result};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::{Handle, Signals};

/// Ends the thread when dropped.
#[derive(Debug)]
pub struct Watch {
    handle: Handle,
    /// The signals that came in.
    pub signals: Receiver<i32>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.handle.close();
    }
}

/// Begins to wait for the signals that concern a program on a terminal.
pub fn watch() -> Result<Watch> {
    listen(&[SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT])
}

/// Begins to wait for these signals.
pub fn listen(which: &[i32]) -> Result<Watch> {
    let mut signals = Signals::new(which).context("listen for signals")?;
    let handle = signals.handle();
    let (sender, receiver) = async_channel::bounded(16);
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                if sender.send_blocking(signal).is_err() {
                    break;
                }
            }
        })
        .context("start the thread for signals")?;
    Ok(Watch { handle, signals: receiver })
}

/// Stops this process as SIGTSTP would, until SIGCONT.
pub fn stop() -> Result<()> {
    signal_hook::low_level::emulate_default_handler(SIGTSTP).context("suspend")
}
