//! `stats`: the figures that Docker works out from the API's counters.

use super::exit::Outcome;
use super::output::{self, Column, Format, Row, words};
use super::request::encode;
use crate::args::container::Stats;
use crate::rt;
use futures_util::future::join_all;
use serde_json::Value;
use shared::client::Client;
use shared::error::{Error, Result};
use std::io::IsTerminal;
use std::time::Duration;

/// Between two lists.
const PERIOD: Duration = Duration::from_secs(1);

const COLUMNS: &[Column] = &[
    ("CONTAINER ID", "ID"),
    ("NAME", "Name"),
    ("CPU %", "CPUPerc"),
    ("MEM USAGE / LIMIT", "MemUsage"),
    ("MEM %", "MemPerc"),
    ("NET I/O", "NetIO"),
    ("BLOCK I/O", "BlockIO"),
    ("PIDS", "PIDs"),
];

/// `coffer stats`.
pub async fn stats(client: &Client, args: Stats) -> Outcome {
    let format = Format::parse(args.format.as_deref())?;
    let screen =
        !args.no_stream && std::io::stdout().is_terminal() && matches!(format, Format::Table);
    loop {
        let names = match args.containers.is_empty() {
            false => args.containers.clone(),
            true => all(client, args.all).await?,
        };
        let asked = join_all(names.iter().map(|name| one(client, name, args.no_trunc))).await;
        let rows: Vec<Row> = match args.containers.is_empty() {
            // One that has gone between the list and the question is no error.
            true => asked.into_iter().filter_map(Result::ok).collect(),
            false => asked.into_iter().collect::<Result<_>>()?,
        };
        let mut headings = COLUMNS.to_vec();
        headings.push(("CONTAINER", "Container"));
        let text = output::render(&format, COLUMNS, &headings, &rows)?;
        output::print(&if screen { format!("\u{1b}[H\u{1b}[2J{text}") } else { text })?;
        if args.no_stream {
            return Ok(0);
        }
        rt::sleep(PERIOD).await;
    }
}

async fn all(client: &Client, stopped: bool) -> Result<Vec<String>> {
    let path = if stopped { "/containers/json?all=1" } else { "/containers/json" };
    let found: Vec<Value> = client.get(path).await?;
    Ok(found.iter().filter_map(|c| c["Id"].as_str().map(str::to_string)).collect())
}

async fn one(client: &Client, name: &str, whole: bool) -> Result<Row> {
    let path = format!("/containers/{}/stats?stream=0&one-shot=0", encode(name));
    let found: Value = client.get(&path).await?;
    if found.is_null() {
        return Err(Error::internal("the daemon has no figures"));
    }
    Ok(row(&found, name, whole))
}

fn row(s: &Value, asked: &str, whole: bool) -> Row {
    let n = |value: &Value| value.as_f64().unwrap_or(0.0);
    let id = s["id"].as_str().unwrap_or(asked);
    let (used, limit) = (memory(&s["memory_stats"]), n(&s["memory_stats"]["limit"]));
    let percent = if limit > 0.0 { used / limit * 100.0 } else { 0.0 };
    let networks = s["networks"].as_object().into_iter().flatten();
    let (rx, tx) = networks.fold((0.0, 0.0), |(rx, tx), (_, net)| {
        (rx + n(&net["rx_bytes"]), tx + n(&net["tx_bytes"]))
    });
    let io = |what: &str| -> f64 {
        let all = s["blkio_stats"]["io_service_bytes_recursive"].as_array().into_iter().flatten();
        all.filter(|e| e["op"].as_str().is_some_and(|op| op.eq_ignore_ascii_case(what)))
            .fold(0.0, |sum, e| sum + n(&e["value"]))
    };
    let mut row = Row::new();
    for (name, value) in [
        ("ID", if whole { id.to_string() } else { words::short(id) }),
        ("Container", if id == asked { words::short(id) } else { asked.to_string() }),
        ("Name", s["name"].as_str().unwrap_or_default().trim_start_matches('/').to_string()),
        ("CPUPerc", format!("{:.2}%", cpu(s))),
        ("MemUsage", format!("{} / {}", words::binary_size(used), words::binary_size(limit))),
        ("MemPerc", format!("{percent:.2}%")),
        ("NetIO", format!("{} / {}", words::size(rx), words::size(tx))),
        ("BlockIO", format!("{} / {}", words::size(io("read")), words::size(io("write")))),
        ("PIDs", format!("{}", n(&s["pids_stats"]["current"]))),
    ] {
        row.insert(name.into(), Value::String(value));
    }
    row
}

/// Per cent of one CPU between the two readings.
fn cpu(s: &Value) -> f64 {
    let n = |value: &Value| value.as_f64().unwrap_or(0.0);
    let (now, before) = (&s["cpu_stats"], &s["precpu_stats"]);
    let used = n(&now["cpu_usage"]["total_usage"]) - n(&before["cpu_usage"]["total_usage"]);
    let system = n(&now["system_cpu_usage"]) - n(&before["system_cpu_usage"]);
    let cpus = n(&now["online_cpus"]).max(1.0);
    if used > 0.0 && system > 0.0 { used / system * cpus * 100.0 } else { 0.0 }
}

/// Memory without inactive page cache, as Docker shows it on both versions of control groups.
fn memory(m: &Value) -> f64 {
    let usage = m["usage"].as_f64().unwrap_or(0.0);
    let cache = m["stats"]["total_inactive_file"]
        .as_f64()
        .or(m["stats"]["inactive_file"].as_f64())
        .unwrap_or(0.0);
    if cache < usage { usage - cache } else { usage }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dockers_arithmetic() {
        let s = json!({
            "id": "0123456789abcdef", "name": "/web",
            "cpu_stats": {"cpu_usage": {"total_usage": 300}, "system_cpu_usage": 2000, "online_cpus": 2},
            "precpu_stats": {"cpu_usage": {"total_usage": 100}, "system_cpu_usage": 1000},
            "memory_stats": {"usage": 3 << 20, "limit": 8 << 20, "stats": {"inactive_file": 1 << 20}},
            "networks": {"eth0": {"rx_bytes": 1000, "tx_bytes": 10}},
            "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 4096}]},
            "pids_stats": {"current": 3},
        });
        let row = row(&s, "web", false);
        let said = |name: &str| row[name].as_str().unwrap().to_string();
        assert_eq!(said("CPUPerc"), "40.00%");
        assert_eq!(said("MemUsage"), "2MiB / 8MiB");
        assert_eq!(
            (said("MemPerc"), said("NetIO"), said("BlockIO")),
            ("25.00%".into(), "1kB / 10B".into(), "4.1kB / 0B".into())
        );
    }
}
