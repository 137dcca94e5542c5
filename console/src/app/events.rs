//! The events: live from the journal, with marks where something is missing.

use crate::query::{Query, Subject, Value};
use crate::table::List;
use crate::text;
use shared::watch::Event;
use std::collections::VecDeque;

/// Events kept in memory.
const KEPT: usize = 5_000;

/// Fields of an event that a filter may name.
pub const FIELDS: &[&str] = &["type", "action", "name", "image", "id", "exit", "seq"];

/// What one line shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A fact of the journal, cleaned.
    Event(Box<Event>),
    /// Something about the stream itself: a gap, a lost or a new connection.
    Mark(String),
}

/// A line of the timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Nanoseconds since 1970.
    pub time: i64,
    /// What happened.
    pub fact: Fact,
}

/// Whether new events move the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Follow {
    /// New ones appear at the top.
    #[default]
    Following,
    /// They are counted, and appear when the list is followed again.
    Frozen,
}

/// The events and how they are being looked at.
#[derive(Clone, Debug, Default)]
pub struct Events {
    lines: VecDeque<Line>,
    first: u64,
    /// Rows, newest first, by number of the line.
    pub list: List<u64>,
    /// What is shown.
    pub query: Query,
    /// Whether new events move the list.
    pub follow: Follow,
    /// Lines that have arrived since it was frozen.
    pub waiting: usize,
}

impl Events {
    /// Takes note of a fact.
    pub fn push(&mut self, time: i64, fact: Fact) {
        let fact = match fact {
            Fact::Event(event) => Fact::Event(Box::new(cleaned(*event))),
            Fact::Mark(words) => Fact::Mark(text::clean(&words).into_owned()),
        };
        if self.lines.len() == KEPT {
            self.lines.pop_front();
            self.first += 1;
        }
        self.lines.push_back(Line { time, fact });
        if self.follow == Follow::Frozen {
            self.waiting += 1;
        }
    }

    /// Puts older events in front, if nothing older is known; the present ones keep their numbers.
    pub fn prepend(&mut self, events: Vec<Event>) {
        let known: Vec<u64> = self
            .lines
            .iter()
            .filter_map(|l| match &l.fact {
                Fact::Event(event) => Some(event.seq),
                Fact::Mark(_) => None,
            })
            .collect();
        let later = std::mem::take(&mut self.lines);
        self.first = 0;
        for event in events {
            if event.seq == 0 || !known.contains(&event.seq) {
                self.push(event.time_nanos, Fact::Event(Box::new(event)));
            }
        }
        for line in later {
            self.push(line.time, line.fact);
        }
        self.waiting = 0;
    }

    /// Works out anew which lines are shown.
    pub fn arrange(&mut self, height: usize) {
        let numbered = (self.first..).zip(&self.lines);
        let order = numbered.filter(|(_, line)| self.query.is_empty() || self.query.keeps(*line));
        let mut order: Vec<u64> = order.map(|(number, _)| number).collect();
        order.reverse();
        self.list.set_order(order, height);
        if self.follow == Follow::Following && !self.list.is_touched() {
            self.list.release(height);
        }
    }

    /// One line by its number.
    pub fn line(&self, number: u64) -> Option<&Line> {
        self.lines.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// The newest lines, newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().rev()
    }
}

fn cleaned(mut event: Event) -> Event {
    let scrub = |s: &str| text::clean(s).into_owned();
    event.kind = scrub(&event.kind);
    event.action = scrub(&event.action);
    event.id = scrub(&event.id);
    event.attributes = event.attributes.iter().map(|(k, v)| (scrub(k), scrub(v))).collect();
    event
}

impl Subject for Line {
    fn field(&self, name: &str) -> Option<Value<'_>> {
        let Fact::Event(event) = &self.fact else { return None };
        let attribute = |name: &str| event.attributes.get(name).map(|v| Value::Text(v));
        match name {
            "type" => Some(Value::Text(&event.kind)),
            "action" => Some(Value::Text(&event.action)),
            "id" => Some(Value::Text(&event.id)),
            "name" => attribute("name"),
            "image" => attribute("image"),
            "exit" => attribute("exitCode"),
            "seq" => Some(Value::Number(event.seq as f64)),
            _ => None,
        }
    }

    fn label(&self, name: &str) -> Option<&str> {
        let Fact::Event(event) = &self.fact else { return None };
        event.attributes.get(name).map(String::as_str)
    }

    fn mentions(&self, needle: &str) -> bool {
        match &self.fact {
            Fact::Mark(_) => true,
            Fact::Event(event) => {
                event.action.to_lowercase().contains(needle)
                    || event.id.starts_with(needle)
                    || name(event).to_lowercase().contains(needle)
                    || event
                        .attributes
                        .get("image")
                        .is_some_and(|v| v.to_lowercase().contains(needle))
            }
        }
    }
}

/// What an event is about, in a word.
pub fn name(event: &Event) -> &str {
    match event.attributes.get("name") {
        Some(name) => name,
        None => event.id.get(..12).unwrap_or(&event.id),
    }
}

/// What is worth saying about an event beyond its name.
pub fn explain(event: &Event) -> String {
    let get = |name: &str| event.attributes.get(name).map(String::as_str);
    let mut parts: Vec<String> = Vec::new();
    if event.action == "die" {
        let code = get("exitCode").unwrap_or("?");
        parts.push(match get("execDuration") {
            Some(seconds) => format!("exit {code} after {seconds}s"),
            None => format!("exit {code}"),
        });
    }
    for (attribute, word) in [
        ("signal", "signal"),
        ("oldName", "was"),
        ("execID", "exec"),
        ("container", "container"),
        ("driver", "driver"),
    ] {
        if let Some(value) = get(attribute) {
            parts.push(format!("{word} {}", value.get(..12).unwrap_or(value)));
        }
    }
    if let Some(reason) = get("reason") {
        parts.push(reason.to_string());
    }
    if let Some(image) = get("image") {
        parts.push(image.to_string());
    }
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_ones_come_in_front_and_none_twice() {
        let mut events = Events::default();
        let event = |seq| Event { seq, action: "start".into(), ..Event::default() };
        events.push(0, Fact::Event(Box::new(event(5))));
        events.prepend(vec![event(4), event(5)]);
        events.arrange(10);
        let order = events.list.order();
        assert_eq!(order.len(), 2);
        assert_eq!(events.line(order[0]).unwrap().field("seq"), Some(Value::Number(5.0)));
    }

    #[test]
    fn only_the_last_are_kept() {
        let mut events = Events::default();
        for n in 0..KEPT as i64 + 7 {
            events.push(n, Fact::Mark(String::new()));
        }
        events.arrange(3);
        assert_eq!(events.list.order().len(), KEPT);
        assert!(events.line(6).is_none());
        assert_eq!(events.line(7).unwrap().time, 7);
    }
}
