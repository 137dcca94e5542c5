//! `plugins ls`: the parts of the daemon, which has no word of Docker's.

use super::exit::Outcome;
use super::output::{self, Column, Format, Row, words};
use crate::args::plugin::List;
use serde_json::{Value, json};
use shared::client::Client;

const COLUMNS: &[Column] =
    &[("ID", "ID"), ("STATE", "State"), ("STARTED IN", "Took"), ("REASON", "Reason")];

/// `coffer plugins ls`, in the order in which they were started.
pub async fn list(client: &Client, args: &List) -> Outcome {
    let format = Format::parse(args.format.as_deref())?;
    let found: Value = client.get("/coffer/v1/plugins").await?;
    let rows: Vec<Row> = found.as_array().into_iter().flatten().map(row).collect();
    if args.quiet && args.format.is_none() {
        let ids = rows.iter().map(|row| words::plain(row.get("ID")) + "\n");
        output::print(&ids.collect::<String>())?;
        return Ok(0);
    }
    output::print(&output::render(&format, COLUMNS, COLUMNS, &rows)?)?;
    Ok(0)
}

fn row(part: &Value) -> Row {
    let text = |key: &str| part[key].as_str().unwrap_or_default();
    let took = part["took_micros"].as_f64().unwrap_or_default() / 1000.0;
    let mut row = Row::new();
    row.insert("ID".into(), json!(text("id")));
    row.insert("State".into(), json!(text("state")));
    row.insert("Took".into(), json!(format!("{took:.1}ms")));
    row.insert("Reason".into(), json!(text("reason")));
    row
}
