//! What is said on the status line.

use crate::app::{App, Notice};
use crate::message::Tone;
use crate::text;

/// Says something in words, and the same thing on the command line if there is one.
pub fn say(app: &mut App, tone: Tone, words: &str, command: String) {
    let text = text::clean(words).into_owned();
    app.notice = Some(Notice { tone, text, command, at: app.now });
    app.dirty = true;
}
