//! Docker's filters on events, pure. Keys are joined by "and", the values of one key by "or".

use super::{Event, Type};
use shared::error::{Error, Result};
use std::collections::BTreeMap;

/// A parsed filter; an empty one lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(BTreeMap<Key, Vec<String>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Type,
    Action,
    Container,
    Image,
    Volume,
    Network,
    Daemon,
    Label,
    Scope,
    /// Swarm objects and plugins, of which there are none: nothing matches.
    Absent,
}

impl Key {
    fn parse(name: &str) -> Result<Self> {
        Ok(match name {
            "type" => Key::Type,
            "event" => Key::Action,
            "container" => Key::Container,
            "image" => Key::Image,
            "volume" => Key::Volume,
            "network" => Key::Network,
            "daemon" => Key::Daemon,
            "label" => Key::Label,
            "scope" => Key::Scope,
            "config" | "node" | "plugin" | "secret" | "service" => Key::Absent,
            other => return Err(Error::invalid(format!("Invalid filter '{other}'"))),
        })
    }
}

impl Filter {
    /// From the decoded `filters` parameter. An unknown key is an error with Docker's words.
    pub fn parse(filters: &BTreeMap<String, Vec<String>>) -> Result<Self> {
        let mut parsed: BTreeMap<Key, Vec<String>> = BTreeMap::new();
        for (name, values) in filters {
            parsed.entry(Key::parse(name)?).or_default().extend(values.iter().cloned());
        }
        parsed.retain(|_, values| !values.is_empty());
        Ok(Self(parsed))
    }

    /// Whether an event passes.
    pub fn matches(&self, event: &Event) -> bool {
        self.0.iter().all(|(key, values)| match key {
            Key::Label => values.iter().all(|value| has_label(event, value)),
            _ => values.iter().any(|value| matches_one(*key, value, event)),
        })
    }
}

fn matches_one(key: Key, value: &str, event: &Event) -> bool {
    match key {
        Key::Type => event.kind.name() == value,
        // `event=health_status` and `event=exec_start` also match what has a detail behind a colon.
        Key::Action => {
            event.action == value
                || event.action.strip_prefix(value).is_some_and(|rest| rest.starts_with(':'))
        }
        Key::Container => is_object(Type::Container, value, event),
        Key::Volume => is_object(Type::Volume, value, event),
        Key::Network => is_object(Type::Network, value, event),
        Key::Daemon => is_object(Type::Daemon, value, event),
        Key::Image => is_image(value, event),
        Key::Scope => value == "local",
        Key::Label | Key::Absent => false,
    }
}

fn is_object(kind: Type, value: &str, event: &Event) -> bool {
    let name = event.attributes.get("name").map(String::as_str);
    event.kind == kind && (is_id(&event.id, value) || name == Some(value))
}

fn is_id(id: &str, value: &str) -> bool {
    id == value || (value.len() >= 4 && id.starts_with(value))
}

/// A container event matches by the image that it names, an image event by id or reference. A value
/// without a tag matches every tag.
fn is_image(value: &str, event: &Event) -> bool {
    let name = match event.kind {
        Type::Image => event.attributes.get("name"),
        Type::Container => event.attributes.get("image"),
        _ => return false,
    };
    let matches = |name: &str| name == value || untagged(name) == value;
    name.is_some_and(|name| matches(name)) || (event.kind == Type::Image && matches(&event.id))
}

fn untagged(name: &str) -> &str {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

fn has_label(event: &Event, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((name, value)) => event.attributes.get(name).is_some_and(|found| found == value),
        None => event.attributes.contains_key(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: Type, action: &str, id: &str, attributes: &[(&str, &str)]) -> Event {
        let attributes = attributes.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Event { seq: 1, time_nanos: 0, kind, action: action.into(), id: id.into(), attributes }
    }

    fn filter(pairs: &[(&str, &[&str])]) -> Filter {
        let map = pairs
            .iter()
            .map(|(key, values)| (key.to_string(), values.iter().map(|v| v.to_string()).collect()));
        Filter::parse(&map.collect()).unwrap()
    }

    #[test]
    fn keys_are_joined_by_and_values_by_or() {
        let start = event(Type::Container, "start", "abcd", &[("name", "web"), ("image", "a:1")]);
        assert!(Filter::default().matches(&start));
        assert!(filter(&[("event", &["stop", "start"]), ("container", &["web"])]).matches(&start));
        assert!(!filter(&[("event", &["stop"]), ("container", &["web"])]).matches(&start));
        assert!(filter(&[("image", &["a"])]).matches(&start));
        assert!(filter(&[("container", &["abcd"])]).matches(&start));
        assert!(!filter(&[("volume", &["web"])]).matches(&start));
        assert!(!filter(&[("service", &["web"])]).matches(&start));
    }

    #[test]
    fn details_behind_a_colon() {
        let health = event(Type::Container, "health_status: healthy", "abcd", &[]);
        assert!(filter(&[("event", &["health_status"])]).matches(&health));
        assert!(filter(&[("event", &["health_status: healthy"])]).matches(&health));
        assert!(!filter(&[("event", &["health"])]).matches(&health));
    }

    #[test]
    fn labels_must_all_be_there() {
        let die = event(Type::Container, "die", "abcd", &[("tier", "1"), ("app", "x")]);
        assert!(filter(&[("label", &["tier=1", "app"])]).matches(&die));
        assert!(!filter(&[("label", &["tier=1", "other"])]).matches(&die));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = Filter::parse(&[("foo".to_owned(), vec![])].into()).unwrap_err();
        assert_eq!(error.to_string(), "Invalid filter 'foo'");
    }
}
