//! `events`: Docker's line for each, JSON, or a template.

use super::exit::{BAD_TEMPLATE, Outcome, failed};
use super::output;
use super::output::template::Template;
use super::request::{filters, query};
use crate::args::system::Events;
use crate::units::moment;
use futures_util::stream::StreamExt;
use serde_json::Value;
use shared::client::{Client, Content, Method};
use shared::error::Error;

/// `coffer events`.
pub async fn events(client: &Client, args: &Events) -> Outcome {
    // Docker's `json` is a template too.
    let format = args.format.as_deref().map(|f| if f == "json" { "{{json .}}" } else { f });
    let template = format.map(Template::of_rows).transpose();
    let wrong = |error: Error| Error::invalid(format!("Error parsing format: {error}"));
    let template = template.map_err(|error| failed(&wrong(error), BAD_TEMPLATE))?;
    let now = crate::rt::now();
    let path = format!(
        "/events{}",
        query(&[
            ("since", args.since.as_ref().map(|t| moment(t, now)).transpose()?),
            ("until", args.until.as_ref().map(|t| moment(t, now)).transpose()?),
            ("filters", filters(&args.filter)?),
        ])
    );
    let mut lines = client.lines::<Value>(Method::GET, &path, Content::Nothing).await?;
    while let Some(event) = lines.next().await {
        let event = event?;
        output::line(&match &template {
            Some(template) => template.render_as(&event, "Event").map_err(wrong)?,
            None => line(&event),
        })?;
    }
    Ok(0)
}

/// `2026-11-21T02:41:38.273000000Z container start <id> (image=x, name=y)`.
fn line(event: &Value) -> String {
    let text = |value: &Value| crate::text::clean(value.as_str().unwrap_or_default()).into_owned();
    let attributes: Vec<String> = event["Actor"]["Attributes"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{}={}", crate::text::clean(name), text(value)))
        .collect();
    let time = crate::text::rfc3339(event["timeNano"].as_i64().unwrap_or(0));
    let mut out = format!(
        "{time} {} {} {}",
        text(&event["Type"]),
        text(&event["Action"]),
        text(&event["Actor"]["ID"])
    );
    if !attributes.is_empty() {
        out.push_str(&format!(" ({})", attributes.join(", ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_line() {
        let event = serde_json::json!({
            "Type": "container", "Action": "start", "timeNano": 1,
            "Actor": {"ID": "abc", "Attributes": {"image": "x", "name": "y\u{1b}[2J"}},
        });
        assert_eq!(
            line(&event),
            "1970-01-01T00:00:00.000000001Z container start abc (image=x, name=y)"
        );
    }
}
