//! Standard input as messages. A thread reads it, and can be called off between two reads: whoever
//! takes the terminal next must not lose its first key to a reader that was left behind.

use async_channel::Receiver;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use shared::error::{Context, Result};
use std::io::{PipeWriter, Read, stdin};
use std::os::fd::AsFd;

/// Bytes read at once.
const CHUNK: usize = 32 * 1024;

/// Standard input until it is dropped.
#[derive(Debug)]
pub struct Input {
    /// What was read; closed at the end of the input.
    pub chunks: Receiver<Vec<u8>>,
    /// Its end calls the thread off.
    _alive: PipeWriter,
}

/// Begins to read.
pub fn open() -> Result<Input> {
    let (cancel, alive) = std::io::pipe().context("make a pipe")?;
    let (sender, chunks) = async_channel::bounded(4);
    std::thread::Builder::new()
        .name("stdin".into())
        .spawn(move || {
            let mut buffer = vec![0; CHUNK];
            loop {
                let input = stdin();
                let mut fds = [
                    PollFd::new(input.as_fd(), PollFlags::POLLIN),
                    PollFd::new(cancel.as_fd(), PollFlags::POLLIN),
                ];
                match poll(&mut fds, PollTimeout::NONE) {
                    Ok(_) => {}
                    Err(Errno::EINTR) => continue,
                    Err(_) => return,
                }
                if fds[1].revents().is_some_and(|r| !r.is_empty()) {
                    return;
                }
                // Locked for one read only; nothing else in this program reads standard input then.
                match input.lock().read(&mut buffer) {
                    Ok(0) | Err(_) => return,
                    Ok(length) => {
                        if sender.send_blocking(buffer[..length].to_vec()).is_err() {
                            return;
                        }
                    }
                }
            }
        })
        .context("start the thread for standard input")?;
    Ok(Input { chunks, _alive: alive })
}
