//! The Dockerfile instructions that change an image's configuration, as `docker commit --change` and
//! `docker import --change` take them (Dockerfile reference). Pure.

use super::variable::{after_dollar, expand};
use shared::docker::{HealthConfig, ImageConfig};
use shared::error::{Context, Error, Kind, Result};
use std::time::Duration;

/// Applies instructions in order; each text may have several lines. An unknown instruction and a
/// malformed one are [`Kind::Invalid`], and `config` is of no use then.
pub fn apply(changes: &[String], config: &mut ImageConfig) -> Result<()> {
    let mut has_cmd = false;
    for line in changes.iter().flat_map(|change| change.lines()).map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (name, rest) = (name.to_ascii_uppercase(), rest.trim());
        one(&name, rest, config, &mut has_cmd).with_context(|| format!("apply {line:?}"))?;
    }
    Ok(())
}

fn one(name: &str, rest: &str, config: &mut ImageConfig, has_cmd: &mut bool) -> Result<()> {
    if rest.is_empty() && name != "CMD" && name != "ENTRYPOINT" {
        return Err(Error::invalid(format!("{name} requires at least one argument")));
    }
    let env = config.env.clone().unwrap_or_default();
    match name {
        "CMD" => {
            config.cmd = command(rest)?;
            *has_cmd = true;
        }
        "ENTRYPOINT" => {
            config.entrypoint = command(rest)?;
            // A command was meant for the former entry point.
            if !*has_cmd {
                config.cmd = None;
            }
        }
        "ENV" => {
            for (key, value) in pairs(name, rest, &env)? {
                set_env(config.env.get_or_insert_default(), &key, &value);
            }
        }
        "LABEL" => config.labels.get_or_insert_default().extend(pairs(name, rest, &env)?),
        "EXPOSE" => {
            for port in words(rest, &env)? {
                add_ports(config.exposed_ports.get_or_insert_default(), &port)?;
            }
        }
        "VOLUME" => {
            let volumes = config.volumes.get_or_insert_default();
            for volume in list(rest, &env)? {
                if volume.is_empty() {
                    return Err(Error::invalid("VOLUME specified can not be an empty string"));
                }
                add(volumes, volume);
            }
        }
        "USER" => config.user = Some(expand(rest, &env)?),
        "WORKDIR" => {
            config.working_dir = Some(join(config.working_dir.as_deref(), &expand(rest, &env)?));
        }
        "STOPSIGNAL" => config.stop_signal = Some(expand(rest, &env)?),
        "ONBUILD" => on_build(rest, config)?,
        "HEALTHCHECK" => config.healthcheck = Some(health(rest)?),
        _ => {
            let name = name.to_ascii_lowercase();
            return Err(Error::invalid(format!("{name} is not a valid change command")));
        }
    }
    Ok(())
}

fn on_build(rest: &str, config: &mut ImageConfig) -> Result<()> {
    let trigger = rest.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    match trigger.as_str() {
        "ONBUILD" => Err(Error::invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")),
        "MAINTAINER" | "FROM" => {
            Err(Error::invalid(format!("{trigger} isn't allowed as an ONBUILD trigger")))
        }
        _ => {
            config.on_build.get_or_insert_default().push(rest.to_owned());
            Ok(())
        }
    }
}

/// The exec form is a JSON array; anything else is given to a shell.
fn command(rest: &str) -> Result<Option<Vec<String>>> {
    if rest.is_empty() {
        return Ok(None);
    }
    Ok(Some(array(rest).unwrap_or_else(|| shell(rest))))
}

fn shell(text: &str) -> Vec<String> {
    vec!["/bin/sh".to_owned(), "-c".to_owned(), text.to_owned()]
}

fn array(text: &str) -> Option<Vec<String>> {
    text.starts_with('[').then(|| serde_json::from_str(text).ok())?
}

fn list(rest: &str, env: &[String]) -> Result<Vec<String>> {
    array(rest).map_or_else(|| words(rest, env), Ok)
}

/// Splits at blanks outside of quotes; quotes and escapes are taken away, variables replaced.
fn words(text: &str, env: &[String]) -> Result<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => {
                let next = characters.next().unwrap_or('\\');
                word.get_or_insert_default().push(next);
            }
            ('$', None | Some('"')) => {
                word.get_or_insert_default().push_str(&after_dollar(&mut characters, env)?);
            }
            (c, Some(end)) if c == end => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(Error::invalid(format!("a quote is not closed in {text:?}")));
    }
    words.extend(word);
    Ok(words)
}

/// `key=value key=value`, or the old `key value to the end`.
fn pairs(name: &str, rest: &str, env: &[String]) -> Result<Vec<(String, String)>> {
    let first = rest.split_whitespace().next().unwrap_or_default();
    if !first.contains('=') {
        let Some((key, value)) = rest.split_once(char::is_whitespace) else {
            return Err(Error::invalid(format!("{name} must have two arguments")));
        };
        return Ok(vec![(key.to_owned(), expand(value.trim(), env)?)]);
    }
    let pair = |word: String| match word.split_once('=') {
        Some(("", _)) => Err(Error::invalid(format!("{name} names can not be blank"))),
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(Error::invalid(format!(
            "Syntax error - can't find = in {word:?}. Must be of the form: name=value"
        ))),
    };
    words(rest, env)?.into_iter().map(pair).collect()
}

fn set_env(env: &mut Vec<String>, key: &str, value: &str) {
    let entry = format!("{key}={value}");
    let same = |old: &&mut String| old.split('=').next() == Some(key);
    match env.iter_mut().find(same) {
        Some(old) => *old = entry,
        None => env.push(entry),
    }
}

fn add(list: &mut Vec<String>, item: String) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// `80`, `80/udp`, `8000-8010/tcp`.
fn add_ports(ports: &mut Vec<String>, text: &str) -> Result<()> {
    let invalid = || Error::invalid(format!("Invalid containerPort: {text}"));
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(Error::invalid(format!("Invalid proto: {protocol}")));
    }
    let (low, high) = range.split_once('-').unwrap_or((range, range));
    let number = |text: &str| text.parse::<u16>().map_err(|_| invalid());
    let (low, high) = (number(low)?, number(high)?);
    if low == 0 || high < low {
        return Err(invalid());
    }
    for port in low..=high {
        add(ports, format!("{port}/{protocol}"));
    }
    Ok(())
}

fn join(base: Option<&str>, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let base = base.unwrap_or("/").trim_end_matches('/');
    format!("{base}/{path}")
}

/// `NONE`, or options and `CMD`.
fn health(rest: &str) -> Result<HealthConfig> {
    let mut config = HealthConfig::default();
    let mut rest = rest;
    while let Some(option) = rest.strip_prefix("--") {
        let (option, after) = option.split_once(char::is_whitespace).unwrap_or((option, ""));
        let (name, value) = option
            .split_once('=')
            .ok_or_else(|| Error::invalid(format!("Missing a value on flag: {option}")))?;
        match name {
            "interval" => config.interval = Some(nanos(value)?),
            "timeout" => config.timeout = Some(nanos(value)?),
            "start-period" => config.start_period = Some(nanos(value)?),
            "start-interval" => config.start_interval = Some(nanos(value)?),
            "retries" => {
                let retries = value.parse().context_kind(Kind::Invalid, "read --retries")?;
                config.retries = Some(retries);
            }
            _ => return Err(Error::invalid(format!("Unknown flag: {name}"))),
        }
        rest = after.trim_start();
    }
    let (kind, command) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let command = command.trim();
    config.test = Some(match kind.to_ascii_uppercase().as_str() {
        "NONE" if command.is_empty() => vec!["NONE".to_owned()],
        "NONE" => return Err(Error::invalid("HEALTHCHECK NONE takes no arguments")),
        "CMD" if command.is_empty() => {
            return Err(Error::invalid("Missing command after HEALTHCHECK CMD"));
        }
        "CMD" => match array(command) {
            Some(words) => [vec!["CMD".to_owned()], words].concat(),
            None => vec!["CMD-SHELL".to_owned(), command.to_owned()],
        },
        other => return Err(Error::invalid(format!("Unknown type {other:?} in HEALTHCHECK"))),
    });
    Ok(config)
}

/// Go's durations, as `1m30s`.
fn nanos(text: &str) -> Result<i64> {
    let duration: Option<Duration> = super::list::duration(text);
    let invalid = || Error::invalid(format!("invalid duration {text:?}"));
    duration.map(|d| d.as_nanos() as i64).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(changes: &[&str]) -> ImageConfig {
        let changes: Vec<String> = changes.iter().map(|c| (*c).to_owned()).collect();
        let mut config = ImageConfig::default();
        apply(&changes, &mut config).unwrap();
        config
    }

    #[test]
    fn every_instruction() {
        let config = applied(&[
            "CMD [\"a\", \"b\"]",
            "env A=1 B=\"two words\" C=x\\ y",
            "ENV A old style\nENV D=\"$B\" E='$B'\nLABEL k=v k2='v 2'",
            "EXPOSE 80 53/udp 8000-8001",
            "VOLUME [\"/data\"]",
            "USER 1000:1000",
            "WORKDIR /srv",
            "WORKDIR sub",
            "STOPSIGNAL SIGINT",
            "ONBUILD RUN make",
            "HEALTHCHECK --interval=1m30s --retries=2 CMD curl -f localhost",
        ]);
        assert_eq!(config.cmd.unwrap(), ["a", "b"]);
        assert_eq!(
            config.env.unwrap(),
            ["A=old style", "B=two words", "C=x y", "D=two words", "E=$B"]
        );
        assert_eq!(config.labels.unwrap()["k2"], "v 2");
        assert_eq!(config.exposed_ports.unwrap(), ["80/tcp", "53/udp", "8000/tcp", "8001/tcp"]);
        assert_eq!(config.volumes.unwrap(), ["/data"]);
        assert_eq!(config.working_dir.unwrap(), "/srv/sub");
        assert_eq!(config.on_build.unwrap(), ["RUN make"]);
        let health = config.healthcheck.unwrap();
        assert_eq!(health.interval, Some(90_000_000_000));
        assert_eq!(health.test.unwrap(), ["CMD-SHELL", "curl -f localhost"]);
    }

    #[test]
    fn an_entry_point_drops_a_command_that_was_not_given_with_it() {
        let mut config = ImageConfig { cmd: Some(vec!["old".to_owned()]), ..Default::default() };
        apply(&["ENTRYPOINT run me".to_owned()], &mut config).unwrap();
        assert_eq!(config.cmd, None);
        assert_eq!(config.entrypoint.unwrap(), ["/bin/sh", "-c", "run me"]);
        let both = applied(&["CMD x", "ENTRYPOINT [\"y\"]"]);
        assert!(both.cmd.is_some());
    }

    #[test]
    fn mistakes_are_named() {
        for (change, message) in [
            ("RUN x", "run is not a valid change command"),
            ("ENV A", "ENV must have two arguments"),
            ("EXPOSE 99999", "Invalid containerPort: 99999"),
            ("HEALTHCHECK CMD", "Missing command"),
            ("LABEL a='b", "not closed"),
            ("USER", "USER requires at least one argument"),
        ] {
            let error = apply(&[change.to_owned()], &mut ImageConfig::default()).unwrap_err();
            assert!(error.to_string().contains(message), "{change}: {error}");
            assert_eq!(error.kind(), Kind::Invalid);
        }
    }
}
