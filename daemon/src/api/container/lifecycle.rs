//! What changes a container: start, stop, kill, pause, rename, update, remove, and waiting for its end.

use crate::api::json;
use crate::api::reply::{JSON, Reply, line};
use crate::api::request::{Call, Filters, Query};
use crate::api::shape::time;
use crate::api::version::Version;
use crate::container::record;
use crate::container::request::{Condition, Grace, Remove, Size, Stop};
use crate::container::state::Outcome;
use crate::event::now_nanos;
use crate::limits;
use futures_util::stream;
use serde_json::json;
use shared::docker::ContainerUpdateBody;
use shared::error::{Error, Result};
use std::io;
use std::time::Duration;

/// 204 when something was done, 304 when nothing had to be.
fn done(outcome: Outcome) -> Reply {
    match outcome {
        Outcome::Done => Reply::status(204),
        Outcome::Already => Reply::status(304),
    }
}

/// `POST /containers/{id}/start`.
pub async fn start(call: Call) -> Result<Reply> {
    Ok(done(call.engine().containers.start(&call.param("id")?).await?))
}

fn how(query: &Query) -> Result<Stop> {
    Ok(Stop {
        grace: Grace::from_seconds(query.number("t")?),
        signal: query.text("signal").map(str::to_owned),
    })
}

/// A stopping daemon waits for a stop as long as the container may take.
fn declare(call: &Call, how: &Stop) -> Result<()> {
    let view = call.engine().containers.view(&call.param("id")?)?;
    let own = view.record.stop_timeout().and_then(|seconds| u64::try_from(seconds).ok());
    call.declare(match how.grace {
        Grace::Limit(limit) => limit,
        Grace::Own => own.map_or(limits::STOP_GRACE, Duration::from_secs),
        Grace::Unlimited => limits::SHUTDOWN_MAX,
    });
    Ok(())
}

/// `POST /containers/{id}/stop`.
pub async fn stop(call: Call) -> Result<Reply> {
    let how = how(&call.query())?;
    declare(&call, &how)?;
    Ok(done(call.engine().containers.stop(&call.param("id")?, how).await?))
}

/// `POST /containers/{id}/restart`.
pub async fn restart(call: Call) -> Result<Reply> {
    let how = how(&call.query())?;
    declare(&call, &how)?;
    call.engine().containers.restart(&call.param("id")?, how).await?;
    Ok(Reply::status(204))
}

/// `POST /containers/{id}/kill`.
pub async fn kill(call: Call) -> Result<Reply> {
    let query = call.query();
    call.engine().containers.kill(&call.param("id")?, query.text("signal")).await?;
    Ok(Reply::status(204))
}

/// `POST /containers/{id}/pause`.
pub async fn pause(call: Call) -> Result<Reply> {
    call.engine().containers.pause(&call.param("id")?).await?;
    Ok(Reply::status(204))
}

/// `POST /containers/{id}/unpause`.
pub async fn unpause(call: Call) -> Result<Reply> {
    call.engine().containers.unpause(&call.param("id")?).await?;
    Ok(Reply::status(204))
}

/// `POST /containers/{id}/rename`.
pub async fn rename(call: Call) -> Result<Reply> {
    let query = call.query();
    let name = query.text("name").unwrap_or_default();
    call.engine().containers.rename(&call.param("id")?, name).await?;
    Ok(Reply::status(204))
}

/// `POST /containers/{id}/update`.
pub async fn update(mut call: Call) -> Result<Reply> {
    let text = call.text().await?;
    let decoded = json::decode(text.as_bytes());
    let mut body: ContainerUpdateBody =
        decoded.map_err(|error| record::misnamed(&text).unwrap_or(error))?;
    if call.version < Version(1, 40) {
        // Older clients send a zero that they do not mean.
        body.pids_limit = None;
    }
    let warnings = call.engine().containers.update(&call.param("id")?, body).await?;
    let warnings = Some(warnings).filter(|warnings| !warnings.is_empty());
    Reply::json(&json!({ "Warnings": warnings }))
}

/// The size of a terminal from `h` and `w`.
pub fn size(query: &Query) -> Result<Size> {
    let number = |key: &str| -> Result<u16> {
        let bad = || Error::invalid(format!("invalid {key}: a terminal's size is 0 to 65535"));
        let number: i64 = query.number(key)?.ok_or_else(bad)?;
        u16::try_from(number).map_err(|_| bad())
    };
    Ok(Size { rows: number("h")?, columns: number("w")? })
}

/// `POST /containers/{id}/resize`.
pub async fn resize(call: Call) -> Result<Reply> {
    let size = size(&call.query())?;
    call.engine().containers.resize(&call.param("id")?, size).await?;
    Ok(Reply::status(200))
}

/// `DELETE /containers/{id}`.
pub async fn remove(call: Call) -> Result<Reply> {
    let query = call.query();
    let how =
        Remove { volumes: query.flag("v"), force: query.flag("force"), link: query.flag("link") };
    call.engine().containers.remove(&call.param("id")?, how).await?;
    Ok(Reply::status(204))
}

/// `POST /containers/{id}/wait`: the head goes out at once, so that a client knows that the wait has
/// begun before it starts the container.
pub async fn wait(call: Call) -> Result<Reply> {
    let query = call.query();
    let condition = match query.text("condition") {
        _ if call.version < Version(1, 30) => Condition::NotRunning,
        None | Some("not-running") => Condition::NotRunning,
        Some("next-exit") => Condition::NextExit,
        Some("removed") => Condition::Removed,
        Some(other) => return Err(Error::invalid(format!("invalid condition: {other:?}"))),
    };
    let waiting = call.engine().containers.wait(&call.param("id")?, condition)?;
    let answer = async move {
        let waited = waiting.await;
        let mut value = json!({ "StatusCode": waited.exit_code });
        if let Some(error) = waited.error {
            value["Error"] = json!({ "Message": error });
        }
        line(&value).map_err(|error| io::Error::other(error.to_string()))
    };
    Ok(Reply::feed(JSON, stream::once(answer)))
}

/// `until` of a prune as nanoseconds since 1970.
pub fn until(filters: &Filters) -> Result<Option<i64>> {
    match filters.get("until").map(Vec::as_slice) {
        None | Some([]) => Ok(None),
        Some([one]) => time::parse(one, now_nanos()).map(Some),
        Some(_) => Err(Error::invalid("more than one until filter specified")),
    }
}

/// `POST /containers/prune`.
pub async fn prune(call: Call) -> Result<Reply> {
    let filters = call.query().filters()?;
    let pruned = call.engine().containers.prune(&filters, until(&filters)?).await?;
    let ids: Vec<&str> = pruned.ids.iter().map(|id| id.as_str()).collect();
    let ids = if ids.is_empty() { json!(null) } else { json!(ids) };
    Reply::json(&json!({ "ContainersDeleted": ids, "SpaceReclaimed": pruned.bytes }))
}
