//! Images as lists, inspect and history show them.

use super::time::moment;
use super::zero;
use crate::container::record::Record;
use crate::image::{HistoryStep, Image};
use serde_json::{Value, json};
use shared::docker::ImageConfig;
use shared::error::{Context, Result};

/// `GET /images/{name}/json`.
pub fn inspect(image: &Image, driver: &str) -> Result<Value> {
    let document = &image.document;
    let config = serde_json::to_value(image.config()).context("encode an image's configuration")?;
    let parent = image.parent.as_ref().map_or("", |parent| parent.as_str());
    Ok(json!({
        "Id": image.id.as_str(),
        "RepoTags": image.tags(),
        "RepoDigests": image.digests(),
        "Parent": parent,
        "Comment": document.comment.clone().unwrap_or_default(),
        "Created": document.created.clone().unwrap_or_else(|| moment(0)),
        "DockerVersion": document.docker_version.clone().unwrap_or_default(),
        "Author": document.author.clone().unwrap_or_default(),
        "Config": zero::complete(config, zero::CONFIG),
        "Architecture": document.architecture,
        "Variant": document.variant.clone().unwrap_or_default(),
        "Os": document.os,
        "Size": image.size,
        "VirtualSize": image.size,
        "GraphDriver": { "Name": driver, "Data": {} },
        "RootFS": { "Type": "layers", "Layers": image.layers() },
        "Metadata": { "LastTagTime": moment(image.added_nanos) },
    }))
}

/// One element of `GET /images/json`; -1 stands for a figure that was not asked for.
pub fn summary(image: &Image, shared_bytes: i64, containers: i64) -> Value {
    let or_null = |list: Vec<String>| if list.is_empty() { Value::Null } else { json!(list) };
    json!({
        "Id": image.id.as_str(),
        "ParentId": image.parent.as_ref().map_or("", |parent| parent.as_str()),
        "RepoTags": image.tags(),
        "RepoDigests": or_null(image.digests()),
        "Created": image.created_nanos().div_euclid(1_000_000_000),
        "Size": image.size,
        "SharedSize": shared_bytes,
        "VirtualSize": image.size,
        "Labels": image.config().labels,
        "Containers": containers,
    })
}

/// One element of `GET /images/{name}/history`.
pub fn step(step: &HistoryStep) -> Value {
    let tags = if step.tags.is_empty() { Value::Null } else { json!(step.tags) };
    json!({
        "Id": step.id.as_ref().map_or("<missing>", |id| id.as_str()),
        "Created": step.created,
        "CreatedBy": step.created_by,
        "Tags": tags,
        "Size": step.size,
        "Comment": step.comment,
    })
}

/// A container's configuration as far as images have it.
pub fn config_of(record: &Record) -> Result<ImageConfig> {
    let value = serde_json::to_value(&record.body).context("encode a container's configuration")?;
    serde_json::from_value(value).context("read a container's configuration as an image's")
}
