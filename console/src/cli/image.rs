//! `images`, `rmi`, `tag`, `commit`.

use super::exit::Outcome;
use super::lifecycle::each;
use super::output::{self, Column, Format, Row, words};
use super::request::{encode, filters, query, switch};
use crate::args::image::{Commit, List, Remove, Tag};
use serde_json::{Value, json};
use shared::client::Client;
use shared::error::Result;

const COLUMNS: &[Column] = &[
    ("REPOSITORY", "Repository"),
    ("TAG", "Tag"),
    ("IMAGE ID", "ID"),
    ("CREATED", "CreatedSince"),
    ("SIZE", "Size"),
];

const DIGESTS: &[Column] = &[
    ("REPOSITORY", "Repository"),
    ("TAG", "Tag"),
    ("DIGEST", "Digest"),
    ("IMAGE ID", "ID"),
    ("CREATED", "CreatedSince"),
    ("SIZE", "Size"),
];

const HEADINGS: &[Column] = &[
    ("REPOSITORY", "Repository"),
    ("TAG", "Tag"),
    ("DIGEST", "Digest"),
    ("IMAGE ID", "ID"),
    ("CREATED", "CreatedSince"),
    ("CREATED AT", "CreatedAt"),
    ("SIZE", "Size"),
];

/// Repository and tag of a name; a port is not a tag.
pub fn split(name: &str) -> (String, Option<String>) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository.into(), Some(tag.into())),
        _ => (name.into(), None),
    }
}

/// `coffer images`.
pub async fn list(client: &Client, args: &List) -> Outcome {
    let format = Format::parse(args.format.as_deref())?;
    let mut given = args.filter.clone();
    given.extend(args.repository.iter().map(|r| format!("reference={r}")));
    let path = format!(
        "/images/json{}",
        query(&[("all", switch(args.all)), ("filters", filters(&given)?)])
    );
    let found: Vec<Value> = client.get(&path).await?;
    let now = crate::rt::now() / 1_000_000_000;
    let rows: Vec<Row> = found.iter().flat_map(|image| rows(image, now, args.no_trunc)).collect();
    if args.quiet && args.format.is_none() {
        let ids: Vec<String> = rows.iter().map(|r| words::plain(r.get("ID"))).collect();
        output::print(&ids.iter().map(|id| format!("{id}\n")).collect::<String>())?;
        return Ok(0);
    }
    let columns = if args.digests { DIGESTS } else { COLUMNS };
    output::print(&output::render(&format, columns, HEADINGS, &rows)?)?;
    Ok(0)
}

/// One row for each tag, or one without.
fn rows(image: &Value, now: i64, whole: bool) -> Vec<Row> {
    let list = |name: &str| -> Vec<String> {
        let all = image[name].as_array().into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_string).collect()
    };
    let mut tags = list("RepoTags");
    tags.retain(|tag| tag != "<none>:<none>");
    let digests = list("RepoDigests");
    if tags.is_empty() {
        let repository = digests.first().and_then(|d| d.split('@').next()).unwrap_or("<none>");
        tags.push(format!("{repository}:<none>"));
    }
    let id = image["Id"].as_str().unwrap_or_default();
    let created = image["Created"].as_i64().unwrap_or(0);
    let row = |tag: &String| {
        let (repository, tag) = split(tag);
        let digest =
            digests.iter().find_map(|d| d.split_once('@').filter(|(r, _)| *r == repository));
        let mut row = Row::new();
        for (name, value) in [
            ("ID", if whole { id.to_string() } else { words::short(id) }),
            ("Repository", repository),
            ("Tag", tag.unwrap_or_else(|| "<none>".into())),
            ("Digest", digest.map_or("<none>".into(), |(_, d)| d.to_string())),
            ("CreatedSince", format!("{} ago", words::duration(now - created))),
            ("CreatedAt", super::ps::text_of_time(created)),
            ("Size", words::size(image["Size"].as_f64().unwrap_or(0.0))),
            ("Containers", "N/A".into()),
            ("SharedSize", "N/A".into()),
            ("UniqueSize", "N/A".into()),
            ("VirtualSize", words::size_of_four(image["Size"].as_f64().unwrap_or(0.0))),
        ] {
            row.insert(name.into(), Value::String(value));
        }
        row
    };
    tags.iter().map(row).collect()
}

/// `coffer rmi`.
pub async fn remove(client: &Client, args: &Remove) -> Outcome {
    let flags = query(&[("force", switch(args.force)), ("noprune", switch(args.no_prune))]);
    let flags = &flags;
    each(&args.images, |image| async move {
        let bytes = client.delete(&format!("/images/{}{flags}", encode(&image))).await?;
        let gone: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(deleted(&gone))
    })
    .await
}

/// `Untagged: x`, `Deleted: sha256:..`, one a line.
pub fn deleted(gone: &Value) -> String {
    let one = |entry: &Value| {
        let untagged = entry["Untagged"].as_str().map(|name| format!("Untagged: {name}"));
        untagged.or_else(|| entry["Deleted"].as_str().map(|id| format!("Deleted: {id}")))
    };
    gone.as_array().into_iter().flatten().filter_map(one).collect::<Vec<_>>().join("\n")
}

/// `coffer tag`.
pub async fn tag(client: &Client, args: &Tag) -> Outcome {
    let (repository, tag) = split(&args.target);
    let path = format!(
        "/images/{}/tag{}",
        encode(&args.source),
        query(&[("repo", Some(repository)), ("tag", tag)])
    );
    client.act(&path).await?;
    Ok(0)
}

/// `coffer commit`.
pub async fn commit(client: &Client, args: &Commit) -> Outcome {
    let (repository, tag) = split(args.image.as_deref().unwrap_or(""));
    let mut pairs = vec![
        ("container", Some(args.container.clone())),
        ("repo", Some(repository).filter(|r| !r.is_empty())),
        ("tag", tag),
        ("comment", args.message.clone()),
        ("author", args.author.clone()),
        ("pause", Some(if args.pause { "1" } else { "0" }.into())),
    ];
    pairs.extend(args.change.iter().map(|change| ("changes", Some(change.clone()))));
    let made: Value = client.post(&format!("/commit{}", query(&pairs)), &json!({})).await?;
    output::line(id_of(&made)?)?;
    Ok(0)
}

fn id_of(made: &Value) -> Result<&str> {
    made["Id"]
        .as_str()
        .ok_or_else(|| shared::error::Error::internal("the daemon's answer has no id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_tag() {
        let image = json!({"Id": "sha256:0123456789abcdef", "RepoTags": ["a:1", "host:5000/b:2"], "Created": 0, "Size": 1_240_000});
        let rows = rows(&image, 90, false);
        let table = output::render(&Format::Table, COLUMNS, HEADINGS, &rows).unwrap();
        insta::assert_snapshot!(table);
        assert_eq!(split("host:5000/b"), ("host:5000/b".into(), None));
        assert_eq!(
            deleted(&json!([{"Untagged": "a"}, {"Deleted": "b"}])),
            "Untagged: a\nDeleted: b"
        );
    }
}
