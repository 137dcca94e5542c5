//! THE LIST: every part of the daemon in the order in which it starts. Order is part of the design:
//! a part uses only what stands above it.

use crate::api::reply::Reply;
use crate::api::route::{self, Route};
use crate::config::{Config, build};
use crate::container::sampler::Sampler;
use crate::container::{self, Containers};
use crate::content::Content;
use crate::engine::{Engine, Identity, Managers};
use crate::event::{Journal, now_nanos};
use crate::image::Images;
use crate::metrics::{Collected, Info, Metrics};
use crate::network::Networks;
use crate::plugin::Parts;
use crate::process::identity;
use crate::shim::Launcher;
use crate::snapshot::{self, Snapshots};
use crate::store::Store;
use crate::trash::Trash;
use crate::volume::Volumes;
use crate::{probe, task};
use shared::error::{Context, Error, Result};
use shared::paths::Paths;
use std::sync::Arc;

/// The ids of all parts, in the order in which they start.
const ALL: [&str; 12] = [
    "coffer.probe.v1.host",
    "coffer.store.v1.surrealkv",
    "coffer.event.v1.journal",
    "coffer.trash.v1.local",
    "coffer.content.v1.local",
    "coffer.snapshot.v1.snapshots",
    "coffer.image.v1.images",
    "coffer.volume.v1.local",
    "coffer.network.v1.base",
    "coffer.sampler.v1.cgroup",
    "coffer.container.v1.containers",
    "coffer.metrics.v1.prometheus",
];

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
    let mut parts = Parts::new(&config.required_plugins, &config.disabled_plugins, &ALL)?;
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
    let journal = state(parts, &paths).await?;
    let trash = parts.must("coffer.trash.v1.local", open_trash(&paths)).await?;
    let images = images(parts, &config, &paths, &journal, &trash).await?;
    let volumes = parts
        .must("coffer.volume.v1.local", Volumes::open(journal.clone(), paths.clone(), trash))
        .await?;
    let networks =
        parts.must("coffer.network.v1.base", async { Networks::new(&identity.id) }).await?;
    let sampler = async {
        let sampler = Sampler::new()?;
        sampler.clone().run()?;
        Ok(sampler)
    };
    let sampler = parts.must("coffer.sampler.v1.cgroup", sampler).await?;
    let managers = container::Parts {
        journal: journal.clone(),
        images: images.clone(),
        volumes: volumes.clone(),
        networks: networks.clone(),
        launcher: launcher(&config, &paths)?,
        sampler,
        paths: paths.clone(),
    };
    let containers =
        parts.must("coffer.container.v1.containers", containers(managers, &config)).await?;
    parts.on_close("coffer.container.v1.containers", {
        let containers = containers.clone();
        move || async move {
            containers.close().await;
            Ok(())
        }
    });
    metrics.add(Box::new(Collected(containers.clone())));
    metrics.add_engine(
        engine_info(&host, &identity, images.snapshots().driver().name()),
        journal.clone(),
    );
    let scraping = async { Ok(metrics_route(metrics)) };
    let needs = ["coffer.container.v1.containers"];
    let route = parts.start("coffer.metrics.v1.prometheus", &needs, scraping).await?;
    let engine = Engine::new(Managers {
        config,
        host,
        identity,
        parts: parts.table(),
        paths,
        journal,
        images,
        volumes,
        networks,
        containers,
    });
    Ok((engine, route.into_iter().collect()))
}

/// Store and journal.
async fn state(parts: &mut Parts, paths: &Arc<Paths>) -> Result<Journal> {
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
    Ok(journal)
}

async fn open_trash(paths: &Arc<Paths>) -> Result<Trash> {
    let folder = paths.trash();
    task::blocking("open the trash", move || Trash::open(folder)).await
}

/// Blobs, snapshots, images.
async fn images(
    parts: &mut Parts,
    config: &Config,
    paths: &Arc<Paths>,
    journal: &Journal,
    trash: &Trash,
) -> Result<Images> {
    let content = parts
        .must("coffer.content.v1.local", {
            let paths = paths.clone();
            task::blocking("open the blobs", move || Content::open(&paths))
        })
        .await?;
    let snapshots = parts
        .must("coffer.snapshot.v1.snapshots", {
            let (paths, asked) = (paths.clone(), config.storage_driver.clone());
            let (store, trash) = (journal.store().clone(), trash.clone());
            async move {
                let driver = task::blocking("choose a snapshotter", move || {
                    snapshot::choose(Some(&asked), &paths)
                })
                .await?;
                Snapshots::open(driver, store, trash).await
            }
        })
        .await?;
    parts.must("coffer.image.v1.images", Images::open(journal.clone(), content, snapshots)).await
}

/// What starts shims. The program stands beside the daemon unless the configuration names another.
fn launcher(config: &Config, paths: &Arc<Paths>) -> Result<Launcher> {
    let program = match config.shim.as_os_str().is_empty() {
        false => config.shim.clone(),
        true => beside("coffer-shim")?,
    };
    if !program.is_file() {
        return Err(Error::unavailable(format!("there is no shim at {}", program.display())));
    }
    let parent = config.cgroup_parent.trim_matches('/');
    let parent = if parent.is_empty() { "coffer" } else { parent };
    let cgroup = format!("/{parent}/shim");
    Ok(Launcher::new(program, paths.clone(), cgroup, build::line()))
}

/// A program in the daemon's own folder.
fn beside(name: &str) -> Result<std::path::PathBuf> {
    let own = std::env::current_exe().context("find the daemon's own program")?;
    Ok(own.with_file_name(name))
}

async fn containers(managers: container::Parts, config: &Config) -> Result<Containers> {
    let config = config.clone();
    let settings = task::blocking("probe the host for containers", move || {
        container::Settings::new(&config, container::spec::host::Host::probe())
    })
    .await?;
    let containers = Containers::new(managers, settings)?;
    let restored = containers.restore().await?;
    tracing::info!(
        containers = restored.containers,
        running = restored.running,
        broken = restored.broken.len(),
        removed = restored.removed,
        "containers restored"
    );
    task::spawn("forget ended execs", containers.clone().collect_execs()).detach();
    Ok(containers)
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

fn engine_info(host: &probe::Host, identity: &Identity, driver: &str) -> Info {
    Info {
        version: build::VERSION.to_owned(),
        commit: build::COMMIT.to_owned(),
        architecture: host.machine.to_owned(),
        graphdriver: driver.to_owned(),
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
        Ok(Identity { id, labels: identity::labels(&labels), started_at_nanos: now_nanos() })
    })
    .await
}
