//! Docker's filters on volumes, pure.

use super::View;
use shared::error::{Error, Result};
use std::collections::BTreeMap;

/// A parsed filter; an empty one lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    dangling: Option<bool>,
    drivers: Vec<String>,
    names: Vec<String>,
    labels: Vec<String>,
    unlabelled: Vec<String>,
}

impl Filter {
    /// From the decoded `filters` parameter of a list.
    pub fn parse(filters: &BTreeMap<String, Vec<String>>) -> Result<Self> {
        let mut parsed = Self::default();
        for (key, values) in filters {
            match key.as_str() {
                "dangling" => parsed.dangling = boolean(key, values)?,
                "driver" => parsed.drivers.clone_from(values),
                "name" => parsed.names.clone_from(values),
                "label" => parsed.labels.clone_from(values),
                "label!" => parsed.unlabelled.clone_from(values),
                other => return Err(Error::invalid(format!("Invalid filter '{other}'"))),
            }
        }
        Ok(parsed)
    }

    /// From the decoded `filters` parameter of a prune; also whether named volumes go too.
    pub fn parse_prune(filters: &BTreeMap<String, Vec<String>>) -> Result<(Self, Option<bool>)> {
        let (mut parsed, mut all) = (Self::default(), None);
        for (key, values) in filters {
            match key.as_str() {
                "all" => all = boolean(key, values)?,
                "label" => parsed.labels.clone_from(values),
                "label!" => parsed.unlabelled.clone_from(values),
                other => return Err(Error::invalid(format!("Invalid filter '{other}'"))),
            }
        }
        Ok((parsed, all))
    }

    /// Whether a volume passes. Names match in part, as in Docker.
    pub fn matches(&self, view: &View) -> bool {
        let volume = &view.volume;
        let labelled = |wanted: &String| match wanted.split_once('=') {
            Some((name, value)) => volume.labels.get(name).is_some_and(|found| found == value),
            None => volume.labels.contains_key(wanted),
        };
        self.dangling.is_none_or(|dangling| dangling == view.users.is_empty())
            && (self.drivers.is_empty() || self.drivers.contains(&volume.driver))
            && (self.names.is_empty() || self.names.iter().any(|name| volume.name.contains(name)))
            && self.labels.iter().all(labelled)
            && !self.unlabelled.iter().any(labelled)
    }
}

fn boolean(key: &str, values: &[String]) -> Result<Option<bool>> {
    let mut decided = None;
    for value in values {
        let value = match value.to_ascii_lowercase().as_str() {
            "1" | "true" | "t" => true,
            "0" | "false" | "f" => false,
            _ => return Err(Error::invalid(format!("Invalid filter '{key}={value}'"))),
        };
        if decided.replace(value).is_some_and(|before| before != value) {
            return Err(Error::invalid(format!("Invalid filter '{key}': both true and false")));
        }
    }
    Ok(decided)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::Volume;
    use std::path::PathBuf;
    use std::sync::Arc;

    fn view(name: &str, users: &[&str]) -> View {
        let volume = Volume { name: name.into(), driver: "local".into(), ..Volume::default() };
        let users = users.iter().map(|user| user.to_string()).collect();
        View { volume: Arc::new(volume), users, path: PathBuf::new() }
    }

    fn parse(key: &str, value: &str) -> Result<Filter> {
        Filter::parse(&[(key.to_owned(), vec![value.to_owned()])].into())
    }

    #[test]
    fn by_name_use_and_driver() {
        assert!(parse("name", "at").unwrap().matches(&view("data", &[])));
        assert!(parse("dangling", "true").unwrap().matches(&view("data", &[])));
        assert!(!parse("dangling", "1").unwrap().matches(&view("data", &["c"])));
        assert!(!parse("driver", "nfs").unwrap().matches(&view("data", &[])));
        assert!(parse("dangling", "maybe").is_err());
        assert_eq!(parse("foo", "x").unwrap_err().to_string(), "Invalid filter 'foo'");
    }
}
