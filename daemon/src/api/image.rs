//! `/images` and `/commit`.

use super::reply::{JSON, Reply, TAR, progress};
use super::request::Call;
use super::route::{Route, delete, get, post};
use super::shape;
use crate::container::state::Status;
use crate::engine::Engine;
use crate::image::list::Intermediate;
use crate::image::step::Step;
use crate::image::{Commit, Force, Image, Import, Parents, Removed};
use crate::task::{self, channel};
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use shared::docker::ImageConfig;
use shared::error::{Error, Kind, Result};
use shared::id::ContainerId;

/// Routes of this group.
pub fn routes() -> Vec<Route> {
    vec![
        get("/images/json", list),
        post("/images/create", create).action("image", "create"),
        post("/images/prune", prune).since(1, 25).action("image", "prune"),
        post("/commit", commit).action("container", "commit"),
        post("/images/load", load).action("image", "load"),
        get("/images/get", save).action("image", "save"),
        get("/images/*name/get", save_one).action("image", "save"),
        get("/images/*name/json", inspect),
        get("/images/*name/history", history),
        post("/images/*name/tag", tag).action("image", "tag"),
        post("/images/*name/push", push),
        delete("/images/*name", remove).action("image", "delete"),
    ]
}

/// Lines that wait for a slow client.
const QUEUE: usize = 64;

/// One line of progress, in Docker's form. The bar is drawn by the client.
fn told(step: Step) -> Value {
    match step {
        Step::Line(text) => json!({ "stream": format!("{text}\n") }),
        Step::Layer { id, current, total } => json!({
            "status": "Loading layer",
            "progressDetail": { "current": current, "total": total },
            "id": id,
        }),
    }
}

/// `POST /images/load`: progress goes out while the archive comes in.
async fn load(mut call: Call) -> Result<Reply> {
    let quiet = call.query().flag_or("quiet", true);
    let body = call.blocking_body()?;
    let images = call.engine().images.clone();
    let (sender, receiver) = channel::bounded::<Result<Value>>(QUEUE);
    let steps = sender.clone();
    let report = Box::new(move |step: Step| {
        if !(quiet && matches!(step, Step::Layer { .. })) {
            // A client that has gone needs no progress; the load goes on.
            let _ = steps.send_blocking(Ok(told(step)));
        }
    });
    task::spawn("load images", async move {
        if let Err(error) = images.load(body, report).await {
            tracing::info!(%error, "an archive was not loaded");
            // As above.
            let _ = sender.send(Err(error)).await;
        }
    })
    .detach();
    // The head goes out with the first line: a client that sees an answer while it is still sending may
    // take it for a refusal and stop.
    let first = receiver.recv().await.ok();
    Ok(Reply::download(JSON, progress(stream::iter(first).chain(receiver))))
}

fn archive(call: &Call, names: &[String]) -> Result<Reply> {
    let images = call.engine().images.clone();
    let chosen = images.choose(names)?;
    Ok(Reply::written(call.slot()?, TAR, "save images", move |mut out| {
        images.save(&chosen, &mut out)?;
        task::block_on(images.saved(&chosen))
    }))
}

/// `GET /images/get`.
async fn save(call: Call) -> Result<Reply> {
    archive(&call, call.query().all("names"))
}

/// `GET /images/{name}/get`.
async fn save_one(call: Call) -> Result<Reply> {
    archive(&call, &[call.param("name")?])
}

/// `GET /images/{name}/json`.
async fn inspect(call: Call) -> Result<Reply> {
    let images = &call.engine().images;
    let image = images.resolve(&call.param("name")?)?;
    Reply::json(&shape::image::inspect(&image, images.snapshots().driver().name())?)
}

/// `GET /images/{name}/history`.
async fn history(call: Call) -> Result<Reply> {
    let steps = call.engine().images.history(&call.param("name")?)?;
    Reply::json(&steps.iter().map(shape::image::step).collect::<Vec<_>>())
}

/// `GET /images/json`.
async fn list(call: Call) -> Result<Reply> {
    let (query, images) = (call.query(), &call.engine().images);
    let mut filters = query.filters()?;
    if let Some(name) = query.text("filter") {
        // The older way to ask for a name.
        filters.entry("reference".to_owned()).or_default().push(name.to_owned());
    }
    let intermediate = if query.flag("all") { Intermediate::Shown } else { Intermediate::Hidden };
    let listed = images.list(&filters, intermediate)?;
    let disk = query.flag("shared-size").then(|| images.disk());
    let shared = |image: &Image| {
        let found = disk.iter().flat_map(|disk| &disk.images).find(|d| d.image.id == image.id);
        found.and_then(|found| i64::try_from(found.shared_bytes).ok()).unwrap_or(-1)
    };
    let list: Vec<Value> =
        listed.iter().map(|image| shape::image::summary(image, shared(image), -1)).collect();
    Reply::json(&list)
}

/// `POST /images/create`: a pull, or an import of the body.
async fn create(mut call: Call) -> Result<Reply> {
    let query = call.query();
    if let Some(name) = query.text("fromImage") {
        let full = match query.text("tag") {
            Some(digest) if digest.contains(':') => format!("{name}@{digest}"),
            Some(tag) => format!("{name}:{tag}"),
            None => name.to_owned(),
        };
        check_platform(query.text("platform").unwrap_or_default())?;
        call.engine().images.pull(&full).await?;
        return Ok(Reply::status(200));
    }
    match query.text("fromSrc") {
        Some("-") => {}
        Some(other) => {
            return Err(Error::unimplemented(format!(
                "cannot import from {other:?}: send the archive itself"
            )));
        }
        None => return Err(Error::invalid("fromImage or fromSrc must be given")),
    }
    let owned = |key: &str| query.text(key).unwrap_or_default().to_owned();
    let asked = Import {
        repository: owned("repo"),
        tag: owned("tag"),
        message: query.text("message").unwrap_or("Imported from -").to_owned(),
        changes: query.all("changes").to_vec(),
        platform: query.text("platform").map(str::to_owned),
    };
    let body = call.blocking_body()?;
    let image = call.engine().images.import(body, asked).await?;
    Reply::json(&json!({ "status": image.id.as_str() }))
}

/// A platform of one word must be a known system or architecture, as Docker has it.
fn check_platform(text: &str) -> Result<()> {
    const KNOWN: [&str; 12] = [
        "linux", "windows", "freebsd", "amd64", "x86_64", "arm64", "aarch64", "arm", "386",
        "ppc64le", "s390x", "riscv64",
    ];
    if text.is_empty() || text.contains('/') || KNOWN.contains(&text.to_lowercase().as_str()) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{text:?}: unknown operating system or architecture: invalid argument"
    )))
}

/// `POST /commit`.
async fn commit(mut call: Call) -> Result<Reply> {
    let query = call.query();
    let replaced: Option<ImageConfig> = call.optional_json().await?;
    let engine = call.engine();
    let reference = query.text("container").unwrap_or_default();
    let view = engine.containers.view(reference)?;
    let owned = |key: &str| query.text(key).unwrap_or_default().to_owned();
    let asked = Commit {
        repository: owned("repo"),
        tag: owned("tag"),
        comment: owned("comment"),
        author: owned("author"),
        changes: query
            .all("changes")
            .iter()
            .flat_map(|text| text.lines())
            .map(str::to_owned)
            .collect(),
        config: match replaced {
            Some(config) => config,
            None => shape::image::config_of(&view.record)?,
        },
        created_by: view.record.command().join(" "),
    };
    let id = view.id().as_str();
    let pauses = query.flag_or("pause", true) && view.status() == Status::Running;
    let pauses = pauses && paused(engine, id).await?;
    let base = view.record.decided.image_id.as_ref().and_then(|id| engine.images.get(id).ok());
    let image = engine.images.commit(view.id(), base.as_deref(), asked).await;
    if pauses {
        thaw(engine, id).await?;
    }
    let image = image?;
    engine.containers.record(id, "commit").await?;
    Reply::json_with(201, &json!({ "Id": image.id.as_str() }))
}

/// Ends such a pause, unless the container has.
async fn thaw(engine: &Engine, id: &str) -> Result<()> {
    match engine.containers.unpause(id).await {
        Err(error) if error.kind() != Kind::Conflict => Err(error),
        _ => Ok(()),
    }
}

/// Pauses a container that runs; one that has just ended needs no pause.
async fn paused(engine: &Engine, id: &str) -> Result<bool> {
    match engine.containers.pause(id).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == Kind::Conflict => Ok(false),
        Err(error) => Err(error),
    }
}

/// `POST /images/prune`.
async fn prune(call: Call) -> Result<Reply> {
    let filters = call.query().filters()?;
    let runs = runs(call.engine());
    let pruned = call.engine().images.prune(&filters, &runs).await?;
    let list: Vec<Value> = pruned.removed.iter().map(listed).collect();
    let list = if list.is_empty() { Value::Null } else { json!(list) };
    Reply::json(&json!({ "ImagesDeleted": list, "SpaceReclaimed": pruned.reclaimed_bytes }))
}

/// Tells of a container whether it runs.
fn runs(engine: &Engine) -> impl Fn(&ContainerId) -> bool + Sync + use<> {
    let containers = engine.containers.clone();
    move |id| containers.view(id.as_str()).is_ok_and(|view| view.status().is_alive())
}

/// `POST /images/{name}/tag`.
async fn tag(call: Call) -> Result<Reply> {
    let query = call.query();
    let repository = query.text("repo").unwrap_or_default();
    let tag = query.text("tag").unwrap_or_default();
    call.engine().images.tag(&call.param("name")?, repository, tag).await?;
    Ok(Reply::status(201))
}

/// `POST /images/{name}/push`.
async fn push(call: Call) -> Result<Reply> {
    call.engine().images.resolve(&call.param("name")?)?;
    Err(Error::unimplemented("registries are not supported yet: save the image instead"))
}

/// `DELETE /images/{name}`.
async fn remove(call: Call) -> Result<Reply> {
    let (query, engine) = (call.query(), call.engine());
    let force = if query.flag("force") { Force::Yes } else { Force::No };
    let parents = if query.flag("noprune") { Parents::Keep } else { Parents::Prune };
    let runs = runs(engine);
    let removed = engine.images.remove(&call.param("name")?, force, parents, &runs).await?;
    Reply::json(&removed.iter().map(listed).collect::<Vec<_>>())
}

fn listed(removed: &Removed) -> Value {
    match removed {
        Removed::Untagged(name) => json!({ "Untagged": name }),
        Removed::Deleted(id) => json!({ "Deleted": id }),
    }
}
