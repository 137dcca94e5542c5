//! THE LIST: every part of the daemon in the order in which it starts. Order is part of the design:
//! a part uses only what stands above it.

use crate::api::reply::Reply;
use crate::api::route::{self, Route};
use crate::config::{Config, build};
use crate::engine::{Engine, Identity, Managers};
use crate::event::Journal;
use crate::metrics::{Info, Metrics};
use crate::plugin::Parts;
use crate::process::identity;
use crate::store::Store;
use crate::{probe, task};
use shared::error::Result;
use shared::paths::Paths;
use std::sync::Arc;

/// Everything that is up.
pub struct Running {
    /// The managers.
    pub engine: Engine,
    /// Routes of parts beside the API.
    pub routes: Vec<Route>,
    /// For closing.
    pub parts: Parts,
}

/// Starts every part. When one that is required fails, those that are up are closed again.
pub async fn start(config: Config, paths: Paths, metrics: Metrics) -> Result<Running> {
    let mut parts = Parts::new(&config.required_plugins, &config.disabled_plugins);
    match start_all(&mut parts, config, Arc::new(paths), metrics).await {
        Ok((engine, routes)) => Ok(Running { engine, routes, parts }),
        Err(error) => {
            parts.close().await;
            Err(error)
        }
    }
}

async fn start_all(
    parts: &mut Parts,
    config: Config,
    paths: Arc<Paths>,
    metrics: Metrics,
) -> Result<(Engine, Vec<Route>)> {
    let host =
        parts.must("coffer.probe.v1.host", task::blocking("probe the host", probe::read)).await?;
    for warning in host.warnings() {
        tracing::warn!("{warning}");
    }
    let identity = identify(&config, &paths).await?;
    let store = parts
        .must("coffer.store.v1.surrealkv", {
            let paths = paths.clone();
            task::blocking("open the store", move || Store::open(&paths))
        })
        .await?;
    parts.on_close("coffer.store.v1.surrealkv", {
        let store = store.clone();
        move || async move { store.close().await.map(drop) }
    });
    task::spawn("maintain the store", store.clone().maintain()).detach();
    let journal = parts.must("coffer.event.v1.journal", Journal::open(store)).await?;
    parts.on_close("coffer.event.v1.journal", {
        let journal = journal.clone();
        move || async move { journal.close().await }
    });
    metrics.add_engine(engine_info(&host, &identity), journal.clone());
    for id in parts.unknown() {
        tracing::warn!(id, "required_plugins or disabled_plugins names a part that does not exist");
    }
    let engine = Engine::new(Managers { config, host, identity, parts: parts.table(), journal });
    Ok((engine, vec![metrics_route(metrics)]))
}

/// `GET /metrics`: the metrics do not know HTTP, the API does not know metrics.
fn metrics_route(metrics: Metrics) -> Route {
    route::get("/metrics", move |call| {
        let metrics = metrics.clone();
        async move {
            let accept = call.header("accept").unwrap_or_default().to_owned();
            let scrape = task::blocking("scrape", move || metrics.scrape(&accept)).await?;
            Ok(Reply::bytes(200, scrape.content_type, scrape.body))
        }
    })
}

fn engine_info(host: &probe::Host, identity: &Identity) -> Info {
    Info {
        version: build::VERSION.to_owned(),
        commit: build::COMMIT.to_owned(),
        architecture: host.machine.to_owned(),
        graphdriver: String::new(),
        kernel: host.kernel.clone(),
        os: host.os_name.clone(),
        os_type: "linux".to_owned(),
        daemon_id: identity.id.clone(),
        cpus: host.cpus,
        memory_bytes: host.memory_bytes,
    }
}

async fn identify(config: &Config, paths: &Arc<Paths>) -> Result<Identity> {
    let (labels, paths) = (config.labels.clone(), paths.clone());
    task::blocking("identify the engine", move || {
        let id = identity::engine_id(&paths)?;
        Ok(Identity { id, labels: identity::labels(&labels) })
    })
    .await
}
