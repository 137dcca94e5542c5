//! `POST /containers/create`.

use crate::api::json;
use crate::api::reply::Reply;
use crate::api::request::Call;
use crate::api::version::Version;
use crate::container::request::CreateRequest;
use serde_json::{Map, Value};
use shared::docker::ContainerCreateResponse;
use shared::error::{Context, Error, Result};

/// The body is handed on as the text that it is: it is stored so.
pub async fn create(mut call: Call) -> Result<Reply> {
    let query = call.query();
    let body = call.text().await?;
    if let Some(said) = json::complaint(body.as_bytes()) {
        return Err(Error::invalid(format!("invalid JSON: {said}")));
    }
    let body = if call.version < Version(1, 40) { of_older_client(body)? } else { body };
    let request = CreateRequest {
        name: query.text("name").map(str::to_owned),
        platform: query.text("platform").map(str::to_owned),
        body,
    };
    let created = call.engine().containers.create(request).await?;
    let answer = ContainerCreateResponse { id: created.id.to_string(), warnings: created.warnings };
    Reply::json_with(201, &answer)
}

/// Before API 1.40 the default of `--ipc` was "shareable", and clients go by that.
fn of_older_client(body: String) -> Result<String> {
    let mut value: Value = json::decode(body.as_bytes())?;
    let Some(asked) = value.as_object_mut() else { return Ok(body) };
    let host = asked.entry("HostConfig").or_insert(Value::Null);
    if host.is_null() {
        *host = Value::Object(Map::new());
    }
    let Some(host) = host.as_object_mut() else { return Ok(body) };
    let mode = host.entry("IpcMode").or_insert(Value::Null);
    if mode.is_null() || mode == "" {
        *mode = "shareable".into();
    }
    serde_json::to_string(&value).context("encode a create body")
}
