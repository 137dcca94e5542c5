//! Which containers a list shows, and in which order. Pure: views in, views out.

use super::state::{Status, View};
use shared::error::{Error, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a list asks for.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Also those that do not run.
    pub all: bool,
    /// So many of the latest, running or not.
    pub limit: Option<usize>,
    /// Docker's filters; values of one key are alternatives, keys must all fit.
    pub filters: BTreeMap<String, Vec<String>>,
}

/// Docker's filter keys.
const KEYS: [&str; 14] = [
    "ancestor",
    "before",
    "exited",
    "expose",
    "health",
    "id",
    "is-task",
    "isolation",
    "label",
    "name",
    "network",
    "publish",
    "since",
    "volume",
];

impl Selection {
    /// Checks keys and values, in Docker's words.
    pub fn check(&self) -> Result<()> {
        for (key, values) in &self.filters {
            if key != "status" && !KEYS.contains(&key.as_str()) {
                return Err(Error::invalid(format!("Invalid filter '{key}'")));
            }
            for value in values {
                let good = match key.as_str() {
                    "status" => Status::parse(value).is_some(),
                    "health" => {
                        ["none", "starting", "healthy", "unhealthy"].contains(&value.as_str())
                    }
                    "exited" => value.parse::<i32>().is_ok(),
                    "is-task" => matches!(value.as_str(), "true" | "false" | "1" | "0"),
                    _ => true,
                };
                if !good {
                    return Err(Error::invalid(format!("Invalid filter '{key}={value}'")));
                }
            }
        }
        Ok(())
    }

    fn values(&self, key: &str) -> Option<&[String]> {
        self.filters.get(key).map(Vec::as_slice).filter(|values| !values.is_empty())
    }

    /// The containers that are shown, the latest first. `ancestors` says whether a container's image is
    /// one of those that a reference names, or descends from it.
    pub fn select(
        &self,
        views: Vec<Arc<View>>,
        ancestors: &dyn Fn(&View, &str) -> bool,
    ) -> Result<Vec<Arc<View>>> {
        self.check()?;
        let mut all = views;
        all.sort_by(|a, b| {
            let created = |view: &View| view.record.decided.created_at_nanos;
            created(b).cmp(&created(a)).then_with(|| a.id().cmp(b.id()))
        });
        let before = self.border(&all, "before")?;
        let since = self.border(&all, "since")?;
        let any_state = self.all
            || self.limit.is_some()
            || ["status", "exited", "health"].iter().any(|k| self.values(k).is_some());
        let mut shown: Vec<Arc<View>> = all
            .into_iter()
            .filter(|view| any_state || is_up(view))
            .filter(|view| {
                let created = view.record.decided.created_at_nanos;
                before.is_none_or(|border| created < border)
                    && since.is_none_or(|border| created > border)
            })
            .filter(|view| self.fits(view, ancestors))
            .collect();
        if let Some(limit) = self.limit {
            shown.truncate(limit);
        }
        Ok(shown)
    }

    /// When the container that `before` or `since` names was created.
    fn border(&self, all: &[Arc<View>], key: &str) -> Result<Option<i64>> {
        let Some([reference, ..]) = self.values(key) else { return Ok(None) };
        let name = reference.trim_start_matches('/');
        let found = all
            .iter()
            .find(|view| view.id().as_str() == reference || view.name() == name)
            .or_else(|| all.iter().find(|view| view.id().as_str().starts_with(reference)));
        match found {
            Some(view) => Ok(Some(view.record.decided.created_at_nanos)),
            None => Err(Error::not_found(format!("No such container: {reference}"))),
        }
    }

    fn fits(&self, view: &View, ancestors: &dyn Fn(&View, &str) -> bool) -> bool {
        let any = |key: &str, test: &dyn Fn(&str) -> bool| {
            self.values(key).is_none_or(|values| values.iter().any(|value| test(value)))
        };
        let every = |key: &str, test: &dyn Fn(&str) -> bool| {
            self.values(key).is_none_or(|values| values.iter().all(|value| test(value)))
        };
        any("status", &|word| Status::parse(word) == Some(view.status()))
            && any("health", &|word| word == view.health_word())
            && any("exited", &|code| has_exited(view, code))
            && any("id", &|prefix| view.id().as_str().starts_with(prefix))
            && any("name", &|part| has_name(view, part))
            && any("is-task", &|word| matches!(word, "false" | "0"))
            && any("ancestor", &|reference| ancestors(view, reference))
            && any("network", &|network| has_network(view, network))
            && any("volume", &|volume| has_volume(view, volume))
            && any("expose", &|port| exposes(view, port))
            && any("publish", &|port| publishes(view, port))
            && every("label", &|label| has_label(view, label))
    }
}

fn is_up(view: &View) -> bool {
    view.status().is_alive() || view.status() == Status::Restarting
}

fn has_exited(view: &View, code: &str) -> bool {
    matches!(view.status(), Status::Exited | Status::Dead)
        && view.state.started_at_nanos != 0
        && code.parse() == Ok(view.state.exit_code)
}

/// Docker takes a regular expression here; an anchored or plain part of the name covers its use.
fn has_name(view: &View, part: &str) -> bool {
    let with_slash = format!("/{}", view.name());
    let (part, from_start) = match part.strip_prefix('^') {
        Some(rest) => (rest, true),
        None => (part, false),
    };
    let (part, to_end) = match part.strip_suffix('$') {
        Some(rest) => (rest, true),
        None => (part, false),
    };
    [view.name(), with_slash.as_str()].into_iter().any(|name| match (from_start, to_end) {
        (true, true) => name == part,
        (true, false) => name.starts_with(part),
        (false, true) => name.ends_with(part),
        (false, false) => name.contains(part),
    })
}

fn has_network(view: &View, network: &str) -> bool {
    let asked = view.record.host_config().and_then(|host| host.network_mode.as_deref());
    view.record.decided.network == network || asked == Some(network)
}

fn has_volume(view: &View, volume: &str) -> bool {
    view.record.decided.mounts.iter().any(|point| {
        point.name == volume
            || point.target == volume
            || (!volume.is_empty() && point.source == volume)
    })
}

fn exposes(view: &View, port: &str) -> bool {
    let wanted = with_protocol(port);
    view.record.body.exposed_ports.iter().flatten().any(|own| with_protocol(own) == wanted)
}

fn publishes(view: &View, port: &str) -> bool {
    let wanted = with_protocol(port);
    let bindings = view.record.host_config().and_then(|host| host.port_bindings.as_ref());
    bindings.into_iter().flatten().any(|(own, _)| with_protocol(own) == wanted)
}

fn with_protocol(port: &str) -> String {
    if port.contains('/') { port.to_owned() } else { format!("{port}/tcp") }
}

/// `name` or `name=value`.
pub fn has_label(view: &View, label: &str) -> bool {
    let labels = view.record.body.labels.as_ref();
    match label.split_once('=') {
        Some((name, value)) => {
            labels.and_then(|labels| labels.get(name)).is_some_and(|own| own == value)
        }
        None => labels.is_some_and(|labels| labels.contains_key(label)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{Decided, Record};
    use super::super::state::State;
    use super::*;
    use serde_json::value::RawValue;
    use shared::id::ContainerId;

    fn view(name: &str, created: i64, status: Status, body: &str) -> Arc<View> {
        let asked = RawValue::from_string(body.to_owned()).unwrap();
        let decided =
            Decided { name: name.into(), created_at_nanos: created, ..Decided::default() };
        let record = Record::new(ContainerId::generate(), asked, decided).unwrap();
        let state = State { status, started_at_nanos: 1, exit_code: 3, ..State::default() };
        Arc::new(View {
            record: Arc::new(record),
            state,
            health: None,
            execs: Arc::default(),
            log_lost: 0,
        })
    }

    fn views() -> Vec<Arc<View>> {
        vec![
            view("old", 1, Status::Exited, r#"{"Labels":{"a":"1","b":"2"}}"#),
            view("web", 2, Status::Running, r#"{"Labels":{"a":"2"},"ExposedPorts":{"80/tcp":{}}}"#),
            view("web2", 3, Status::Paused, "{}"),
        ]
    }

    fn names(all: bool, limit: Option<usize>, filters: &[(&str, &str)]) -> String {
        let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, value) in filters {
            map.entry((*key).into()).or_default().push((*value).into());
        }
        let selection = Selection { all, limit, filters: map };
        match selection.select(views(), &|_, _| false) {
            Ok(shown) => shown.iter().map(|v| v.name()).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_latest_first_and_only_what_runs() {
        assert_eq!(names(false, None, &[]), "web2 web");
        assert_eq!(names(true, None, &[]), "web2 web old");
        assert_eq!(names(false, Some(3), &[]), "web2 web old");
        assert_eq!(names(false, Some(1), &[]), "web2");
    }

    #[test]
    fn filters() {
        for (filters, expected) in [
            (&[("status", "exited")][..], "old"),
            (&[("status", "exited"), ("status", "paused")], "web2 old"),
            (&[("exited", "3")], "old"),
            (&[("exited", "4")], ""),
            (&[("name", "web")], "web2 web"),
            (&[("name", "^web$")], "web"),
            (&[("name", "^/web$")], "web"),
            (&[("label", "a")], "web"),
            (&[("expose", "80")], "web"),
            (&[("since", "web")], "web2"),
            (&[("before", "web2")], "web"),
        ] {
            assert_eq!(names(false, None, filters), expected, "{filters:?}");
        }
        assert_eq!(names(true, None, &[("label", "a=1"), ("label", "b")]), "old");
    }

    #[test]
    fn mistakes_in_dockers_words() {
        assert_eq!(names(true, None, &[("foo", "x")]), "Invalid filter 'foo'");
        assert_eq!(names(true, None, &[("status", "x")]), "Invalid filter 'status=x'");
        assert_eq!(names(true, None, &[("before", "zzz")]), "No such container: zzz");
    }
}
