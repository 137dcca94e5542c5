//! A container as lists show it.

use super::time::human;
use super::zero;
use crate::container::record::Record;
use crate::container::spec::point::{Point, PointKind};
use crate::container::state::{Status, Verdict, View};
use serde::Serialize;
use shared::error::{Context, Result};
use std::collections::HashMap;

/// One element of `GET /containers/json`, as far as it stands in the record.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Fixed<'a> {
    id: &'a str,
    names: [String; 1],
    image: &'a str,
    #[serde(rename = "ImageID")]
    image_id: &'a str,
    command: String,
    created: i64,
    ports: [(); 0],
    labels: &'a HashMap<String, String>,
    host_config: SummaryHost<'a>,
    network_settings: SummaryNetwork<'a>,
    mounts: Vec<Mounted<'a>>,
}

/// The rest of it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Changing {
    state: &'static str,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_rw: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_root_fs: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SummaryHost<'a> {
    network_mode: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SummaryNetwork<'a> {
    networks: HashMap<&'a str, serde_json::Value>,
}

/// A mount point as lists and inspect show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Mounted<'a> {
    #[serde(rename = "Type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    source: &'a str,
    destination: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    driver: &'a str,
    mode: &'a str,
    #[serde(rename = "RW")]
    writable: bool,
    propagation: &'a str,
}

/// Bytes of a container's writable layer and of all its layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Writable layer.
    pub writable: u64,
    /// All layers.
    pub all: u64,
}

/// What stands in the record, as an object that [`write`] goes on with.
pub fn fixed(record: &Record) -> Result<Vec<u8>> {
    let networks = network_name(record)
        .map(|name| (name, zero::complete(serde_json::Value::Null, zero::ENDPOINT)));
    let none = HashMap::new();
    let fixed = Fixed {
        id: record.id.as_str(),
        names: [format!("/{}", record.decided.name)],
        image: &record.decided.image,
        image_id: record.decided.image_id.as_ref().map_or("", |id| id.as_str()),
        command: command_line(&record.command()),
        created: record.decided.created_at_nanos / 1_000_000_000,
        ports: [],
        labels: record.body.labels.as_ref().unwrap_or(&none),
        host_config: SummaryHost { network_mode: network_mode(record) },
        network_settings: SummaryNetwork { networks: networks.into_iter().collect() },
        mounts: mounts(record),
    };
    serde_json::to_vec(&fixed).context("encode a container's summary")
}

/// Writes the element of a list: `fixed` is [`fixed`]'s answer.
pub fn write(
    out: &mut Vec<u8>,
    fixed: &[u8],
    view: &View,
    now_nanos: i64,
    sizes: Option<Sizes>,
) -> Result<()> {
    let changing = Changing {
        state: view.status().as_str(),
        status: status(view, now_nanos),
        // Docker leaves a zero out.
        size_rw: sizes.map(|sizes| sizes.writable).filter(|bytes| *bytes > 0),
        size_root_fs: sizes.map(|sizes| sizes.all),
    };
    // Two objects become one: the brace between them a comma.
    out.extend_from_slice(fixed.strip_suffix(b"}").unwrap_or(fixed));
    let seam = out.len();
    serde_json::to_writer(&mut *out, &changing).context("encode a container's state")?;
    out[seam] = b',';
    Ok(())
}

/// Program and arguments; those with a blank are quoted, as Docker does.
fn command_line(words: &[String]) -> String {
    let quoted = |(index, word): (usize, &String)| match index > 0 && word.contains(' ') {
        true => format!("'{word}'"),
        false => word.clone(),
    };
    words.iter().enumerate().map(quoted).collect::<Vec<_>>().join(" ")
}

/// The network that a container is shown in; none when it uses another container's.
pub fn network_name(record: &Record) -> Option<&str> {
    let network = record.decided.network.as_str();
    (!network.starts_with("container:")).then_some(network)
}

/// The mode as asked.
pub fn network_mode(record: &Record) -> &str {
    let asked = record.host_config().and_then(|host| host.network_mode.as_deref());
    asked.filter(|mode| !mode.is_empty()).unwrap_or("default")
}

/// Mount points. A tmpfs that was asked for by `--tmpfs` is shown in `HostConfig` only, as in Docker.
pub fn mounts(record: &Record) -> Vec<Mounted<'_>> {
    let shown = |point: &&Point| point.kind != PointKind::Tmpfs || point.by_mount;
    record.decided.mounts.iter().filter(shown).map(mounted).collect()
}

fn mounted(point: &Point) -> Mounted<'_> {
    let kind = match point.kind {
        PointKind::Volume => "volume",
        PointKind::Bind => "bind",
        PointKind::Tmpfs => "tmpfs",
    };
    let volume = point.kind == PointKind::Volume;
    let default_propagation = if point.kind == PointKind::Bind { "rprivate" } else { "" };
    Mounted {
        kind,
        name: if volume { &point.name } else { "" },
        source: &point.source,
        destination: &point.target,
        driver: match (volume, point.driver.as_str()) {
            (true, "") => "local",
            (true, driver) => driver,
            (false, _) => "",
        },
        mode: &point.mode,
        writable: !point.read_only,
        propagation: match point.propagation.as_str() {
            "" => default_propagation,
            given => given,
        },
    }
}

/// Docker's sentence about what a container is doing.
pub fn status(view: &View, now_nanos: i64) -> String {
    let state = &view.state;
    let ago = || human(now_nanos.saturating_sub(state.finished_at_nanos));
    match state.status {
        Status::Created => "Created".to_owned(),
        Status::Removing => "Removal In Progress".to_owned(),
        Status::Dead => "Dead".to_owned(),
        Status::Exited if state.finished_at_nanos == 0 => String::new(),
        Status::Exited => format!("Exited ({}) {} ago", state.exit_code, ago()),
        Status::Restarting => format!("Restarting ({}) {} ago", state.exit_code, ago()),
        Status::Running | Status::Paused => {
            let up = human(now_nanos.saturating_sub(state.started_at_nanos));
            let health = view.health.as_ref().map(|health| health.verdict);
            match (state.status, health) {
                (Status::Paused, _) => format!("Up {up} (Paused)"),
                (_, Some(Verdict::Starting)) => format!("Up {up} (health: starting)"),
                (_, Some(verdict)) => format!("Up {up} ({})", verdict.as_str()),
                (_, None) => format!("Up {up}"),
            }
        }
    }
}
