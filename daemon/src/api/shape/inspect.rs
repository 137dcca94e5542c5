//! A container as `inspect` shows it.

use super::container::{Sizes, mounts, network_name};
use super::time::moment;
use super::zero;
use crate::container::record::Record;
use crate::container::spec::host::Host;
use crate::container::spec::mount::SHM_BYTES;
use crate::container::spec::namespace;
use crate::container::state::{Health, Status, View};
use serde_json::{Map, Value, json, to_value};
use shared::error::{Context, Result};
use shared::paths::Paths;

/// What is known of the engine.
pub struct Surroundings<'a> {
    /// Where files lie.
    pub paths: &'a Paths,
    /// Name of the snapshotter.
    pub driver: &'a str,
    /// What the machine can; it decides what was left open.
    pub machine: &'a Host,
    /// Bytes, when they were asked for.
    pub sizes: Option<Sizes>,
    /// Id of the network that it is in.
    pub network_id: &'a str,
}

/// The whole object as JSON.
pub fn inspect(view: &View, around: &Surroundings<'_>) -> Result<Vec<u8>> {
    let encode = "encode a container";
    let mut body = serde_json::to_value(&view.record.body).context(encode)?;
    let mut host = Value::Null;
    if let Some(map) = body.as_object_mut() {
        host = map.remove("HostConfig").unwrap_or_default();
        map.remove("NetworkingConfig");
    }
    let mut object = changing(view, around);
    object["HostConfig"] = host_config(host, &view.record, around.machine);
    object["Config"] = config(body, &view.record);
    object["Mounts"] = to_value(mounts(&view.record)).context(encode)?;
    let mut text = serde_json::to_vec(&object).context(encode)?;
    text.push(b'\n');
    Ok(text)
}

fn config(body: Value, record: &Record) -> Value {
    let mut config = zero::complete(body, zero::CONFIG);
    config["Hostname"] = json!(record.decided.hostname);
    config["Image"] = json!(record.decided.image);
    config
}

fn host_config(host: Value, record: &Record, machine: &Host) -> Value {
    let decided = &record.decided;
    let mut host_config = zero::complete(host, zero::HOST_CONFIG);
    host_config["LogConfig"] = json!({ "Type": decided.log_driver, "Config": decided.log_options });
    host_config["Runtime"] = json!(decided.runtime);
    if host_config["PidsLimit"].as_i64().is_some_and(|limit| limit <= 0) {
        // As Docker shows "no limit": nothing where it was created so, 0 where it was updated.
        let updated = decided.updated.as_ref().is_some_and(|u| u.pids_limit.is_some());
        host_config["PidsLimit"] = if updated { json!(0) } else { Value::Null };
    }
    let policy = &mut host_config["RestartPolicy"];
    if policy["Name"].as_str().is_none_or(str::is_empty) {
        policy["Name"] = json!("no");
    }
    if policy["MaximumRetryCount"].is_null() {
        policy["MaximumRetryCount"] = json!(0);
    }
    let own_cgroups = namespace::cgroup(&record.host(), machine) == namespace::Mode::Private;
    let cgroups = if own_cgroups { "private" } else { "host" };
    let memory_bytes = host_config["Memory"].as_i64().unwrap_or_default();
    if memory_bytes > 0 && host_config["MemorySwap"] == json!(0) {
        // What a limit of memory alone means.
        host_config["MemorySwap"] = json!(memory_bytes.saturating_mul(2));
    }
    if host_config["ShmSize"] == json!(0) {
        // Docker's client names none by asking for none.
        host_config["ShmSize"] = json!(SHM_BYTES);
    }
    let open = [("NetworkMode", "default"), ("IpcMode", "private"), ("CgroupnsMode", cgroups)];
    for (key, default) in open {
        if host_config[key].as_str().is_none_or(str::is_empty) {
            host_config[key] = json!(default);
        }
    }
    if host_config["Privileged"] == json!(true) {
        host_config["MaskedPaths"] = Value::Null;
        host_config["ReadonlyPaths"] = Value::Null;
    }
    host_config
}

fn changing(view: &View, around: &Surroundings<'_>) -> Value {
    let record = &*view.record;
    let mut command = record.command().into_iter();
    let path = command.next().unwrap_or_default();
    let id = view.id();
    let folder = around.paths.container(id);
    let file = |name: &str| folder.join(name).display().to_string();
    let log = match record.decided.log_driver.as_str() {
        "json-file" => around.paths.log(id).display().to_string(),
        _ => String::new(),
    };
    let execs = match view.execs.is_empty() {
        true => Value::Null,
        false => json!(*view.execs),
    };
    let mut object = json!({
        "Id": id.as_str(),
        "Created": moment(record.decided.created_at_nanos),
        "Path": path,
        "Args": command.collect::<Vec<_>>(),
        "State": state(view),
        "Image": record.decided.image_id.as_ref().map_or("", |id| id.as_str()),
        "ResolvConfPath": file("resolv.conf"),
        "HostnamePath": file("hostname"),
        "HostsPath": file("hosts"),
        "LogPath": log,
        "Name": format!("/{}", view.name()),
        "RestartCount": view.state.restarts,
        "Driver": around.driver,
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": execs,
        "GraphDriver": { "Name": around.driver, "Data": {} },
        "NetworkSettings": network_settings(view, around.network_id),
    });
    if let Some(sizes) = around.sizes {
        object["SizeRw"] = json!(sizes.writable);
        object["SizeRootFs"] = json!(sizes.all);
    }
    object
}

fn state(view: &View) -> Value {
    let state = &view.state;
    let status = state.status;
    let mut object = json!({
        "Status": status.as_str(),
        "Running": status.is_alive() || status == Status::Restarting,
        "Paused": status == Status::Paused,
        "Restarting": status == Status::Restarting,
        "OOMKilled": state.oom_killed,
        "Dead": status == Status::Dead,
        "Pid": if status.is_alive() { state.pid } else { 0 },
        "ExitCode": state.exit_code,
        "Error": state.error,
        "StartedAt": moment(state.started_at_nanos),
        "FinishedAt": moment(state.finished_at_nanos),
    });
    if let Some(health) = &view.health {
        object["Health"] = health_of(health);
    }
    object
}

fn health_of(health: &Health) -> Value {
    let log: Vec<Value> = health
        .log
        .iter()
        .map(|check| {
            json!({
                "Start": moment(check.started_at_nanos),
                "End": moment(check.ended_at_nanos),
                "ExitCode": check.exit_code,
                "Output": check.output,
            })
        })
        .collect();
    json!({
        "Status": health.verdict.as_str(),
        "FailingStreak": health.failing_streak,
        "Log": log,
    })
}

fn network_settings(view: &View, network_id: &str) -> Value {
    let mut settings = zero::complete(Value::Null, zero::NETWORK_SETTINGS);
    if let Some(name) = network_name(&view.record) {
        let up = if view.status().is_alive() { network_id } else { "" };
        let endpoint = zero::complete(json!({ "NetworkID": up }), zero::ENDPOINT);
        settings["Networks"] = Value::Object(Map::from_iter([(name.to_owned(), endpoint)]));
    }
    settings
}
