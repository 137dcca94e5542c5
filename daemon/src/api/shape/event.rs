//! A fact as `/events` shows it.

use crate::event::Event;
use serde_json::{Value, json};

/// Docker's message. The legacy fields `status`, `id`, `from` are those of containers and images.
pub fn message(event: &Event) -> Value {
    let kind = event.kind.name();
    let mut message = json!({
        "Type": kind,
        "Action": event.action,
        "Actor": { "ID": event.id, "Attributes": event.attributes },
        "scope": "local",
        "time": event.time_nanos / 1_000_000_000,
        "timeNano": event.time_nanos,
    });
    if matches!(kind, "container" | "image") {
        message["status"] = json!(event.action);
        message["id"] = json!(event.id);
        if let Some(image) = event.attributes.get("image") {
            message["from"] = json!(image);
        }
    }
    message
}
