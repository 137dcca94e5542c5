//! `/exec` and `/containers/{id}/exec`: further processes in a container.

use super::container::{Joint, Left, input, join, size};
use super::reply::Reply;
use super::request::Call;
use super::route::{Route, get, post};
use crate::container::request::{ExecStart, Size};
use crate::container::state::Status;
use serde::Deserialize;
use serde_json::json;
use shared::docker::ExecConfig;
use shared::error::{Error, Result};

/// Routes of this group.
pub fn routes() -> Vec<Route> {
    vec![
        post("/containers/:id/exec", create).action("container", "exec_create"),
        post("/exec/:id/start", start).action("container", "exec_start"),
        post("/exec/:id/resize", resize),
        get("/exec/:id/json", inspect),
    ]
}

async fn create(mut call: Call) -> Result<Reply> {
    let config: ExecConfig = call.json().await?;
    let id = call.engine().containers.exec_create(&call.param("id")?, config).await?;
    Reply::json_with(201, &json!({ "Id": id.as_str() }))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Start {
    detach: bool,
    tty: bool,
    /// Height, width.
    console_size: Option<[u16; 2]>,
}

async fn start(mut call: Call) -> Result<Reply> {
    // The body is read before the connection is taken over.
    let asked: Start = call.optional_json().await?.unwrap_or_default();
    let id = call.param("id")?;
    let containers = &call.engine().containers;
    let view = containers.exec_inspect(&id)?;
    let container = containers.view(view.container.as_str())?;
    if container.status() == Status::Paused {
        return Err(Error::conflict(format!(
            "Container {} is paused, unpause the container before exec",
            view.container
        )));
    }
    let size = asked
        .console_size
        .filter(|[rows, columns]| asked.tty && *rows > 0 && *columns > 0)
        .map(|[rows, columns]| Size { rows, columns });
    let config = &view.config;
    let terminal = config.tty.unwrap_or(false);
    let keys = config.detach_keys.clone().unwrap_or_default();
    let input = input(config.attach_stdin.unwrap_or(false), terminal, &keys)?;
    let how = ExecStart { detach: asked.detach, size };
    match containers.exec_start(&id, how).await? {
        None => Ok(Reply::status(200)),
        Some(attachment) => {
            // Whoever leaves an exec leaves no trace in the journal but its own end.
            let left: Left = Box::new(|| Box::pin(async {}));
            let joint = Joint { attachment, input, version: call.version, raw: asked.tty, left };
            Ok(join(joint, None))
        }
    }
}

async fn resize(call: Call) -> Result<Reply> {
    let size = size(&call.query())?;
    call.engine().containers.exec_resize(&call.param("id")?, size).await?;
    Ok(Reply::status(200))
}

async fn inspect(call: Call) -> Result<Reply> {
    let view = call.engine().containers.exec_inspect(&call.param("id")?)?;
    let config = &view.config;
    let mut command = config.cmd.iter().flatten();
    let program = command.next().cloned().unwrap_or_default();
    Reply::json(&json!({
        "ID": view.id.as_str(),
        "Running": view.running,
        "ExitCode": view.exit_code,
        "ProcessConfig": {
            "tty": config.tty.unwrap_or(false),
            "entrypoint": program,
            "arguments": command.collect::<Vec<_>>(),
            "privileged": config.privileged.unwrap_or(false),
            "user": config.user.clone().unwrap_or_default(),
        },
        "OpenStdin": config.attach_stdin.unwrap_or(false),
        "OpenStderr": config.attach_stderr.unwrap_or(false),
        "OpenStdout": config.attach_stdout.unwrap_or(false),
        "CanRemove": view.exit_code.is_some(),
        "ContainerID": view.container.as_str(),
        "DetachKeys": config.detach_keys.clone().unwrap_or_default(),
        "Pid": view.pid,
    }))
}
