//! What shows containers: list, inspect, processes, changes.

use crate::api::kept::Kept;
use crate::api::reply::{JSON, Reply};
use crate::api::request::Call;
use crate::api::shape;
use crate::api::shape::container::{Sizes, network_name};
use crate::api::shape::inspect::{self, Surroundings};
use crate::container::io;
use crate::container::list::Selection;
use crate::container::state::View;
use crate::engine::Engine;
use crate::event::now_nanos;
use crate::task;
use bytes::Bytes;
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
    let mut list = text(&call.kept, engine, &views, query.flag("size")).await?;
    list.push(b'\n');
    Ok(Reply::bytes(200, JSON, list))
}

/// Every container with its sizes, for the disk usage.
pub async fn sized_list(call: &Call) -> Result<serde_json::Value> {
    let engine = call.engine();
    let views = Selection { all: true, ..Selection::default() }
        .select(engine.containers.views(), &|_, _| false)?;
    let text = text(&call.kept, engine, &views, true).await?;
    serde_json::from_slice(&text).context("read back a list")
}

/// The list as JSON, put together from what is kept of each.
async fn text(kept: &Kept, engine: &Engine, views: &[Arc<View>], sized: bool) -> Result<Vec<u8>> {
    let mut sizes = HashMap::new();
    for view in views.iter().filter(|_| sized) {
        sizes.insert(view.id().clone(), sizes_of(engine, view).await?);
    }
    kept.sweep(engine.containers.count());
    let now = now_nanos();
    let mut list = vec![b'['];
    for view in views {
        if list.len() > 1 {
            list.push(b',');
        }
        let sizes = sizes.get(view.id()).copied();
        shape::container::write(&mut list, &kept.listed(view)?, view, now, sizes)?;
    }
    list.push(b']');
    Ok(list)
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
    let sized = call.query().flag("size");
    let sizes = if sized { Some(sizes_of(engine, &view).await?) } else { None };
    let network = network_name(&view.record).and_then(|name| engine.networks.find(name).ok());
    let around = Surroundings {
        paths: &engine.paths,
        driver: engine.images.snapshots().driver().name(),
        machine: &engine.containers.settings().host,
        sizes,
        network_id: network.map_or("", |network| network.id.as_str()),
    };
    call.kept.sweep(engine.containers.count());
    let text = match sized {
        true => Bytes::from(inspect::inspect(&view, &around)?),
        false => call.kept.inspected(&view, || inspect::inspect(&view, &around))?,
    };
    Ok(Reply::bytes(200, JSON, text))
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
    let changes = engine.images.changes(view.id()).await?;
    // The tree of one that was removed meanwhile was gone at some point.
    engine.containers.view(view.id().as_str())?;
    let list = shape::change::list(&changes);
    Reply::json(&(!list.is_empty()).then_some(list))
}
