//! `ps`.

use super::exit::Outcome;
use super::output::template::LABELS;
use super::output::{self, Column, Format, Row, words};
use super::request::{filters, query, switch};
use crate::args::container::List;
use serde_json::{Value, json};
use shared::client::Client;
use shared::error::Result;

const COLUMNS: &[Column] = &[
    ("CONTAINER ID", "ID"),
    ("IMAGE", "Image"),
    ("COMMAND", "Command"),
    ("CREATED", "RunningFor"),
    ("STATUS", "Status"),
    ("PORTS", "Ports"),
    ("NAMES", "Names"),
];

const HEADINGS: &[Column] = &[
    ("CONTAINER ID", "ID"),
    ("IMAGE", "Image"),
    ("COMMAND", "Command"),
    ("CREATED", "RunningFor"),
    ("CREATED AT", "CreatedAt"),
    ("STATUS", "Status"),
    ("STATE", "State"),
    ("PORTS", "Ports"),
    ("NAMES", "Names"),
    ("SIZE", "Size"),
    ("LABELS", "Labels"),
    ("MOUNTS", "Mounts"),
    ("NETWORKS", "Networks"),
    ("LOCAL VOLUMES", "LocalVolumes"),
];

/// `coffer ps`.
pub async fn list(client: &Client, args: &List) -> Outcome {
    let format = Format::parse(args.format.as_deref())?;
    let last = if args.latest { Some(1) } else { args.last.filter(|n| *n > 0) };
    let path = format!(
        "/containers/json{}",
        query(&[
            ("all", switch(args.all || last.is_some())),
            ("limit", last.map(|n| n.to_string())),
            ("size", switch(args.size || shows_size(&format))),
            ("filters", filters(&args.filter)?),
        ])
    );
    let found: Vec<Value> = client.get(&path).await?;
    let now = crate::rt::now() / 1_000_000_000;
    let cut = if args.no_trunc { Cut::Nothing } else { Cut::Docker };
    let rows: Vec<Row> = found.iter().map(|c| row(c, now, cut)).collect();
    if args.quiet {
        output::quiet(args.format.as_deref())?;
        let ids: String = rows.iter().map(|r| format!("{}\n", words::plain(r.get("ID")))).collect();
        output::print(&ids)?;
        return Ok(0);
    }
    output::print(&text(&format, args, &rows)?)?;
    Ok(0)
}

/// Working out sizes takes the daemon long: it is asked only when they are shown.
fn shows_size(format: &Format) -> bool {
    match format {
        Format::Template(template) | Format::TableTemplate(template) => template.mentions("Size"),
        Format::Table | Format::Json => false,
    }
}

fn text(format: &Format, args: &List, rows: &[Row]) -> Result<String> {
    let mut columns = COLUMNS.to_vec();
    if args.size {
        columns.push(("SIZE", "Size"));
    }
    output::render(format, &columns, HEADINGS, rows)
}

/// What is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Nothing,
    /// Ids to twelve digits, commands to twenty characters, mounts to fifteen.
    Docker,
}

fn row(c: &Value, now: i64, cut: Cut) -> Row {
    let text = |name: &str| c[name].as_str().unwrap_or_default().to_string();
    let list = |name: &str| -> Vec<String> {
        let all = c[name].as_array().into_iter().flatten();
        all.filter_map(Value::as_str).map(|n| n.trim_start_matches('/').to_string()).collect()
    };
    let mut command = text("Command");
    if cut == Cut::Docker && command.chars().count() > 20 {
        command = command.chars().take(19).collect::<String>() + "…";
    }
    let id = if cut == Cut::Docker { words::short(&text("Id")) } else { text("Id") };
    let mounts: Vec<String> = c["Mounts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|m| {
            let name = m["Name"].as_str().filter(|name| !name.is_empty());
            let name = name.or(m["Source"].as_str()).unwrap_or_default();
            let room = if cut == Cut::Docker { 15 } else { usize::MAX };
            crate::text::cut(name, room, "…").into_owned()
        })
        .collect();
    let volumes =
        c["Mounts"].as_array().into_iter().flatten().filter(|m| m["Driver"] == "local").count();
    let labels: Vec<String> = c["Labels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    let networks: Vec<String> = c["NetworkSettings"]["Networks"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect();
    let size = |name: &str| words::size(c[name].as_f64().unwrap_or(0.0));
    let whole = c["SizeRootFs"].as_f64().filter(|size| *size > 0.0);
    let whole = whole.map_or(String::new(), |size| format!(" (virtual {})", words::size(size)));
    let created = c["Created"].as_i64().unwrap_or(0);
    let mut row = Row::new();
    for (name, value) in [
        ("ID", id),
        ("Names", list("Names").join(",")),
        ("Image", text("Image")),
        ("Command", format!("{command:?}")),
        ("CreatedAt", text_of_time(created)),
        ("RunningFor", format!("{} ago", words::duration(now - created))),
        ("Ports", ports(c)),
        ("State", text("State")),
        ("Status", text("Status")),
        ("Size", size("SizeRw") + &whole),
        ("Labels", labels.join(",")),
        ("Mounts", mounts.join(",")),
        ("Networks", networks.join(",")),
        ("LocalVolumes", volumes.to_string()),
    ] {
        row.insert(name.into(), Value::String(value));
    }
    row.insert("Platform".into(), c["Platform"].clone());
    row.insert(LABELS.into(), json!(c["Labels"].as_object().cloned().unwrap_or_default()));
    row
}

/// `2026-11-21 02:41:38 +0000 UTC`, as Go prints a time.
pub fn text_of_time(seconds: i64) -> String {
    let text = crate::text::rfc3339(seconds.saturating_mul(1_000_000_000).max(1));
    format!("{} {} +0000 UTC", &text[..10], &text[11..19])
}

/// `0.0.0.0:8080->80/tcp, 90/tcp`.
fn ports(c: &Value) -> String {
    let one = |p: &Value| {
        let inside = format!("{}/{}", p["PrivatePort"], p["Type"].as_str().unwrap_or("tcp"));
        match p["PublicPort"].as_u64().filter(|n| *n > 0) {
            None => inside,
            Some(outside) => {
                let address = p["IP"].as_str().unwrap_or_default();
                let address = if address.contains(':') {
                    format!("[{address}]")
                } else {
                    address.to_string()
                };
                format!("{address}:{outside}->{inside}")
            }
        }
    };
    let mut all: Vec<String> = c["Ports"].as_array().into_iter().flatten().map(one).collect();
    all.dedup();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_as_dockers() {
        let c = json!({
            "Id": "0123456789abcdef0123", "Names": ["/web"], "Image": "nginx", "Created": 100,
            "Command": "nginx -g daemon off; forever", "State": "running", "Status": "Up 2 minutes",
            "Ports": [{"PrivatePort": 80, "PublicPort": 8080, "IP": "0.0.0.0", "Type": "tcp"}, {"PrivatePort": 90, "Type": "tcp"}],
            "Labels": {"app": "shop"}, "Mounts": [{"Name": "data", "Driver": "local"}],
            "NetworkSettings": {"Networks": {"none": {}}},
        });
        let rows = [row(&c, 220, Cut::Docker)];
        let table = output::render(&Format::Table, COLUMNS, HEADINGS, &rows).unwrap();
        insta::assert_snapshot!(table);
        let format = Format::parse(Some(
            "{{.ID}} {{.Label \"app\"}} {{.CreatedAt}} {{.Networks}} {{.Mounts}}",
        ))
        .unwrap();
        let said = output::render(&format, COLUMNS, HEADINGS, &rows).unwrap();
        assert_eq!(said, "0123456789ab shop 1970-01-01 00:01:40 +0000 UTC none data\n");
    }
}
