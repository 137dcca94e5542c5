//! `GET /containers/{id}/logs`.

use crate::api::reply::Reply;
use crate::api::request::{Call, Query};
use crate::api::shape::time;
use crate::api::version::Version;
use crate::container::io::logs::{self, Options, Place, Shape, Tail, Until};
use crate::container::request::Condition;
use crate::container::spec::log::Choice;
use crate::container::state::View;
use crate::engine::Engine;
use crate::event::now_nanos;
use crate::task::{self, channel};
use futures_util::stream::StreamExt;
use shared::error::Result;
use shared::net::upgrade::{MULTIPLEXED, RAW};
use std::io;

/// Where a container's log is; none with a driver that keeps nothing.
pub fn place(engine: &Engine, view: &View) -> Result<Option<Place>> {
    let decided = &view.record.decided;
    let choice = Choice::daemon(&decided.log_driver, decided.log_options.clone())?;
    let log = choice.shim(engine.paths.log(view.id()), None)?;
    Ok(log.map(|log| Place { path: log.path, format: log.format, files: log.max_files }))
}

fn options(query: &Query, shape: Shape) -> Result<Options> {
    let now = now_nanos();
    let moment = |key: &str| -> Result<Option<i64>> {
        let text = query.text(key).filter(|text| *text != "0");
        text.map(|text| time::parse(text, now)).transpose()
    };
    Ok(Options {
        stdout: query.flag("stdout"),
        stderr: query.flag("stderr"),
        since_nanos: moment("since")?,
        until_nanos: moment("until")?,
        timestamps: query.flag("timestamps"),
        details: query.flag("details"),
        tail: query.text("tail").map_or(Tail::All, Tail::parse),
        until: if query.flag("follow") { Until::Ended } else { Until::Now },
        shape,
    })
}

/// `GET /containers/{id}/logs`.
pub async fn logs(call: Call) -> Result<Reply> {
    let (engine, id) = (call.engine(), call.param("id")?);
    let view = engine.containers.view(&id)?;
    let terminal = view.record.has_terminal();
    let shape = if terminal { Shape::Raw } else { Shape::Framed };
    let options = options(&call.query(), shape)?;
    options.check()?;
    let place = place(engine, &view)?.ok_or_else(logs::unreadable)?;
    let follows = options.until == Until::Ended;
    let (ended, ending) = channel::bounded(1);
    if follows {
        let waiting = engine.containers.wait(view.id().as_str(), Condition::NotRunning)?;
        // Ends with the container or with the reader, whichever comes first.
        task::spawn("follow a log", async move {
            let gone = ended.closed();
            futures_util::future::select(std::pin::pin!(waiting), std::pin::pin!(gone)).await;
            drop(ended);
        })
        .detach();
    }
    let chunks = logs::stream(place, options, ending).await?;
    let chunks = chunks.map(|chunk| chunk.map_err(|error| io::Error::other(error.to_string())));
    let media = if terminal || call.version < Version(1, 42) { RAW } else { MULTIPLEXED };
    Ok(if follows { Reply::feed(media, chunks) } else { Reply::download(media, chunks) })
}
