//! Carries out Commands with `shared::client` and sends what came of it back as Messages.
//!
//! Nothing here changes the state of the console, and no command waits for another: each is a task.
//! The watch stream and what the detail pane loads exist once; a new one replaces the old.

mod detail;
mod lines;
mod say;
mod watch;

use crate::command::Command;
use crate::message::Message;
use crate::rt;
use crate::verb::{Target, Verb};
use async_channel::Sender;
use futures_util::stream::{self, StreamExt};
use say::{notice, send};
use shared::client::{Client, Content, Method};
use shared::error::Result;
use shared::watch::{Event, Interest, PATH};
use std::time::Instant;

/// Targets of one action that are worked on at the same time.
const PARALLEL: usize = 8;
/// Events fetched when the console opens.
const PAST_MAX: usize = 1_000;

/// Runs commands.
pub struct Effects {
    client: Client,
    messages: Sender<Message>,
    watch: Option<rt::Task>,
    load: Option<rt::Task>,
}

impl Effects {
    /// Talks to `client` and answers through `messages`.
    pub fn new(client: Client, messages: Sender<Message>) -> Self {
        Self { client, messages, watch: None, load: None }
    }

    /// Starts a command. Those that need the terminal are the loop's business and do nothing here.
    pub fn run(&mut self, command: Command) {
        let (client, messages) = (self.client.clone(), self.messages.clone());
        match command {
            Command::Connect { after } => {
                self.watch = Some(rt::spawn(watch::follow(client, after, messages)));
            }
            Command::Load { generation, load } => {
                self.load = Some(rt::spawn(detail::load(client, generation, load, messages)));
            }
            Command::Unload => self.load = None,
            Command::Interest { stream, containers } => rt::detach(async move {
                let interest = Interest { containers, all: false };
                let path = format!("{PATH}/{stream}/interest");
                if let Err(error) = tell(&client, &path, &interest).await {
                    notice(&messages, format!("cannot ask for figures every second: {error}"))
                        .await;
                }
            }),
            Command::Past { since, until } => rt::detach(async move {
                match past(&client, since, until).await {
                    Ok(events) => send(&messages, Message::Past(events)).await,
                    Err(error) => {
                        notice(&messages, format!("cannot fetch earlier events: {error}")).await
                    }
                }
            }),
            Command::Act { verb, targets } => rt::detach(act(client, verb, targets, messages)),
            Command::CopyObject(id) => rt::detach(async move {
                let path = format!("/containers/{id}/json");
                match client.get::<serde_json::Value>(&path).await {
                    Ok(value) => send(&messages, Message::Clip(format!("{value:#}"))).await,
                    Err(error) => notice(&messages, error.to_string()).await,
                }
            }),
            Command::Quit
            | Command::Suspend
            | Command::Redraw
            | Command::Shell(_)
            | Command::Attach(_)
            | Command::Copy(_) => {}
        }
    }

    /// The connection, for what needs the terminal.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

async fn tell(client: &Client, path: &str, interest: &Interest) -> Result<()> {
    client.whole(Method::PUT, path, Content::json(interest)?).await.map(|_| ())
}

async fn past(client: &Client, since: i64, until: i64) -> Result<Vec<Event>> {
    let path = format!("/events?since={since}&until={until}");
    let mut lines = client.lines::<serde_json::Value>(Method::GET, &path, Content::Nothing).await?;
    let mut events = std::collections::VecDeque::new();
    while let Some(line) = lines.next().await {
        if events.len() == PAST_MAX {
            events.pop_front();
        }
        events.push_back(event_of(&line?));
    }
    Ok(events.into())
}

/// Docker's shape of an event in ours; its number is not known.
fn event_of(line: &serde_json::Value) -> Event {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
    let actor = &line["Actor"];
    let attributes = actor["Attributes"].as_object().into_iter().flatten();
    Event {
        seq: 0,
        time_nanos: line["timeNano"].as_i64().unwrap_or_default(),
        kind: text(&line["Type"]),
        action: text(&line["Action"]),
        id: text(&actor["ID"]),
        attributes: attributes.map(|(name, value)| (name.clone(), text(value))).collect(),
    }
}

async fn act(client: Client, verb: Verb, targets: Vec<Target>, messages: Sender<Message>) {
    stream::iter(targets)
        .for_each_concurrent(PARALLEL, |target| {
            let (client, messages) = (client.clone(), messages.clone());
            async move {
                let begin = Instant::now();
                let error = one(&client, verb, &target.id).await.err().map(|e| e.to_string());
                let done = Message::Done { verb, name: target.name, took: begin.elapsed(), error };
                send(&messages, done).await;
            }
        })
        .await;
}

async fn one(client: &Client, verb: Verb, id: &str) -> Result<()> {
    let path = match verb {
        Verb::Remove => return client.delete(&format!("/containers/{id}")).await.map(|_| ()),
        Verb::RemoveForced => {
            return client.delete(&format!("/containers/{id}?force=1")).await.map(|_| ());
        }
        Verb::Kill(signal) => format!("/containers/{id}/kill?signal={signal}"),
        Verb::Start | Verb::Stop | Verb::Restart | Verb::Pause | Verb::Unpause => {
            format!("/containers/{id}/{}", verb.name())
        }
    };
    client.act(&path).await.map(|_| ())
}
