//! Signals as messages. They are blocked before the first thread starts and taken by one thread; the
//! programs that we start get a clean mask from the standard library.

use crate::task::channel::{Receiver, unbounded};
use nix::sys::signal::{SigSet, Signal};
use shared::error::{Context, Result};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Stop: TERM, INT or QUIT. A second one ends the process at once.
    Stop(Signal),
    /// Write down what goes on: USR1.
    Dump,
    /// Read what can be read anew: HUP.
    Reload,
}

/// The blocked signals. Make it first in `main`, while there is one thread.
pub struct Blocked(SigSet);

impl Blocked {
    /// Blocks them for this thread and those that it will start.
    pub fn new() -> Result<Self> {
        let mut set = SigSet::empty();
        for signal in
            [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGHUP]
        {
            set.add(signal);
        }
        set.thread_block().context("block signals")?;
        Ok(Self(set))
    }

    /// Starts the thread that takes them.
    pub fn listen(self) -> Result<Receiver<Ask>> {
        let (sender, receiver) = unbounded();
        std::thread::Builder::new()
            .name("signals".into())
            .stack_size(64 << 10)
            .spawn(move || {
                let mut stops = 0;
                loop {
                    let ask = match self.0.wait() {
                        Ok(Signal::SIGUSR1) => Ask::Dump,
                        Ok(Signal::SIGHUP) => Ask::Reload,
                        Ok(signal) => {
                            stops += 1;
                            Ask::Stop(signal)
                        }
                        Err(_) => continue,
                    };
                    if stops > 1 {
                        eprintln!("cofferd: a second signal ends the daemon at once");
                        std::process::exit(1);
                    }
                    if sender.try_send(ask).is_err() {
                        return;
                    }
                }
            })
            .context("start the thread for signals")?;
        Ok(receiver)
    }
}
