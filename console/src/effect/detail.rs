//! Loads what the detail pane shows. Dropping the task ends it, and with it its connection.

use super::lines::Splitter;
use super::say::send;
use crate::command::{Load, Terminal};
use crate::fleet::Point;
use crate::message::{Answer, Message};
use crate::rt;
use async_channel::Sender;
use futures_util::stream::StreamExt;
use serde_json::Value;
use shared::client::{Client, Content, Method};
use shared::error::{Kind, Result};
use shared::watch::History;
use std::time::Duration;

/// Between two lists of processes; each is an event of the journal.
const PROCESSES: Duration = Duration::from_secs(3);

/// Loads until it is dropped, or until there is no more.
pub async fn load(client: Client, generation: u64, load: Load, messages: Sender<Message>) {
    let result = match load {
        Load::History(id) => history(&client, &id, generation, &messages).await,
        Load::Object(id) => object(&client, &id, generation, &messages).await,
        Load::Processes(id) => processes(&client, &id, generation, &messages).await,
        Load::Logs { id, terminal, since, tail } => {
            let tail = if tail == 0 { "all".to_string() } else { tail.to_string() };
            let path = format!(
                "/containers/{id}/logs?follow=1&stdout=1&stderr=1&timestamps=1&since={since}&tail={tail}"
            );
            logs(&client, &path, terminal, generation, &messages).await
        }
    };
    if let Err(error) = result {
        reply(&messages, generation, Answer::Failed(error.to_string())).await;
    }
}

async fn reply(messages: &Sender<Message>, generation: u64, answer: Answer) {
    send(messages, Message::Detail { generation, answer }).await;
}

/// What the daemon remembers; one that does not offer it remembers nothing.
async fn history(
    client: &Client,
    id: &str,
    generation: u64,
    messages: &Sender<Message>,
) -> Result<()> {
    let path = format!("/coffer/v1/containers/{id}/history");
    let past: History = match client.get(&path).await {
        Err(error) if error.kind() == Kind::NotFound => History::default(),
        other => other?,
    };
    let points = past.readings.iter();
    let points = points.map(|r| Point::new(r.time_nanos, r.cpu_percent, r.working_set_bytes));
    reply(messages, generation, Answer::History(points.collect())).await;
    Ok(())
}

async fn object(
    client: &Client,
    id: &str,
    generation: u64,
    messages: &Sender<Message>,
) -> Result<()> {
    let value: Value = client.get(&format!("/containers/{id}/json")).await?;
    reply(messages, generation, Answer::Object(Box::new(value))).await;
    Ok(())
}

async fn processes(
    client: &Client,
    id: &str,
    generation: u64,
    messages: &Sender<Message>,
) -> Result<()> {
    loop {
        let top: shared::docker::ContainerTopResponse =
            client.get(&format!("/containers/{id}/top")).await?;
        let answer = Answer::Processes {
            titles: top.titles.unwrap_or_default(),
            rows: top.processes.unwrap_or_default(),
        };
        reply(messages, generation, answer).await;
        rt::sleep(PROCESSES).await;
    }
}

async fn logs(
    client: &Client,
    path: &str,
    terminal: Terminal,
    generation: u64,
    messages: &Sender<Message>,
) -> Result<()> {
    let mut body = client.stream(Method::GET, path, Content::Nothing).await?;
    let mut splitter = Splitter::new(terminal);
    while let Some(chunk) = body.next().await {
        let lines = splitter.push(&chunk?);
        if !lines.is_empty() {
            reply(messages, generation, Answer::Lines(lines)).await;
        }
    }
    reply(messages, generation, Answer::Lines(splitter.finish())).await;
    reply(messages, generation, Answer::LogEnd).await;
    Ok(())
}
