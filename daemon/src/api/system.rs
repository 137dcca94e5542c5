//! The engine itself: ping, version, information, disk usage, profiles.

use super::reply::{JSON, Reply};
use super::request::Call;
use super::route::{Route, get};
use super::{error, shape};
use crate::event::now_nanos;
use crate::process::profile;
use crate::task;
use crate::volume::Filter;
use http::header;
use serde_json::json;
use shared::error::{Error, Result};
use std::time::Duration;

/// Routes of this group.
pub fn routes() -> Vec<Route> {
    vec![
        get("/_ping", ping),
        get("/version", version),
        get("/info", info),
        get("/system/df", usage).since(1, 25),
        get("/debug/pprof", list_profiles),
        get("/debug/pprof/", list_profiles),
        get("/debug/pprof/profile", take_profile),
    ]
}

/// Clients learn from its headers what they talk to.
async fn ping(_call: Call) -> Result<Reply> {
    let mut reply = Reply::bytes(200, "text/plain; charset=utf-8", "OK");
    for (name, value) in [
        (header::CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
        (header::PRAGMA, "no-cache"),
        (header::HeaderName::from_static("swarm"), "inactive"),
    ] {
        reply.headers().insert(name, header::HeaderValue::from_static(value));
    }
    Ok(reply)
}

async fn version(call: Call) -> Result<Reply> {
    Reply::json(&shape::system::version(&call.engine().host))
}

async fn info(call: Call) -> Result<Reply> {
    let engine = call.engine();
    let views = engine.containers.views();
    let figures = shape::info::Figures {
        containers: shape::info::Count::of(views.iter().map(|view| view.status())),
        images: engine.images.count(),
        subscribers: engine.journal.figures().subscribers,
        tasks: task::count(),
        now_nanos: now_nanos(),
        driver: engine.images.snapshots().driver().name(),
    };
    let value = shape::info::info(engine, &figures);
    Ok(Reply::bytes(200, JSON, format!("{value}\n")))
}

/// `GET /system/df`.
async fn usage(call: Call) -> Result<Reply> {
    let (engine, query) = (call.engine(), call.query());
    let types = query.all("type");
    for kind in types {
        if !["container", "image", "volume", "build-cache"].contains(&kind.as_str()) {
            return Err(Error::invalid(format!("unknown object type: {kind}")));
        }
    }
    let wanted = |kind: &str| types.is_empty() || types.iter().any(|given| given == kind);
    let mut answer = json!({});
    if wanted("image") {
        let disk = engine.images.disk();
        let images = disk.images.iter().map(|each| {
            let number = |figure: u64| i64::try_from(figure).unwrap_or(i64::MAX);
            shape::image::summary(&each.image, number(each.shared_bytes), number(each.containers))
        });
        answer["Images"] = images.collect();
        answer["LayersSize"] = json!(disk.layers_bytes);
    }
    if wanted("container") {
        answer["Containers"] = super::container::sized_list(&call).await?;
    }
    if wanted("volume") {
        let mut volumes = Vec::new();
        for view in engine.volumes.list(&Filter::default()) {
            let bytes = engine.volumes.size(&view).await?;
            volumes.push(shape::volume::inspect(&view, Some(bytes)));
        }
        answer["Volumes"] = json!(volumes);
    }
    if wanted("build-cache") {
        answer["BuildCache"] = json!([]);
        answer["BuilderSize"] = json!(0);
    }
    Reply::json(&answer)
}

/// The longest profile that one request may take.
const PROFILE_MAX: u64 = 300;

/// What there is below `/debug/pprof`, in debug mode only.
async fn list_profiles(call: Call) -> Result<Reply> {
    if !call.engine().config.debug {
        return Ok(error::page_not_found());
    }
    let text = format!(
        "profile?seconds=N\tfolded stacks, sampled {} times a second for N seconds (30)\n\
         SIGUSR1 writes tasks and threads to a file in {}\n",
        profile::FREQUENCY,
        call.engine().paths.exec.display()
    );
    Ok(Reply::bytes(200, "text/plain; charset=utf-8", text))
}

/// Folded stacks of the next `seconds`, in debug mode only.
async fn take_profile(call: Call) -> Result<Reply> {
    if !call.engine().config.debug {
        return Ok(error::page_not_found());
    }
    let seconds: u64 = call.query().number("seconds")?.unwrap_or(30);
    if seconds == 0 || seconds > PROFILE_MAX {
        return Err(Error::invalid(format!("seconds must be between 1 and {PROFILE_MAX}")));
    }
    let text = task::blocking("take a profile", move || {
        profile::sample(Duration::from_secs(seconds), profile::FREQUENCY)
    });
    Ok(Reply::bytes(200, "text/plain; charset=utf-8", text.await?))
}
