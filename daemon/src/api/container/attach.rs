//! `POST /containers/{id}/attach`, and what attaching an exec has in common with it: the connection
//! becomes the process's streams.

use super::reframe::{Form, Reframed};
use crate::api::reply::Reply;
use crate::api::request::{Call, Query};
use crate::api::version::Version;
use crate::container::io::attach::{End, Input, connect};
use crate::container::io::detach::Keys;
use crate::container::io::logs::{Options, Shape, Until};
use crate::container::request::Attachment;
use crate::limits;
use crate::task::channel;
use futures_util::future::BoxFuture;
use futures_util::io::AsyncWriteExt;
use futures_util::stream::StreamExt;
use shared::error::{Context, Error, Result};
use shared::net::upgrade::{MULTIPLEXED, RAW, Upgraded, Writer};
use shared::shim::Streams;
use std::pin::pin;

/// What to do when the client leaves with the detach keys.
pub type Left = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// How a client's connection is joined to a process.
pub struct Joint {
    /// The process's end.
    pub attachment: Attachment,
    /// What becomes of what the client sends.
    pub input: Input,
    /// The client speaks this version.
    pub version: Version,
    /// The client wants no frames.
    pub raw: bool,
    /// Called when the client leaves.
    pub left: Left,
}

/// The media type of a stream: framed streams have one of their own from 1.42 on.
fn media(raw: bool, version: Version) -> &'static str {
    if raw || version < Version(1, 42) { RAW } else { MULTIPLEXED }
}

/// How input is treated.
pub fn input(wanted: bool, terminal: bool, keys: &str) -> Result<Input> {
    let keys = Keys::parse(keys)?;
    Ok(match (wanted, terminal) {
        (false, _) => Input::Ignored,
        (true, true) => Input::Terminal(keys),
        (true, false) => Input::Raw,
    })
}

/// Takes the connection over and runs it until one side ends.
pub fn join(joint: Joint, history: Option<History>) -> Reply {
    let media = media(joint.raw, joint.version);
    Reply::hijack(media, move |upgraded| async move {
        if let Err(error) = run(joint, history, upgraded).await {
            tracing::debug!(%error, "a stream broke");
        }
    })
}

async fn run(joint: Joint, history: Option<History>, upgraded: Upgraded) -> Result<()> {
    let Upgraded { reader, mut writer } = upgraded;
    let form = Form::between(joint.attachment.terminal, joint.raw);
    let (opened, finished) = joint.attachment.open().await?;
    writer.taken(limits::HEAD_TAKEN).await;
    if let Some(history) = history {
        history.write(&mut writer, opened.log_bytes).await?;
    }
    let client = Reframed::new(&mut writer, form);
    let end = connect(reader, client, opened.stream, joint.input, &[]).await?;
    if end == End::Detached {
        (joint.left)().await;
    } else if end == End::Finished {
        finished.wait(limits::FINISHED_WAIT).await;
    }
    // Only now, so that a client that sees the end finds the exit code.
    writer.close().await.context("close a client's stream")
}

/// What the container has written before the client attached (`logs=1`).
pub struct History {
    place: crate::container::io::logs::Place,
    options: Options,
}

impl History {
    async fn write(self, writer: &mut Writer, until: u64) -> Result<()> {
        let Self { place, mut options } = self;
        options.until = Until::Byte(until);
        let (_sender, ended) = channel::bounded(1);
        let chunks = crate::container::io::logs::stream(place, options, ended).await?;
        let mut chunks = pin!(chunks);
        while let Some(chunk) = chunks.next().await {
            if writer.write_all(&chunk?).await.is_err() {
                // The client has gone; the join will see it.
                return Ok(());
            }
        }
        Ok(())
    }
}

fn streams(query: &Query) -> Streams {
    Streams {
        stdin: query.flag("stdin"),
        stdout: query.flag("stdout"),
        stderr: query.flag("stderr"),
    }
}

/// `POST /containers/{id}/attach`.
pub async fn attach(call: Call) -> Result<Reply> {
    let (query, id) = (call.query(), call.param("id")?);
    let containers = call.engine().containers.clone();
    let view = containers.view(&id)?;
    let wanted = streams(&query);
    let (logs, stream) = (query.flag("logs"), query.flag("stream"));
    if !logs && !stream {
        return Err(Error::invalid("either logs or stream must be chosen"));
    }
    let terminal = view.record.has_terminal();
    let input =
        input(wanted.stdin && stream, terminal, query.text("detachKeys").unwrap_or_default())?;
    let history = match logs {
        false => None,
        true => super::logs::place(call.engine(), &view)?.map(|place| {
            let shape = if terminal { Shape::Raw } else { Shape::Framed };
            let (stdout, stderr) = (wanted.stdout, wanted.stderr);
            History { place, options: Options { stdout, stderr, ..Options::new(shape) } }
        }),
    };
    if !stream {
        return history_alone(history, media(terminal, call.version));
    }
    let attachment = containers.attach(&id, wanted).await?;
    let left: Left = Box::new(move || {
        Box::pin(async move {
            if let Err(error) = containers.detached(&id).await {
                tracing::warn!(%error, "cannot record that a client has detached");
            }
        })
    });
    let joint = Joint { attachment, input, version: call.version, raw: terminal, left };
    Ok(join(joint, history))
}

fn history_alone(history: Option<History>, media: &'static str) -> Result<Reply> {
    Ok(Reply::hijack(media, move |mut upgraded| async move {
        upgraded.writer.taken(limits::HEAD_TAKEN).await;
        let written = match history {
            Some(history) => history.write(&mut upgraded.writer, u64::MAX).await,
            None => Ok(()),
        };
        if let Err(error) = written {
            tracing::warn!(%error, "cannot read a log");
        }
        // The client may have gone first.
        let _ = upgraded.writer.close().await;
    }))
}
