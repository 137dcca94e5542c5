//! `POST /containers/create`.

use crate::api::reply::Reply;
use crate::api::request::Call;
use crate::container::request::CreateRequest;
use shared::docker::ContainerCreateResponse;
use shared::error::Result;

/// The body is handed on as the text that it is: it is stored so.
pub async fn create(mut call: Call) -> Result<Reply> {
    let query = call.query();
    let request = CreateRequest {
        name: query.text("name").map(str::to_owned),
        platform: query.text("platform").map(str::to_owned),
        body: call.text().await?,
    };
    let created = call.engine().containers.create(request).await?;
    let answer = ContainerCreateResponse { id: created.id.to_string(), warnings: created.warnings };
    Reply::json_with(201, &answer)
}
