//! `volume ls`, `create` and `rm`.

use super::exit::Outcome;
use super::lifecycle::each;
use super::output::template::LABELS;
use super::output::{self, Column, Format, Row, words};
use super::request::{encode, filters, query, switch};
use crate::args::volume::{Create, List, Remove};
use crate::units::pairs;
use serde_json::{Value, json};
use shared::client::Client;

const COLUMNS: &[Column] = &[("DRIVER", "Driver"), ("VOLUME NAME", "Name")];

const HEADINGS: &[Column] = &[
    ("DRIVER", "Driver"),
    ("VOLUME NAME", "Name"),
    ("SCOPE", "Scope"),
    ("MOUNTPOINT", "Mountpoint"),
    ("LABELS", "Labels"),
];

/// `coffer volume ls`.
pub async fn list(client: &Client, args: &List) -> Outcome {
    let format = Format::parse(args.format.as_deref())?;
    let found: Value =
        client.get(&format!("/volumes{}", query(&[("filters", filters(&args.filter)?)]))).await?;
    let mut rows: Vec<Row> = found["Volumes"].as_array().into_iter().flatten().map(row).collect();
    rows.sort_by_key(|row| words::plain(row.get("Name")));
    if args.quiet && args.format.is_none() {
        output::print(
            &rows.iter().map(|r| format!("{}\n", words::plain(r.get("Name")))).collect::<String>(),
        )?;
        return Ok(0);
    }
    output::print(&output::render(&format, COLUMNS, HEADINGS, &rows)?)?;
    Ok(0)
}

fn row(volume: &Value) -> Row {
    let labels = volume["Labels"].as_object().cloned().unwrap_or_default();
    let said: Vec<String> =
        labels.iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect();
    let mut row = Row::new();
    for name in ["Driver", "Name", "Scope", "Mountpoint"] {
        row.insert(name.into(), json!(volume[name].as_str().unwrap_or_default()));
    }
    row.insert("Labels".into(), json!(said.join(",")));
    // Figures of `system df`, and of swarm; a list has none.
    for name in ["Availability", "Group", "Links", "Size", "Status"] {
        row.insert(name.into(), json!("N/A"));
    }
    row.insert(LABELS.into(), labels.into());
    row
}

/// `coffer volume create`.
pub async fn create(client: &Client, args: &Create) -> Outcome {
    let body = json!({
        "Name": args.name.clone().unwrap_or_default(),
        "Driver": args.driver,
        "DriverOpts": pairs(&args.opt)?,
        "Labels": pairs(&args.label)?,
    });
    let made: Value = client.post("/volumes/create", &body).await?;
    output::line(made["Name"].as_str().unwrap_or_default())?;
    Ok(0)
}

/// `coffer volume rm`.
pub async fn remove(client: &Client, args: &Remove) -> Outcome {
    let flags = query(&[("force", switch(args.force))]);
    let flags = &flags;
    each(&args.names, |name| async move {
        client.delete(&format!("/volumes/{}{flags}", encode(&name))).await?;
        Ok(name)
    })
    .await
}
