//! Sends a container's log to a syslog collector from its files, so that a collector that is away
//! neither blocks the container nor loses a line that the files still have. How far it came is kept in a
//! file of its own and survives the daemon; what rotation took away first is counted.

use super::Place;
use super::follow::Watch;
use super::syslog::{Collector, Message, Sender, encode};
use super::walk::{Continuity, Cursor, Go, Progress, Walker};
use crate::container::spec::syslog::Target;
use crate::task::{self, channel::Receiver};
use shared::error::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Wait before the first further attempt to reach a collector; doubles each time.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// The longest wait between attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// How often an unreachable collector is tried after the container has ended, before the rest is left
/// for the next start.
const LAST_ATTEMPTS: u32 = 5;

/// One container's forwarding.
#[derive(Clone, Debug)]
pub struct Forward {
    /// Its log files.
    pub place: Place,
    /// The collector.
    pub target: Target,
    /// Docker's tag.
    pub tag: String,
    /// Where to keep how far it came.
    pub cursor: PathBuf,
}

/// Forwards until the container has ended (`ended` is closed) and everything was sent. The caller spawns
/// it when the container starts or is taken over.
///
/// # Errors
/// When files cannot be read; a collector that is away is waited for.
pub async fn forward(job: Forward, ended: Receiver<()>) -> Result<()> {
    let folder = job.place.path.parent().unwrap_or(Path::new("/"));
    let mut watch = Watch::new(folder);
    let host = nix::unistd::gethostname().context("read the host's name")?;
    let sender = Sender {
        host: host.to_string_lossy().into_owned(),
        tag: job.tag.clone(),
        pid: std::process::id(),
    };
    let mut state = open(job, sender).await?;
    let mut last_round = false;
    loop {
        let (back, outcome) = task::blocking("forward a log", move || {
            let outcome = state.round();
            (state, outcome)
        })
        .await;
        state = back;
        match outcome? {
            Outcome::Sent => state.failures = 0,
            Outcome::Dry if last_round => return Ok(()),
            Outcome::Dry => {
                let wake = super::follow::wait(&mut watch, &ended, None).await?;
                last_round = matches!(wake, super::follow::Wake::Ended);
            }
            Outcome::Away => {
                last_round |= ended.is_closed();
                if last_round && state.failures >= LAST_ATTEMPTS {
                    tracing::warn!(tag = %state.job.tag, "the rest of a log waits for its collector");
                    return Ok(());
                }
                let wait = BACKOFF_MIN.saturating_mul(1 << state.failures.min(16)).min(BACKOFF_MAX);
                task::sleep(wait).await;
            }
        }
    }
}

async fn open(job: Forward, sender: Sender) -> Result<State> {
    task::blocking("open a log to forward", move || {
        let text = fs::read(&job.cursor).unwrap_or_default();
        let cursor: Option<Cursor> = serde_json::from_slice(&text).ok();
        let (walker, continuity) = Walker::resume(job.place.clone(), cursor)?;
        if continuity == Continuity::Broken {
            tracing::warn!(tag = %job.tag, "rotation took lines away before they were forwarded");
        }
        Ok(State { job, sender, walker, collector: None, waiting: Vec::new(), failures: 0 })
    })
    .await
}

enum Outcome {
    /// Something was sent: look again.
    Sent,
    /// Everything was sent.
    Dry,
    /// The collector cannot be reached.
    Away,
}

struct State {
    job: Forward,
    sender: Sender,
    walker: Walker,
    collector: Option<Collector>,
    /// Read but not sent.
    waiting: Vec<Message>,
    failures: u32,
}

impl State {
    /// Reads a block unless one waits, sends it, notes how far that is. Blocking.
    fn round(&mut self) -> Result<Outcome> {
        if self.waiting.is_empty() {
            let waiting = &mut self.waiting;
            let progress = self.walker.block(&mut |line| {
                let mut text = Vec::new();
                line.append_text(&mut text);
                if text.last() == Some(&b'\n') {
                    text.pop();
                }
                let at_nanos = line.at_nanos().unwrap_or_default();
                waiting.push(Message { stream: line.stream, at_nanos, text });
                Go::On
            })?;
            if self.waiting.is_empty() {
                return Ok(if progress == Progress::More { Outcome::Sent } else { Outcome::Dry });
            }
        }
        let sent = self.send();
        self.waiting.drain(..sent.0);
        if let Err(error) = sent.1 {
            self.collector = None;
            self.failures += 1;
            if self.failures == 1 {
                tracing::warn!(tag = %self.job.tag, %error, "a syslog collector is away");
            }
            return Ok(Outcome::Away);
        }
        self.note()?;
        Ok(Outcome::Sent)
    }

    /// How many went out, and why not all.
    fn send(&mut self) -> (usize, Result<()>) {
        let collector = match self
            .collector
            .take()
            .map_or_else(|| Collector::connect(&self.job.target.address), Ok)
        {
            Ok(collector) => self.collector.insert(collector),
            Err(error) => return (0, Err(error)),
        };
        for (number, message) in self.waiting.iter().enumerate() {
            let bytes = encode(&self.job.target, &self.sender, message);
            if let Err(error) = collector.send(&bytes) {
                return (number, Err(error));
            }
        }
        (self.waiting.len(), Ok(()))
    }

    fn note(&self) -> Result<()> {
        let Some(cursor) = self.walker.cursor() else { return Ok(()) };
        let text = serde_json::to_vec(&cursor).context("encode a cursor")?;
        let fresh = self.job.cursor.with_extension("new");
        fs::write(&fresh, text).with_context(|| format!("write {}", fresh.display()))?;
        fs::rename(&fresh, &self.job.cursor)
            .with_context(|| format!("write {}", self.job.cursor.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::spec::syslog::{Address, Format};
    use shared::frame::Stream;
    use shared::logline::{Encoder, Ending};
    use shared::shim::LogFormat;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn a_collector_that_comes_late_misses_nothing_and_gets_nothing_twice() {
        let folder = std::env::temp_dir().join(format!("coffer-syslog-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let place = Place { path: folder.join("log"), format: LogFormat::Local, files: 2 };
        let mut encoder = Encoder::new(place.format, None);
        let mut file = Vec::new();
        let mut write = |text: &str| {
            encoder.append(Stream::Stdout, 1, text.as_bytes(), Ending::Line, &mut file);
            fs::write(&place.path, &file).unwrap();
        };
        write("one");
        let path = folder.join("collector");
        let address = Address::Datagram(path.clone());
        let target = Target { address, facility: 8, format: Format::Local };
        let cursor = folder.join("cursor");
        let job = Forward { place: place.clone(), target, tag: "t".into(), cursor };
        let sender = || Sender { host: "h".into(), tag: "t".into(), pid: 1 };
        let mut state = task::block_on(open(job.clone(), sender())).unwrap();
        assert!(matches!(state.round().unwrap(), Outcome::Away));
        let collector = UnixDatagram::bind(&path).unwrap();
        collector.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let receive = || {
            let mut buffer = [0; 200];
            let length = collector.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        assert!(matches!(state.round().unwrap(), Outcome::Sent));
        assert!(receive().ends_with(": one"));
        drop(state);
        write("two");
        let (keeper, ended) = task::channel::bounded::<()>(1);
        drop(keeper);
        task::block_on(forward(job, ended)).unwrap();
        assert!(receive().ends_with(": two"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
