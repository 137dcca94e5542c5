//! `GET /coffer/v1/watch`: the whole state, then every change, every fact and the samples of interest, on
//! one stream; see [`shared::watch`] for its lines.
//!
//! Everything is pulled: a slow client gets the newest object once instead of each version, the newest
//! sample instead of all, and every fact of the journal or an explicit gap. It costs no queue.

use crate::api::reply::Reply;
use crate::api::request::{Call, Query};
use crate::api::shape;
use crate::config::build;
use crate::container::feed::{Changes, Reader};
use crate::container::look::Watch;
use crate::engine::Engine;
use crate::event::{Item, Since, Subscription};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream;
use shared::error::{Context, Error, Result};
use shared::id::ContainerId;
use shared::watch::{Frame, Hello, Interest, Key, Object};
use std::io;

/// Objects on one line of a snapshot.
const PAGE: usize = 200;
/// Facts sent at once before the client is asked whether it keeps up.
const FACTS: usize = 512;

/// Which lines a client wants (`types=`); all without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    containers: bool,
    events: bool,
    samples: bool,
}

impl Wanted {
    fn parse(query: &Query) -> Result<Self> {
        let Some(text) = query.text("types") else {
            return Ok(Self { containers: true, events: true, samples: true });
        };
        let mut wanted = Self { containers: false, events: false, samples: false };
        for word in text.split(',') {
            match word {
                // Whoever looks at containers says by its interest which figures it wants.
                "container" => (wanted.containers, wanted.samples) = (true, true),
                "event" => wanted.events = true,
                "sample" => wanted.samples = true,
                other => return Err(Error::invalid(format!("invalid type of line: {other}"))),
            }
        }
        Ok(wanted)
    }
}

/// Opens a stream.
pub async fn watch(call: Call) -> Result<Reply> {
    let (engine, query) = (call.engine().clone(), call.query());
    let wanted = Wanted::parse(&query)?;
    let journal = &engine.journal;
    // Readers are made before the snapshot: what changes meanwhile is told twice rather than never.
    let reader = engine.containers.feed().reader();
    let since = match query.text("after") {
        Some(cursor) => Since::After(journal.parse_cursor(cursor)?),
        None => Since::Now,
    };
    let events = journal.subscribe(since).await?;
    let samples = engine.containers.sampler().watch();
    let stream = Stream { engine, wanted, reader, events, samples, seq: 0 };
    Ok(Reply::feed("application/x-ndjson", stream.lines()))
}

/// Says which containers a stream looks at.
pub async fn interest(mut call: Call) -> Result<Reply> {
    let interest: Interest = call.json().await?;
    call.engine().containers.sampler().look_at(&call.param("id")?, interest)?;
    Ok(Reply::status(204))
}

struct Stream {
    engine: Engine,
    wanted: Wanted,
    reader: Reader,
    events: Subscription,
    samples: Watch,
    /// The number of the newest fact that the client has been told of.
    seq: u64,
}

impl Stream {
    fn lines(self) -> impl stream::Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::unfold((self, false), |(mut stream, greeted)| async move {
            let lines = if greeted { stream.next().await } else { stream.greet() };
            let lines = lines.map(Bytes::from).map_err(|error| {
                tracing::warn!(%error, "a watch stream broke off");
                io::Error::other(error.to_string())
            });
            Some((lines, (stream, true)))
        })
    }

    /// Hello and the whole state.
    fn greet(&mut self) -> Result<Vec<u8>> {
        self.seq = self.engine.journal.released().saturating_sub(1);
        let mut lines = Vec::new();
        write(&mut lines, &Frame::Hello { hello: self.hello() })?;
        self.snapshot(&mut lines)?;
        Ok(lines)
    }

    fn hello(&self) -> Hello {
        let (engine, host) = (&self.engine, &self.engine.host);
        Hello {
            id: self.samples.id().to_owned(),
            store: engine.journal.store().id().to_owned(),
            version: build::VERSION.to_owned(),
            host: host.name.clone(),
            cpus: host.cpus,
            memory_bytes: host.memory_bytes,
            started_at_nanos: engine.identity.started_at_nanos,
            adopted: engine.containers.adopted(),
        }
    }

    fn snapshot(&self, lines: &mut Vec<u8>) -> Result<()> {
        if self.wanted.containers {
            let views = self.engine.containers.views();
            for page in views.chunks(PAGE) {
                let object = |view: &std::sync::Arc<crate::container::state::View>| {
                    Object::Container(Box::new(shape::watch::container(view)))
                };
                write(lines, &Frame::Snapshot { snapshot: page.iter().map(object).collect() })?;
            }
        }
        if self.wanted.samples {
            let sample = self.engine.containers.sampler().latest();
            if !sample.is_empty() {
                write(lines, &Frame::Sample { sample })?;
            }
        }
        write(lines, &Frame::End { end: true, seq: self.seq })
    }

    /// Waits for something to tell.
    async fn next(&mut self) -> Result<Vec<u8>> {
        let mut lines = Vec::new();
        while lines.is_empty() {
            futures_util::select_biased! {
                item = self.events.next().fuse() => self.facts(item?, &mut lines).await?,
                changes = self.reader.next().fuse() => self.changes(changes, &mut lines)?,
                sample = self.samples.next().fuse() => if self.wanted.samples {
                    write(&mut lines, &Frame::Sample { sample })?;
                },
            }
        }
        Ok(lines)
    }

    /// This fact and those that are there already; then the objects that changed with them.
    async fn facts(&mut self, first: Item, lines: &mut Vec<u8>) -> Result<()> {
        let mut next = Some(first);
        let mut count = 0;
        while let Some(item) = next {
            match item {
                Item::Event(event) => {
                    self.seq = event.seq;
                    if self.wanted.events {
                        let seq = event.seq;
                        write(lines, &Frame::Event { event: (&*event).into(), seq })?;
                    }
                }
                Item::Gap(gap) => {
                    self.seq = gap.to;
                    write(lines, &Frame::Gap { gap })?;
                }
            }
            count += 1;
            next = if count < FACTS { self.events.ready().await? } else { None };
        }
        match self.reader.ready() {
            Some(changes) => self.changes(changes, lines),
            None => Ok(()),
        }
    }

    fn changes(&mut self, changes: Changes, lines: &mut Vec<u8>) -> Result<()> {
        if !self.wanted.containers {
            return Ok(());
        }
        match changes {
            Changes::Everything => self.snapshot(lines),
            Changes::These(ids) => ids.iter().try_for_each(|id| self.change(id, lines)),
        }
    }

    fn change(&self, id: &ContainerId, lines: &mut Vec<u8>) -> Result<()> {
        let seq = self.seq;
        match self.engine.containers.view(id.as_str()) {
            Ok(view) => {
                let put = Object::Container(Box::new(shape::watch::container(&view)));
                write(lines, &Frame::Put { put, seq })
            }
            Err(_) => {
                let del = Key { kind: "container".to_owned(), id: id.to_string() };
                write(lines, &Frame::Del { del, seq })
            }
        }
    }
}

fn write(lines: &mut Vec<u8>, frame: &Frame) -> Result<()> {
    serde_json::to_writer(&mut *lines, frame).context("encode a line of the watch stream")?;
    lines.push(b'\n');
    Ok(())
}
