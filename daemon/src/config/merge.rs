//! Joins the file and the flags. dockerd's rule: a key in both is refused by name, whatever the
//! values, except that lists and tables are joined; a key that does not exist is refused by name.

use super::{Config, DEFAULT_FILE};
use serde_json::{Map, Value};
use shared::error::{Context, Error, Kind, Result};
use std::path::Path;

/// The configuration of the file and of `flags`, which holds only what was given. Without `file`
/// the default one is read if it exists; a named one must exist.
pub fn load(file: Option<&Path>, flags: Map<String, Value>) -> Result<Config> {
    let merged = join(read(file)?, flags)?;
    let known = serde_json::to_value(Config::default()).context("list the configuration's keys")?;
    let unknown: Vec<&str> =
        merged.keys().map(String::as_str).filter(|key| known.get(key).is_none()).collect();
    if !unknown.is_empty() {
        return Err(Error::invalid(format!(
            "the following directives don't match any configuration option: {}",
            unknown.join(", ")
        )));
    }
    // One key at a time, so that the sentence can name it.
    for (key, value) in &merged {
        let alone = Value::Object(Map::from_iter([(key.clone(), value.clone())]));
        serde_json::from_value::<Config>(alone)
            .context_kind(Kind::Invalid, format!("bad value of {key}"))?;
    }
    let config: Config = serde_json::from_value(Value::Object(merged))
        .context_kind(Kind::Invalid, "read the configuration")?;
    config.check()?;
    Ok(config)
}

/// As `config dump` prints it and as the asset holds it.
pub fn to_text(config: &Config) -> Result<String> {
    let mut text = serde_json::to_string_pretty(config).context("write the configuration")?;
    text.push('\n');
    Ok(text)
}

fn read(file: Option<&Path>) -> Result<Map<String, Value>> {
    let path = file.unwrap_or(Path::new(DEFAULT_FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Map::new());
        }
        Err(error) => {
            return Err(error).context_kind(
                Kind::Invalid,
                format!("unable to configure the daemon with file {}", path.display()),
            );
        }
    };
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(&text).context_kind(
        Kind::Invalid,
        format!("unable to configure the daemon with file {}", path.display()),
    )
}

fn join(mut file: Map<String, Value>, flags: Map<String, Value>) -> Result<Map<String, Value>> {
    let mut conflicts = Vec::new();
    for (key, flag) in flags {
        match (file.get_mut(&key), flag) {
            (None, flag) => {
                file.insert(key, flag);
            }
            (Some(Value::Array(old)), Value::Array(new)) => old.extend(new),
            (Some(Value::Object(old)), Value::Object(new)) => {
                for (name, value) in new {
                    if old.insert(name.clone(), value).is_some() {
                        conflicts.push(format!("{key} ({name})"));
                    }
                }
            }
            (Some(old), flag) => {
                conflicts.push(format!("{key}: (from flag: {flag}, from file: {old})"));
            }
        }
    }
    if conflicts.is_empty() {
        return Ok(file);
    }
    Err(Error::invalid(format!(
        "the following directives are specified both as a flag and in the configuration file: {}",
        conflicts.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn with_file(text: &str, flags: Value) -> Result<Config> {
        let name = format!(
            "coffer-config-{}-{}.json",
            std::process::id(),
            shared::id::hex(&shared::id::random::<8>())
        );
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        let config = load(Some(&path), map(flags));
        std::fs::remove_file(&path).unwrap();
        config
    }

    #[test]
    fn a_key_in_both_is_refused_and_lists_are_joined() {
        let error = with_file(r#"{"debug":true}"#, json!({"debug": true})).unwrap_err();
        assert!(error.to_string().contains("debug: (from flag: true, from file: true)"), "{error}");
        let config = with_file(r#"{"labels":["a=1"]}"#, json!({"labels": ["b=2"]})).unwrap();
        assert_eq!(config.labels, ["a=1", "b=2"]);
        let error = with_file(r#"{"labels":["a=2"]}"#, json!({"labels": ["a=1"]})).unwrap_err();
        assert!(error.to_string().contains("labels"), "{error}");
    }

    #[test]
    fn unknown_keys_and_bad_values_are_named() {
        let error = with_file(r#"{"nope":1}"#, json!({})).unwrap_err();
        assert!(error.to_string().ends_with("option: nope"), "{error}");
        let error = with_file(r#"{"debug":"maybe"}"#, json!({})).unwrap_err();
        assert!(error.to_string().starts_with("bad value of debug: "), "{error}");
    }

    #[test]
    fn a_named_file_must_exist() {
        let error = load(Some(Path::new("/nope/daemon.json")), Map::new()).unwrap_err();
        assert!(error.to_string().contains("/nope/daemon.json"), "{error}");
    }
}
