//! A log as a stream of chunks; with `follow` it waits for the files to change (inotify on their folder)
//! until the container has ended and everything was read.

use super::reader::{Chunk, Reader};
use super::{Options, Place};
use crate::task::{self, channel::Receiver};
use async_io::Async;
use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream::{self, Stream};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use shared::error::{Context, Result};
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, SystemTime};

/// How often files are looked at when the host has no inotify instance left.
const POLL: Duration = Duration::from_millis(200);
/// The longest wait without a look: a file on a filesystem without notices still is read.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens the log and gives its bytes. `ended` is closed by whoever holds its sender when the container
/// has ended; only a following reader looks at it.
///
/// # Errors
/// When the files cannot be opened; later failures are items of the stream.
pub async fn stream(
    place: Place,
    options: Options,
    ended: Receiver<()>,
) -> Result<impl Stream<Item = Result<Bytes>> + Send + 'static> {
    options.check()?;
    let watch = match options.until {
        super::Until::Ended => Some(Watch::new(place.path.parent().unwrap_or(Path::new("/")))),
        super::Until::Now | super::Until::Byte(_) => None,
    };
    let deadline = options.until_nanos;
    let reader = task::blocking("open a log", move || Reader::open(place, options)).await?;
    let state = State { reader: Some(reader), watch, ended: Some(ended), deadline };
    Ok(stream::try_unfold(state, next))
}

struct State {
    reader: Option<Reader>,
    watch: Option<Watch>,
    /// `None` once the container is known to have ended.
    ended: Option<Receiver<()>>,
    deadline: Option<i64>,
}

async fn next(mut state: State) -> Result<Option<(Bytes, State)>> {
    loop {
        let Some(mut reader) = state.reader.take() else { return Ok(None) };
        let (reader, chunk) = task::blocking("read a log", move || {
            let chunk = reader.next();
            (reader, chunk)
        })
        .await;
        match chunk? {
            Chunk::Bytes(bytes) => {
                state.reader = Some(reader);
                return Ok(Some((bytes.into(), state)));
            }
            Chunk::End => return Ok(None),
            Chunk::Waiting => {}
        }
        let Some(ended) = state.ended.take() else { return Ok(None) };
        state.reader = Some(reader);
        let Some(watch) = &mut state.watch else { return Ok(None) };
        match wait(watch, &ended, state.deadline).await? {
            Wake::Changed => state.ended = Some(ended),
            Wake::Ended => {}
            Wake::Late => return Ok(None),
        }
    }
}

pub(super) enum Wake {
    Changed,
    /// Once more to the end of the files, then it is over.
    Ended,
    /// The moment of `until` has come.
    Late,
}

pub(super) async fn wait(
    watch: &mut Watch,
    ended: &Receiver<()>,
    deadline: Option<i64>,
) -> Result<Wake> {
    let limit = match deadline {
        Some(deadline) => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let left = i128::from(deadline) - now.as_nanos() as i128;
            if left <= 0 {
                return Ok(Wake::Late);
            }
            Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX)).min(PATIENCE)
        }
        None => PATIENCE,
    };
    let changed = pin!(watch.changed(limit));
    let end = pin!(ended.recv());
    Ok(match select(end, changed).await {
        Either::Left(_) => Wake::Ended,
        Either::Right((result, _)) => {
            result?;
            Wake::Changed
        }
    })
}

/// Notices of changes in a folder, or a timer where there are none to be had.
pub(super) enum Watch {
    Notices(Box<Async<Inotify>>),
    Timer,
}

impl Watch {
    /// Begins at once: a change after this is noticed.
    pub(super) fn new(folder: &Path) -> Self {
        let open = || -> Result<Async<Inotify>> {
            let flags = InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK;
            let inotify = Inotify::init(flags).context("open an inotify instance")?;
            let what =
                AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
            inotify.add_watch(folder, what).context("watch a log's folder")?;
            Async::new(inotify).context("wait for an inotify instance")
        };
        match open() {
            Ok(inotify) => Watch::Notices(Box::new(inotify)),
            Err(error) => {
                tracing::warn!(%error, "a followed log is polled");
                Watch::Timer
            }
        }
    }

    async fn changed(&mut self, limit: Duration) -> Result<()> {
        match self {
            Watch::Timer => task::sleep(POLL.min(limit)).await,
            Watch::Notices(inotify) => {
                if task::timeout(limit, "a change of a log", inotify.readable()).await.is_ok() {
                    // One read takes all that is queued or fails with EAGAIN; either way it is looked at.
                    let _ = inotify.get_ref().read_events();
                }
            }
        }
        Ok(())
    }
}
