//! What shows containers: list, inspect, processes, changes.

use crate::api::reply::{JSON, Reply};
use crate::api::request::Call;
use crate::api::shape::container::{Sizes, summary};
use crate::api::shape::inspect::{self, Surroundings};
use crate::api::shape::{self, zero};
use crate::container::io;
use crate::container::list::Selection;
use crate::container::state::View;
use crate::engine::Engine;
use crate::event::now_nanos;
use crate::task;
use serde_json::value::{RawValue, to_raw_value};
use shared::error::{Context, Error, Result};
use shared::id::ImageId;
use shared::kernel::cgroup;
use std::collections::HashMap;
use std::sync::Arc;

/// `GET /containers/json`.
pub async fn list(call: Call) -> Result<Reply> {
    let (query, engine) = (call.query(), call.engine());
    let limit = query.number::<i64>("limit")?.and_then(|limit| usize::try_from(limit).ok());
    let selection = Selection {
        all: query.flag("all"),
        limit: limit.filter(|limit| *limit > 0),
        filters: query.filters()?,
    };
    let mut ancestors = HashMap::new();
    for reference in selection.filters.get("ancestor").into_iter().flatten() {
        let found = engine.images.resolve(reference).ok();
        ancestors.insert(reference.clone(), found.map(|image| image.id.clone()));
    }
    let descends = |view: &View, reference: &str| {
        let wanted: Option<&ImageId> = ancestors.get(reference).and_then(Option::as_ref);
        view.record.decided.image == reference
            || wanted.is_some() && view.record.decided.image_id.as_ref() == wanted
    };
    let views = selection.select(engine.containers.views(), &descends)?;
    Ok(Reply::bytes(200, JSON, text(engine, &views, query.flag("size")).await? + "\n"))
}

/// Every container with its sizes, for the disk usage.
pub async fn sized_list(engine: &Engine) -> Result<serde_json::Value> {
    let views = Selection { all: true, ..Selection::default() }
        .select(engine.containers.views(), &|_, _| false)?;
    serde_json::from_str(&text(engine, &views, true).await?).context("read back a list")
}

/// The list as JSON, written straight from the views.
async fn text(engine: &Engine, views: &[Arc<View>], sized: bool) -> Result<String> {
    let mut sizes = HashMap::new();
    for view in views.iter().filter(|_| sized) {
        sizes.insert(view.id().clone(), sizes_of(engine, view).await?);
    }
    let (now, no_labels) = (now_nanos(), HashMap::new());
    let endpoint: Box<RawValue> =
        to_raw_value(&zero::complete(serde_json::Value::Null, zero::ENDPOINT))
            .context("encode an endpoint")?;
    let list: Vec<_> = views
        .iter()
        .map(|view| summary(view, now, sizes.get(view.id()).copied(), &endpoint, &no_labels))
        .collect();
    serde_json::to_string(&list).context("encode a list")
}

async fn sizes_of(engine: &Engine, view: &View) -> Result<Sizes> {
    let writable = engine.images.usage(view.id()).await?.bytes;
    let image = match &view.record.decided.image_id {
        // An image removed by force leaves its containers behind.
        Some(id) => engine.images.get(id).map_or(0, |image| image.size),
        None => 0,
    };
    Ok(Sizes { writable, all: writable + image })
}

/// `GET /containers/{id}/json`.
pub async fn inspect(call: Call) -> Result<Reply> {
    let engine = call.engine();
    let view = engine.containers.view(&call.param("id")?)?;
    let sizes = match call.query().flag("size") {
        true => Some(sizes_of(engine, &view).await?),
        false => None,
    };
    let network = crate::api::shape::container::network_name(&view.record)
        .and_then(|name| engine.networks.find(name).ok());
    let around = Surroundings {
        paths: &engine.paths,
        driver: engine.images.snapshots().driver().name(),
        sizes,
        network_id: network.map_or("", |network| network.id.as_str()),
    };
    let fixed = call.kept.fixed(&view.record, &call.engine().containers.settings().host)?;
    Ok(Reply::bytes(200, JSON, inspect::inspect(&view, &fixed, &around)?))
}

/// `GET /containers/{id}/top`.
pub async fn top(call: Call) -> Result<Reply> {
    let (engine, query) = (call.engine(), call.query());
    let view = engine.containers.view(&call.param("id")?)?;
    if !view.status().is_alive() {
        return Err(Error::conflict(format!("Container {} is not running", view.id())));
    }
    let arguments = query.text("ps_args").unwrap_or("-ef").to_owned();
    let group = view.record.decided.cgroup.clone();
    let processes = task::blocking("list processes", move || {
        io::top::top(&cgroup::open(&group)?.processes()?, &arguments)
    });
    let processes = processes.await?;
    engine.containers.record(view.id().as_str(), "top").await?;
    Reply::json(&processes)
}

/// `GET /containers/{id}/changes`.
pub async fn changes(call: Call) -> Result<Reply> {
    let engine = call.engine();
    let view = engine.containers.view(&call.param("id")?)?;
    let list = shape::change::list(&engine.images.changes(view.id()).await?);
    Reply::json(&(!list.is_empty()).then_some(list))
}
