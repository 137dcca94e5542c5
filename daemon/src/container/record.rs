//! What was asked at create and what was decided then: the part of a container that is stored as
//! `ct/<id>`.
//!
//! The asked body is kept as the text that the client sent, and decoded anew at each load, so that
//! a later build with newer models loses nothing. It never holds run-time state; that is
//! `state.rs`.

use super::overlay::overlay;
use super::spec::point::{Point, PointKind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::docker::{
    ContainerCreateBody, ContainerUpdateBody, HealthConfig, HostConfig, ImageConfig, RestartPolicy,
};
use shared::error::{Context, Error, Kind, Result};
use shared::id::{ContainerId, ImageId};
use std::collections::{BTreeMap, HashMap};

/// A container as asked and decided. Immutable: a change makes a new one.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its id, also the store key.
    pub id: ContainerId,
    /// The create body, byte for byte.
    pub asked: Box<RawValue>,
    /// What we added.
    pub decided: Decided,
    /// The body decoded, completed by the image's defaults and by later updates. What everything
    /// else reads.
    pub body: ContainerCreateBody,
}

/// The engine's own half of a record. Fields are only ever appended, each with a default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Decided {
    /// Unique name, without a slash.
    pub name: String,
    /// Nanoseconds since 1970.
    pub created_at_nanos: i64,
    /// The image as the user named it.
    pub image: String,
    /// Digest of the image's configuration.
    pub image_id: Option<ImageId>,
    /// What the image gives where the user said nothing.
    pub defaults: Defaults,
    /// Name of the OCI runtime.
    pub runtime: String,
    /// Host name inside.
    pub hostname: String,
    /// `none`, `host` or `container:<full id>`; the mode as asked is in the body.
    pub network: String,
    /// Log driver.
    pub log_driver: String,
    /// Its options, the daemon's defaults included.
    pub log_options: BTreeMap<String, String>,
    /// Volumes, binds and tmpfs with their places.
    pub mounts: Vec<Point>,
    /// Below each hierarchy's root, such as `/coffer/<id>`.
    pub cgroup: String,
    /// `os/architecture`.
    pub platform: String,
    /// Resources and restart policy changed since create.
    pub updated: Option<ContainerUpdateBody>,
}

/// What an image's configuration gives a container (OCI image spec, `config`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Defaults {
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Arguments, or the whole command without an entrypoint.
    pub cmd: Vec<String>,
    /// The program.
    pub entrypoint: Vec<String>,
    /// `user[:group]`.
    pub user: String,
    /// Absolute path.
    pub working_dir: String,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Such as `80/tcp`.
    pub exposed_ports: Vec<String>,
    /// Paths that get a volume of their own.
    pub volumes: Vec<String>,
    /// Such as `SIGTERM`.
    pub stop_signal: String,
    /// Health check.
    pub healthcheck: Option<HealthConfig>,
    /// For the shell form.
    pub shell: Vec<String>,
}

impl Defaults {
    /// From an image's configuration.
    pub fn of(config: &ImageConfig) -> Self {
        let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            env: list(&config.env),
            cmd: list(&config.cmd),
            entrypoint: list(&config.entrypoint),
            user: text(&config.user),
            working_dir: text(&config.working_dir),
            labels: config.labels.clone().unwrap_or_default().into_iter().collect(),
            exposed_ports: list(&config.exposed_ports),
            volumes: list(&config.volumes),
            stop_signal: text(&config.stop_signal),
            healthcheck: config.healthcheck.clone(),
            shell: list(&config.shell),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    asked: Box<RawValue>,
    decided: Decided,
}

impl Record {
    /// From what a client sent. The text must be a create body.
    pub fn new(id: ContainerId, asked: Box<RawValue>, decided: Decided) -> Result<Self> {
        let mut body = decode_body(asked.get())?;
        complete(&mut body, &decided.defaults);
        if let Some(update) = &decided.updated {
            overlay(body.host_config.get_or_insert_with(HostConfig::default), update);
        }
        Ok(Self { id, asked, decided, body })
    }

    /// The record with another half of ours.
    pub fn with(&self, decided: Decided) -> Result<Self> {
        Self::new(self.id.clone(), self.asked.clone(), decided)
    }

    /// As stored: JSON text.
    pub fn to_json(&self) -> Result<Box<RawValue>> {
        let stored = Stored { asked: self.asked.clone(), decided: self.decided.clone() };
        serde_json::value::to_raw_value(&stored).context("encode a container record")
    }

    /// From the stored text.
    pub fn from_json(id: ContainerId, text: &str) -> Result<Self> {
        let stored: Stored = serde_json::from_str(text).context("decode a container record")?;
        Self::new(id, stored.asked, stored.decided)
    }

    /// The host configuration; empty when none was sent.
    pub fn host(&self) -> HostConfig {
        self.body.host_config.clone().unwrap_or_default()
    }

    /// A borrowed look at the host configuration.
    pub fn host_config(&self) -> Option<&HostConfig> {
        self.body.host_config.as_ref()
    }

    /// The restart policy; `None` means never.
    pub fn restart_policy(&self) -> Option<&RestartPolicy> {
        self.host_config().and_then(|host| host.restart_policy.as_ref())
    }

    /// Program and arguments: entrypoint, then command.
    pub fn command(&self) -> Vec<String> {
        let parts = [&self.body.entrypoint, &self.body.cmd];
        parts.into_iter().flatten().flatten().cloned().collect()
    }

    /// Removed when it has ended (`--rm`).
    pub fn is_removed_at_exit(&self) -> bool {
        self.host_config().and_then(|host| host.auto_remove).unwrap_or(false)
    }

    /// It has a terminal.
    pub fn has_terminal(&self) -> bool {
        self.body.tty.unwrap_or(false)
    }

    /// The signal that asks it to stop, by name or number.
    pub fn stop_signal(&self) -> Option<&str> {
        self.body.stop_signal.as_deref().filter(|text| !text.is_empty())
    }

    /// Seconds that a stop waits before it kills; negative is for ever.
    pub fn stop_timeout(&self) -> Option<i64> {
        self.body.stop_timeout
    }

    /// Its volumes, named and anonymous.
    pub fn volumes(&self) -> impl Iterator<Item = &Point> {
        self.decided.mounts.iter().filter(|point| point.kind == PointKind::Volume)
    }

    /// Labels, the image's included.
    pub fn labels(&self) -> impl Iterator<Item = (&String, &String)> {
        self.body.labels.iter().flatten()
    }
}

/// A create body from a client's text; what does not fit is [`Kind::Invalid`].
pub fn decode_body(text: &str) -> Result<ContainerCreateBody> {
    match serde_json::from_str(text) {
        Ok(body) => Ok(body),
        Err(error) => match misnamed(text) {
            Some(mistake) => Err(mistake),
            None => Err(error).context_kind(Kind::Invalid, "invalid container configuration"),
        },
    }
}

/// Docker's sentence for a word that is none of those that a field knows: the models refuse it with one
/// of their own. Of what is asked for at create or at update.
pub fn misnamed(text: &str) -> Option<Error> {
    let body: serde_json::Value = serde_json::from_str(text).ok()?;
    let host = body.get("HostConfig").unwrap_or(&body);
    let policy = host["RestartPolicy"]["Name"].as_str().unwrap_or_default();
    if !["", "no", "always", "unless-stopped", "on-failure"].contains(&policy) {
        return Some(Error::invalid(format!("invalid restart policy '{policy}'")));
    }
    let mode = host["CgroupnsMode"].as_str().unwrap_or_default();
    if !["", "private", "host"].contains(&mode) {
        return Some(Error::invalid(format!("invalid cgroup namespace mode: {mode}")));
    }
    let mounts = host["Mounts"].as_array().into_iter().flatten();
    let mut kinds = mounts.filter_map(|mount| mount["Type"].as_str());
    let unknown = kinds.find(|kind| !["bind", "volume", "tmpfs"].contains(kind))?;
    Some(Error::invalid(format!("mount type unknown: \"{unknown}\"")))
}

/// Fills in what the user left open from the image, as `docker run` documents it: environment by
/// name, the command only when no entrypoint was given either, everything else when absent.
fn complete(body: &mut ContainerCreateBody, image: &Defaults) {
    fill(&mut body.user, &image.user);
    fill(&mut body.working_dir, &image.working_dir);
    fill(&mut body.stop_signal, &image.stop_signal);
    let own_program = body.entrypoint.as_ref().is_some_and(|words| !words.is_empty());
    // A client clears the image's entrypoint by sending one empty word.
    if body
        .entrypoint
        .as_deref()
        .is_some_and(|words| words.iter().all(String::is_empty) && !words.is_empty())
    {
        body.entrypoint = None;
    } else if !own_program {
        if body.cmd.as_ref().is_none_or(Vec::is_empty) {
            body.cmd = some_list(&image.cmd);
        }
        body.entrypoint = some_list(&image.entrypoint);
    }
    body.env = Some(merge_environment(body.env.take().unwrap_or_default(), &image.env));
    let mut labels: HashMap<String, String> =
        image.labels.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    labels.extend(body.labels.take().unwrap_or_default());
    body.labels = Some(labels);
    body.exposed_ports = union(body.exposed_ports.take(), &image.exposed_ports);
    body.volumes = union(body.volumes.take(), &image.volumes);
    if body.shell.is_none() {
        body.shell = some_list(&image.shell);
    }
    complete_health(body, image);
}

fn complete_health(body: &mut ContainerCreateBody, image: &Defaults) {
    let Some(theirs) = &image.healthcheck else { return };
    let Some(ours) = &mut body.healthcheck else {
        body.healthcheck = Some(theirs.clone());
        return;
    };
    if ours.test.as_ref().is_none_or(Vec::is_empty) {
        ours.test = theirs.test.clone();
    }
    for (own, image) in [
        (&mut ours.interval, theirs.interval),
        (&mut ours.timeout, theirs.timeout),
        (&mut ours.retries, theirs.retries),
        (&mut ours.start_period, theirs.start_period),
        (&mut ours.start_interval, theirs.start_interval),
    ] {
        if own.unwrap_or(0) == 0 {
            *own = image;
        }
    }
}

fn fill(own: &mut Option<String>, image: &str) {
    if own.as_ref().is_none_or(String::is_empty) && !image.is_empty() {
        *own = Some(image.to_owned());
    }
}

fn some_list(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn union(own: Option<Vec<String>>, image: &[String]) -> Option<Vec<String>> {
    let mut all = own.unwrap_or_default();
    for item in image {
        if !all.contains(item) {
            all.push(item.clone());
        }
    }
    (!all.is_empty()).then_some(all)
}

fn merge_environment(own: Vec<String>, image: &[String]) -> Vec<String> {
    let name = |entry: &str| entry.split('=').next().unwrap_or_default().to_owned();
    let mut all = own;
    let names: Vec<String> = all.iter().map(|entry| name(entry)).collect();
    for entry in image {
        if !names.contains(&name(entry)) {
            all.push(entry.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(asked: &str, decided: Decided) -> Record {
        let asked = RawValue::from_string(asked.to_owned()).unwrap();
        Record::new(ContainerId::generate(), asked, decided).unwrap()
    }

    #[test]
    fn the_asked_text_survives_byte_for_byte() {
        let text = r#"{"Image":"probe",  "Future":{"a":1}, "Cmd":["true"]}"#;
        let stored =
            record(text, Decided { name: "web".into(), ..Decided::default() }).to_json().unwrap();
        let back = Record::from_json(ContainerId::generate(), stored.get()).unwrap();
        assert_eq!(back.asked.get(), text);
        assert_eq!(back.decided.name, "web");
        assert_eq!(back.command(), ["true"]);
    }

    #[test]
    fn the_image_fills_what_was_left_open() {
        let defaults = Defaults {
            env: vec!["PATH=/bin".into(), "A=1".into()],
            cmd: vec!["-c".into()],
            entrypoint: vec!["/entry".into()],
            user: "app".into(),
            ..Defaults::default()
        };
        let decided = Decided { defaults, ..Decided::default() };
        let plain = record(r#"{"Env":["A=2"]}"#, decided.clone());
        assert_eq!(plain.command(), ["/entry", "-c"]);
        assert_eq!(plain.body.env.as_deref().unwrap(), ["A=2", "PATH=/bin"]);
        assert_eq!(plain.body.user.as_deref(), Some("app"));
        let arguments = record(r#"{"Cmd":["x"]}"#, decided.clone());
        assert_eq!(arguments.command(), ["/entry", "x"]);
        let program = record(r#"{"Entrypoint":["sh"]}"#, decided.clone());
        assert_eq!(program.command(), ["sh"]);
        let cleared = record(r#"{"Entrypoint":[""],"Cmd":["ls"]}"#, decided);
        assert_eq!(cleared.command(), ["ls"]);
    }

    /// A value as the first version wrote it; it must stay readable for ever.
    const GOLDEN: &str = include_str!("golden/ct-1.json");

    #[test]
    fn reads_the_first_version() {
        let record = Record::from_json(ContainerId::generate(), GOLDEN).unwrap();
        assert_eq!(record.decided.name, "amber_kepler");
        assert_eq!(record.decided.mounts[0].target, "/data");
        assert!(record.decided.mounts[0].anonymous);
        assert_eq!(record.command(), ["sleep", "9"]);
        assert_eq!(record.host().memory, Some(8388608));
    }
}
