//! `/volumes`.

use super::reply::Reply;
use super::request::Call;
use super::route::{Route, delete, get, post, put};
use super::shape;
use crate::volume::{Filter, Wish};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::docker::VolumeCreateRequest;
use shared::error::{Error, Kind, Result};

/// Routes of this group.
pub fn routes() -> Vec<Route> {
    vec![
        get("/volumes", list),
        post("/volumes/create", create).action("volume", "create"),
        post("/volumes/prune", prune).since(1, 25).action("volume", "prune"),
        get("/volumes/:name", inspect),
        put("/volumes/:name", update).since(1, 42),
        delete("/volumes/:name", remove).action("volume", "delete"),
    ]
}

async fn list(call: Call) -> Result<Reply> {
    let filter = Filter::parse(&call.query().filters()?)?;
    let views = call.engine().volumes.list(&filter);
    let volumes: Vec<Value> = views.iter().map(|view| shape::volume::inspect(view, None)).collect();
    Reply::json(&json!({ "Volumes": volumes, "Warnings": null }))
}

async fn create(mut call: Call) -> Result<Reply> {
    let asked: VolumeCreateRequest = call.optional_json().await?.unwrap_or_default();
    if asked.cluster_volume_spec.is_some() {
        return Err(Error::unavailable("volume create failed: there is no swarm here"));
    }
    let wish = Wish {
        name: asked.name.unwrap_or_default(),
        driver: asked.driver.unwrap_or_default(),
        options: asked.driver_opts.unwrap_or_default().into_iter().collect(),
        labels: asked.labels.unwrap_or_default().into_iter().collect(),
    };
    let view = call.engine().volumes.create(wish).await?;
    Reply::json_with(201, &shape::volume::inspect(&view, None))
}

async fn inspect(call: Call) -> Result<Reply> {
    let view = call.engine().volumes.get(&call.param("name")?)?;
    Reply::json(&shape::volume::inspect(&view, None))
}

/// Only cluster volumes can be changed, of which there are none.
async fn update(call: Call) -> Result<Reply> {
    call.engine().volumes.get(&call.param("name")?)?;
    Err(super::inactive::not_a_manager())
}

async fn remove(call: Call) -> Result<Reply> {
    let force = call.query().flag("force");
    match call.engine().volumes.remove(&call.param("name")?).await {
        Err(error) if force && error.kind() == Kind::NotFound => {}
        result => result?,
    }
    Ok(Reply::status(204))
}

#[derive(Default, Deserialize)]
struct Nothing {}

async fn prune(mut call: Call) -> Result<Reply> {
    let _: Option<Nothing> = call.optional_json().await?;
    let (filter, all) = Filter::parse_prune(&call.query().filters()?)?;
    // Before 1.42 there was no notion of anonymous volumes: all unused ones went.
    let old = call.version < super::version::Version(1, 42);
    let pruned = call.engine().volumes.prune(&filter, all.unwrap_or(old)).await?;
    let names = if pruned.names.is_empty() { json!(null) } else { json!(pruned.names) };
    Reply::json(&json!({ "VolumesDeleted": names, "SpaceReclaimed": pruned.bytes }))
}
