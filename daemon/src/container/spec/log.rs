//! `--log-driver` and `--log-opt`: what they ask of the shim's log files and of forwarding. Pure.

use super::tag;
use regex::Regex;
use shared::docker::HostConfigLogConfig;
use shared::error::{Error, Result};
use shared::shim::{Log, LogFormat};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// A file grows to this unless asked otherwise: logs are bounded by default.
const MAX_BYTES: u64 = 20 << 20;
/// So many files are kept unless asked otherwise.
const MAX_FILES: u32 = 5;
/// Ring of `mode=non-blocking` unless asked otherwise (Docker's default).
const RING_BYTES: u64 = 1 << 20;

/// A log driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// Docker's JSON lines.
    JsonFile,
    /// The compact form.
    Local,
    /// Nothing is kept.
    None,
    /// Local files, forwarded to syslog.
    Syslog,
}

/// What was decided about a container's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The driver.
    pub driver: Driver,
    /// Its options as asked.
    pub options: BTreeMap<String, String>,
}

impl Driver {
    /// Docker's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Driver::JsonFile => "json-file",
            Driver::Local => "local",
            Driver::None => "none",
            Driver::Syslog => "syslog",
        }
    }

    fn parse(name: &str) -> Result<Self> {
        [Driver::JsonFile, Driver::Local, Driver::None, Driver::Syslog]
            .into_iter()
            .find(|d| d.name() == name)
            .ok_or_else(|| {
                Error::invalid(format!(
                    "error looking up logging plugin {name}: plugin \"{name}\" not found"
                ))
            })
    }

    fn options(self) -> &'static [&'static str] {
        const TAGGED: [&str; 5] = ["labels", "labels-regex", "env", "env-regex", "tag"];
        const FILES: [&str; 8] = [
            "max-file",
            "max-size",
            "compress",
            "labels",
            "labels-regex",
            "env",
            "env-regex",
            "tag",
        ];
        const SYSLOG: [&str; 11] = [
            "syslog-address",
            "syslog-facility",
            "syslog-tls-ca-cert",
            "syslog-tls-cert",
            "syslog-tls-key",
            "syslog-tls-skip-verify",
            "syslog-format",
            "env",
            "env-regex",
            "labels",
            "tag",
        ];
        match self {
            Driver::JsonFile => &FILES,
            Driver::Local => &FILES[..3],
            Driver::None => &TAGGED[..0],
            Driver::Syslog => &SYSLOG,
        }
    }
}

impl Choice {
    /// Decides from what was asked; an empty driver means the daemon's default with its options.
    ///
    /// # Errors
    /// `Invalid`, in Docker's words, for an unknown driver, option or value.
    pub fn decide(asked: Option<&HostConfigLogConfig>, daemon: &Choice) -> Result<Self> {
        let given = asked.and_then(|a| a.typ.as_deref()).filter(|t| !t.is_empty());
        let own: HashMap<_, _> = asked.and_then(|a| a.config.clone()).unwrap_or_default();
        let driver = given.map_or(Ok(daemon.driver), Driver::parse)?;
        let mut options = if given.is_none() { daemon.options.clone() } else { BTreeMap::new() };
        options.extend(own);
        let choice = Self { driver, options };
        choice.check()?;
        Ok(choice)
    }

    /// The daemon's default from `--log-driver` and `--log-opt`.
    pub fn daemon(driver: &str, options: BTreeMap<String, String>) -> Result<Self> {
        let driver = if driver.is_empty() { Driver::JsonFile } else { Driver::parse(driver)? };
        let choice = Self { driver, options };
        choice.check()?;
        Ok(choice)
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.options.get(key).map(String::as_str).filter(|v| !v.is_empty())
    }

    fn check(&self) -> Result<()> {
        const EVERY: [&str; 3] = ["mode", "max-buffer-size", "cache-disabled"];
        for key in self.options.keys() {
            if !EVERY.contains(&key.as_str()) && !self.driver.options().contains(&key.as_str()) {
                let driver = self.driver.name();
                return Err(Error::invalid(format!(
                    "unknown log opt '{key}' for {driver} log driver"
                )));
            }
        }
        let blocking = match self.get("mode") {
            None | Some("blocking") => true,
            Some("non-blocking") => false,
            Some(mode) => {
                return Err(Error::invalid(format!("logger: logging mode not supported: {mode}")));
            }
        };
        if blocking && self.get("max-buffer-size").is_some() {
            let text = "logger: max-buffer-size option is only supported with 'mode=non-blocking'";
            return Err(Error::invalid(text));
        }
        for key in ["labels-regex", "env-regex"] {
            if let Some(text) = self.get(key) {
                Regex::new(text)
                    .map_err(|e| Error::invalid(format!("error parsing regexp: {e}")))?;
            }
        }
        tag::expand(self.tag(), &tag::Info::default())?;
        self.ring_bytes()?;
        let (bytes, files) = (self.max_bytes()?, self.max_files()?);
        if self.compress()? && (files < 2 || bytes == 0) {
            let text =
                "compress cannot be true when max-file is less than 2 or max-size is not set";
            return Err(Error::invalid(text));
        }
        if self.driver == Driver::Syslog {
            super::syslog::Target::parse(&self.options)?;
        }
        Ok(())
    }

    fn ring_bytes(&self) -> Result<Option<u64>> {
        if self.get("mode") != Some("non-blocking") {
            return Ok(None);
        }
        self.get("max-buffer-size").map_or(Ok(RING_BYTES), size).map(Some)
    }

    fn max_bytes(&self) -> Result<u64> {
        match self.get("max-size") {
            Some("-1") => Ok(0),
            Some(text) => size(text),
            None => Ok(MAX_BYTES),
        }
    }

    fn max_files(&self) -> Result<u32> {
        let Some(text) = self.get("max-file") else { return Ok(MAX_FILES) };
        let bad = || Error::invalid(format!("strconv.Atoi: parsing \"{text}\": invalid syntax"));
        match text.parse::<i64>().map_err(|_| bad())? {
            files @ 1..=1000 => Ok(files as u32),
            files if files < 1 => Err(Error::invalid("max-file cannot be less than 1")),
            _ => Err(Error::invalid("max-file cannot be more than 1000")),
        }
    }

    /// Rotated files are compressed: with `local` unless asked otherwise, as in Docker.
    pub fn compress(&self) -> Result<bool> {
        match self.get("compress") {
            None if self.driver == Driver::Local => {
                Ok(self.max_files()? > 1 && self.max_bytes()? > 0)
            }
            None => Ok(false),
            Some("true" | "1" | "t" | "T" | "TRUE" | "True") => Ok(true),
            Some("false" | "0" | "f" | "F" | "FALSE" | "False") => Ok(false),
            Some(text) => Err(Error::invalid(format!(
                "strconv.ParseBool: parsing \"{text}\": invalid syntax"
            ))),
        }
    }

    /// What the shim is told; `None` when nothing is kept. `attrs` as [`attributes`] makes them.
    pub fn shim(&self, path: PathBuf, attrs: Option<String>) -> Result<Option<Log>> {
        let format = match self.driver {
            Driver::None => return Ok(None),
            Driver::JsonFile => LogFormat::JsonFile,
            Driver::Local | Driver::Syslog => LogFormat::Local,
        };
        Ok(Some(Log {
            format,
            path,
            max_bytes: self.max_bytes()?,
            max_files: self.max_files()?,
            ring_bytes: self.ring_bytes()?,
            attrs,
        }))
    }

    /// The same with the tag's template filled in for one container.
    ///
    /// # Errors
    /// `Invalid` for a template that names what a tag cannot.
    pub fn tagged(&self, info: &tag::Info<'_>) -> Result<Self> {
        let mut choice = self.clone();
        if choice.driver == Driver::Syslog || choice.get("tag").is_some() {
            let text = tag::expand(choice.get("tag").unwrap_or_default(), info)?;
            choice.options.insert("tag".to_owned(), text);
        }
        Ok(choice)
    }

    /// The tag as it stands.
    pub fn tag(&self) -> &str {
        self.get("tag").unwrap_or_default()
    }

    /// Labels and variables that the options name, as the JSON object of `logs --details`.
    pub fn attributes(&self, labels: &HashMap<String, String>, env: &[String]) -> Option<String> {
        let mut all = BTreeMap::new();
        let wanted = self.wanted("labels", "labels-regex");
        all.extend(
            labels.iter().filter(|(name, _)| wanted(name)).map(|(k, v)| (k.as_str(), v.as_str())),
        );
        let wanted = self.wanted("env", "env-regex");
        let pairs = env.iter().filter_map(|entry| entry.split_once('='));
        all.extend(pairs.filter(|(name, _)| wanted(name)));
        if let Some(tag) = self.get("tag").filter(|_| self.driver == Driver::JsonFile) {
            all.insert("tag", tag);
        }
        if all.is_empty() { None } else { serde_json::to_string(&all).ok() }
    }

    /// Whether a name is in the list of one option or fits the expression of another.
    fn wanted(&self, list: &str, expression: &str) -> impl Fn(&str) -> bool {
        let names: Vec<&str> = self.get(list).unwrap_or_default().split(',').collect();
        // It was checked with the options.
        let expression = self.get(expression).and_then(|text| Regex::new(text).ok());
        move |name| names.contains(&name) || expression.as_ref().is_some_and(|e| e.is_match(name))
    }
}

/// Bytes of a size such as `10m`, `1.5g`, `4096` (powers of 1024, as Docker reads log sizes).
fn size(text: &str) -> Result<u64> {
    let bad = || Error::invalid(format!("invalid size: '{text}'"));
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match lower[digits.len()..].trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(bad()),
    };
    let number: f64 = digits.trim().parse().map_err(|_| bad())?;
    let bytes = number * (1u64 << shift) as f64;
    if number < 0.0 || !bytes.is_finite() || bytes >= 9e18 { Err(bad()) } else { Ok(bytes as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(driver: &str, options: &[(&str, &str)]) -> Result<Choice> {
        let config = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let asked = HostConfigLogConfig { typ: Some(driver.into()), config: Some(config) };
        Choice::decide(Some(&asked), &Choice::daemon("", BTreeMap::new()).unwrap())
    }

    #[test]
    fn logs_are_bounded_by_default() {
        let log = decide("", &[]).unwrap().shim("/l".into(), None).unwrap().unwrap();
        assert_eq!((log.format, log.max_bytes, log.max_files), (LogFormat::JsonFile, 20 << 20, 5));
        assert_eq!(decide("none", &[]).unwrap().shim("/l".into(), None).unwrap(), None);
        let own = [("max-size", "1.5k"), ("max-file", "2"), ("mode", "non-blocking")];
        let log = decide("local", &own).unwrap().shim("/l".into(), None).unwrap().unwrap();
        assert_eq!((log.max_bytes, log.max_files, log.ring_bytes), (1536, 2, Some(1 << 20)));
    }

    #[test]
    fn mistakes_in_dockers_words() {
        let rows: [(&str, &[(&str, &str)], &str); 8] = [
            ("foo", &[], "error looking up logging plugin foo: plugin \"foo\" not found"),
            ("json-file", &[("foo", "1")], "unknown log opt 'foo' for json-file log driver"),
            ("json-file", &[("max-size", "x")], "invalid size: 'x'"),
            ("json-file", &[("max-file", "x")], "strconv.Atoi: parsing \"x\": invalid syntax"),
            ("json-file", &[("max-file", "0")], "max-file cannot be less than 1"),
            ("json-file", &[("mode", "x")], "logger: logging mode not supported: x"),
            (
                "json-file",
                &[("max-buffer-size", "1m")],
                "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
            ),
            (
                "json-file",
                &[("compress", "true"), ("max-file", "1")],
                "compress cannot be true when max-file is less than 2 or max-size is not set",
            ),
        ];
        for (driver, options, want) in rows {
            assert_eq!(decide(driver, options).unwrap_err().message(), want);
        }
    }

    #[test]
    fn named_labels_and_variables_are_attributes() {
        let choice = decide("json-file", &[("labels", "a,b"), ("env", "X")]).unwrap();
        let labels = HashMap::from([("a".to_owned(), "1".to_owned())]);
        let got = choice.attributes(&labels, &["X=2".into(), "Y=3".into()]);
        assert_eq!(got.as_deref(), Some(r#"{"X":"2","a":"1"}"#));
        assert_eq!(choice.attributes(&HashMap::new(), &[]), None);
        let choice = decide("json-file", &[("env-regex", "^L"), ("tag", "{{.Name}}")]).unwrap();
        let choice = choice.tagged(&tag::Info { name: "web", ..tag::Info::default() }).unwrap();
        let got = choice.attributes(&HashMap::new(), &["LANG=C".into(), "X=1".into()]);
        assert_eq!(got.as_deref(), Some(r#"{"LANG":"C","tag":"web"}"#));
        assert!(decide("json-file", &[("env-regex", "(")]).is_err());
    }
}
