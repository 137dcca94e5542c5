//! Follows the watch stream: every chunk that arrives becomes one message with all its lines.

use super::say::send;
use crate::message::Message;
use async_channel::Sender;
use futures_util::stream::StreamExt;
use shared::client::{Client, Content, Method};
use shared::error::{Context, Error, Result};
use shared::watch::{Frame, PATH};

/// Longest line of the stream in bytes; a snapshot of many containers comes in several lines.
const LINE_MAX: usize = 64 << 20;
/// What is watched.
const TYPES: &str = "container,event";

/// Follows the stream until it ends, which it says with [`Message::Lost`].
pub async fn follow(client: Client, after: Option<String>, messages: Sender<Message>) {
    let reason = match read(&client, after, &messages).await {
        Ok(()) => "the daemon closed the stream".to_string(),
        Err(error) => error.to_string(),
    };
    send(&messages, Message::Lost { reason }).await;
}

async fn read(client: &Client, after: Option<String>, messages: &Sender<Message>) -> Result<()> {
    let mut path = format!("{PATH}?types={TYPES}");
    if let Some(after) = after {
        path.push_str(&format!("&after={after}"));
    }
    let mut body = client.stream(Method::GET, &path, Content::Nothing).await?;
    let mut rest = Vec::new();
    while let Some(chunk) = body.next().await {
        rest.extend_from_slice(&chunk?);
        let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else {
            if rest.len() > LINE_MAX {
                return Err(Error::internal("a line of the watch stream is longer than 64 MiB"));
            }
            continue;
        };
        let frames = parse(&rest[..end])?;
        rest.drain(..=end);
        send(messages, Message::Frames(frames)).await;
    }
    Ok(())
}

fn parse(lines: &[u8]) -> Result<Vec<Frame>> {
    lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| {
            serde_json::from_slice(line).with_context(|| {
                let begin = String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned();
                format!("read a line of the watch stream ({begin})")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_an_error_with_its_beginning() {
        let good = b"{\"end\":true,\"seq\":4}\n\n{\"gap\":{\"from\":1,\"to\":2}}";
        assert_eq!(parse(good).unwrap().len(), 2);
        let error = parse(b"<html>").unwrap_err().to_string();
        assert!(error.starts_with("read a line of the watch stream (<html>)"), "{error}");
    }
}
