//! The way back: messages to the loop.

use crate::message::{Message, Tone};
use async_channel::Sender;

/// Sends a message, and waits while the loop has enough to do.
pub async fn send(messages: &Sender<Message>, message: Message) {
    // The receiver is gone only when the console is leaving.
    let _ = messages.send(message).await;
}

/// Says on the status line that something went wrong.
pub async fn notice(messages: &Sender<Message>, text: String) {
    send(messages, Message::Notice { tone: Tone::Bad, text }).await;
}
