//! `GET /events`: the journal in Docker's words, from a moment or, beyond Docker, from a cursor on
//! (`after=<store id>-<number>` or `after=<number>`), until another moment or for ever.

use super::reply::{JSON, Reply, line};
use super::request::Call;
use super::route::{Route, get};
use super::shape;
use super::version::Version;
use crate::event::filter::Filter;
use crate::event::{Event, Item, Journal, Since, Subscription, Type, now_nanos};
use crate::{limits, task};
use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream;
use shared::error::{Error, Result};
use shared::watch::Gap;
use std::io;
use std::pin::pin;
use std::time::Duration;

/// Routes of this group.
pub fn routes() -> Vec<Route> {
    vec![get("/events", events)]
}

async fn events(call: Call) -> Result<Reply> {
    let (query, now) = (call.query(), now_nanos());
    let filter = Filter::parse(&query.filters()?)?;
    let moment = |key: &str| query.text(key).map(|text| shape::time::parse(text, now)).transpose();
    let journal = &call.engine().journal;
    let since = match (query.text("after"), moment("since")?) {
        (Some(_), Some(_)) => return Err(Error::invalid("after and since exclude each other")),
        (Some(cursor), None) => Since::After(journal.parse_cursor(cursor)?),
        (None, Some(nanos)) => Since::Time(nanos),
        (None, None) => Since::Now,
    };
    let until = moment("until")?;
    let subscription = journal.subscribe(since).await?;
    // Who reads by cursor gets one with each event; Docker's clients see Docker's fields alone.
    let cursors = query.has("after").then(|| journal.clone());
    let patience = (call.version < Version(1, 25)).then_some(limits::REMOVED_ANSWERED);
    let reader = Reader { subscription, filter, until, cursors, patience };
    let lines = stream::unfold(reader, |mut reader| async move {
        let line = reader.next().await?;
        Some((line.map_err(|error| io::Error::other(error.to_string())), reader))
    });
    Ok(Reply::feed(JSON, lines))
}

struct Reader {
    subscription: Subscription,
    filter: Filter,
    /// Nanoseconds since 1970.
    until: Option<i64>,
    /// What gives each event its cursor, if that is wanted.
    cursors: Option<Journal>,
    /// How long the end of a container is kept back. Clients before 1.25 remove their containers
    /// themselves, and hang up on that request as soon as they see the event: the answer has to be first.
    patience: Option<Duration>,
}

impl Reader {
    fn line(&self, event: &Event) -> Result<Bytes> {
        let mut message = shape::event::message(event);
        if let Some(journal) = &self.cursors {
            message["cursor"] = journal.cursor(event.seq).into();
        }
        line(&message)
    }

    /// The next line; `None` at the end.
    async fn next(&mut self) -> Option<Result<Bytes>> {
        loop {
            let item = match self.item().await? {
                Ok(item) => item,
                Err(error) => return Some(Err(error)),
            };
            match item {
                Item::Event(event) if self.until.is_some_and(|until| event.time_nanos > until) => {
                    return None;
                }
                Item::Event(event) if self.filter.matches(&event) => {
                    let removed = event.kind == Type::Container && event.action == "destroy";
                    if let Some(patience) = self.patience.filter(|_| removed) {
                        task::sleep(patience).await;
                    }
                    return Some(self.line(&event));
                }
                Item::Event(_) => {}
                Item::Gap(gap) => {
                    let told = missed(gap);
                    if self.filter.matches(&told) {
                        return Some(self.line(&told));
                    }
                }
            }
        }
    }

    /// The next item; `None` when the last moment has come.
    async fn item(&mut self) -> Option<Result<Item>> {
        let Some(until) = self.until else { return Some(self.subscription.next().await) };
        match self.subscription.ready().await {
            Ok(Some(item)) => return Some(Ok(item)),
            Ok(None) => {}
            Err(error) => return Some(Err(error)),
        }
        let left =
            u64::try_from(until.saturating_sub(now_nanos())).ok().filter(|left| *left > 0)?;
        let end = task::sleep(Duration::from_nanos(left));
        match select(pin!(self.subscription.next()), pin!(end)).await {
            Either::Left((item, _)) => Some(item),
            Either::Right(_) => None,
        }
    }
}

/// What was lost is told, never skipped in silence.
fn missed(gap: Gap) -> Event {
    Event {
        seq: gap.to,
        time_nanos: now_nanos(),
        kind: Type::Daemon,
        action: "gap".to_owned(),
        id: String::new(),
        attributes: [("from", gap.from), ("to", gap.to)]
            .map(|(name, number)| (name.to_owned(), number.to_string()))
            .into(),
    }
}
