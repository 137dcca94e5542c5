//! `GET /containers/{id}/stats`: one answer, or one a second.

use crate::api::reply::{JSON, Reply, line};
use crate::api::request::Call;
use crate::container::Containers;
use crate::container::io::stats::{Subject, empty, shape};
use crate::container::sampler::{Pair, Sampler};
use crate::container::state::View;
use crate::task;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use shared::error::{Kind, Result};
use shared::kernel::cgroup::Version;
use std::io;
use std::time::{Duration, Instant};

/// Docker's period.
const PERIOD: Duration = Duration::from_secs(1);

/// `GET /containers/{id}/stats`.
pub async fn stats(call: Call) -> Result<Reply> {
    let (query, engine) = (call.query(), call.engine());
    let view = engine.containers.view(&call.param("id")?)?;
    let id = view.id().to_string();
    let mut source = Source {
        containers: engine.containers.clone(),
        sampler: engine.containers.sampler().clone(),
        host_memory_bytes: engine.host.memory_bytes,
        version: match engine.host.cgroup_version {
            Some(1) => Version::V1,
            _ => Version::V2,
        },
        last: None,
        before: Before::Known,
    };
    if !query.flag_or("stream", true) {
        source.before = if query.flag("one-shot") { Before::None } else { Before::Known };
        let text = source.read(&view).await?;
        return Ok(Reply::bytes(200, JSON, text));
    }
    let texts = stream::unfold((source, None), move |(mut source, ticks)| {
        let id = id.clone();
        async move {
            let ticks = match ticks {
                None => task::interval(PERIOD),
                Some(mut ticks) => {
                    next_tick(&mut ticks).await;
                    ticks
                }
            };
            // The stream ends when the container is gone.
            let view = source.containers.view(&id).ok()?;
            let text = source.read(&view).await;
            let text = text.map_err(|error| io::Error::other(error.to_string()));
            Some((text, (source, Some(ticks))))
        }
    });
    Ok(Reply::feed(JSON, texts))
}

async fn next_tick(ticks: &mut (impl Stream<Item = Instant> + Unpin)) {
    // A ticker never ends.
    let _ = ticks.next().await;
}

/// Which reading an answer is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// The one before, whoever took it.
    Known,
    /// None: the client asked for one reading alone.
    None,
}

struct Source {
    containers: Containers,
    sampler: Sampler,
    host_memory_bytes: u64,
    version: Version,
    last: Option<Pair>,
    before: Before,
}

impl Source {
    /// One object as a line.
    async fn read(&mut self, view: &View) -> Result<Bytes> {
        let (sampler, id) = (self.sampler.clone(), view.id().clone());
        let pair = task::blocking("read statistics", move || sampler.read(&id)).await;
        let pair = match pair {
            Ok(pair) => Some(pair),
            Err(error) if error.kind() == Kind::NotFound => None,
            Err(error) => return Err(error),
        };
        let before = self.last.take().map(|last| last.now);
        let before = before.or_else(|| pair.as_ref().and_then(|pair| pair.before.clone()));
        let before = before.filter(|_| self.before == Before::Known);
        let subject = Subject {
            id: view.id().to_string(),
            name: view.name().to_owned(),
            version: self.version,
            cpus: pair.as_ref().map_or(0, |pair| pair.cpus),
            memory_bytes: self.host_memory_bytes,
        };
        let stats = match &pair {
            Some(pair) => shape(&subject, &pair.now, before.as_deref()),
            None => empty(&subject),
        };
        let text = line(&stats);
        self.last = pair;
        text
    }
}
