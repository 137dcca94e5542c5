//! Containers as the watch stream shows them.

use crate::container::record::Record;
use crate::container::spec::point::{Point, PointKind};
use crate::container::state::{Status, View};
use shared::docker::{PortMap, RestartPolicyNameEnum};
use shared::watch;

/// A container.
pub fn container(view: &View) -> watch::Container {
    let (record, state) = (&*view.record, &view.state);
    let host = record.host_config();
    let policy = record.restart_policy();
    let name = policy.and_then(|policy| policy.name).filter(|n| *n != RestartPolicyNameEnum::EMPTY);
    let health = view.health.as_ref().map(|health| health.verdict.as_str().to_owned());
    watch::Container {
        id: view.id().to_string(),
        name: view.name().to_owned(),
        image: record.decided.image.clone(),
        image_id: record.decided.image_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        command: record.command(),
        state: state.status.as_str().to_owned(),
        health: health.unwrap_or_default(),
        reason: reason(view),
        exit_code: state.exit_code,
        oom_killed: state.oom_killed,
        oom_kills: state.oom_kills,
        pid: state.pid,
        created_at_nanos: record.decided.created_at_nanos,
        started_at_nanos: state.started_at_nanos,
        finished_at_nanos: state.finished_at_nanos,
        restarts: state.restarts,
        restart_policy: name.map_or_else(|| "no".to_owned(), |name| name.to_string()),
        restart_max: number(policy.and_then(|policy| policy.maximum_retry_count)),
        memory_limit_bytes: number(host.and_then(|host| host.memory)),
        nano_cpus: host.and_then(|host| host.nano_cpus).unwrap_or(0),
        pids_limit: host.and_then(|host| host.pids_limit).unwrap_or(0).max(0),
        oom_score_adj: host.and_then(|host| host.oom_score_adj).map_or(0, |adj| adj as i32),
        terminal: record.has_terminal(),
        labels: record.labels().map(|(key, value)| (key.clone(), value.clone())).collect(),
        network_mode: network(record),
        ports: host.and_then(|host| host.port_bindings.as_ref()).map(ports).unwrap_or_default(),
        mounts: record.decided.mounts.iter().map(mount).collect(),
    }
}

fn number<T: TryFrom<i64> + Default>(value: Option<i64>) -> T {
    value.and_then(|value| T::try_from(value).ok()).unwrap_or_default()
}

/// Why a container does not run, in words.
fn reason(view: &View) -> String {
    let state = &view.state;
    match state.status {
        Status::Running | Status::Paused | Status::Created if state.error.is_empty() => {
            String::new()
        }
        _ if !state.error.is_empty() => state.error.clone(),
        _ if state.oom_killed => "killed for memory".to_owned(),
        _ if state.stopped_by_hand => watch::STOPPED_BY_HAND.to_owned(),
        _ => match state.signal {
            Some(signal) => format!("ended by signal {signal}"),
            None => format!("exited with {}", state.exit_code),
        },
    }
}

fn network(record: &Record) -> String {
    let asked = record.host_config().and_then(|host| host.network_mode.clone());
    asked.filter(|mode| !mode.is_empty()).unwrap_or_else(|| record.decided.network.clone())
}

fn ports(ports: &PortMap) -> Vec<String> {
    let mut words = Vec::new();
    for (port, bindings) in ports {
        for binding in bindings.iter().flatten() {
            let address =
                binding.host_ip.as_deref().filter(|ip| !ip.is_empty()).unwrap_or("0.0.0.0");
            let host = binding.host_port.as_deref().unwrap_or_default();
            words.push(format!("{address}:{host}->{port}"));
        }
    }
    words.sort();
    words
}

fn mount(point: &Point) -> String {
    let source = match point.kind {
        PointKind::Bind => point.source.as_str(),
        PointKind::Volume => point.name.as_str(),
        PointKind::Tmpfs => "tmpfs",
    };
    let mode = if point.read_only { ":ro" } else { "" };
    format!("{source}:{}{mode}", point.target)
}
