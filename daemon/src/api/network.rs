//! `/networks`: the base networks. Others cannot be made in this build, and say so.

use super::reply::Reply;
use super::request::{Call, Filters};
use super::route::{Route, delete, get, post};
use super::shape;
use crate::network::Network;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::error::{Error, Result};

/// Routes of this group.
pub fn routes() -> Vec<Route> {
    vec![
        get("/networks", list),
        post("/networks/create", create).action("network", "create"),
        post("/networks/prune", prune).since(1, 25).action("network", "prune"),
        get("/networks/:id", inspect),
        delete("/networks/:id", remove).action("network", "delete"),
        post("/networks/:id/connect", connect).action("network", "connect"),
        post("/networks/:id/disconnect", connect).action("network", "disconnect"),
    ]
}

const KEYS: [&str; 7] = ["dangling", "driver", "id", "label", "name", "scope", "type"];

fn matches(network: &Network, filters: &Filters) -> bool {
    filters.iter().all(|(key, values)| {
        values.iter().any(|value| match key.as_str() {
            "driver" => network.driver == *value,
            "id" => network.id.as_str().starts_with(value.as_str()),
            "name" => network.name.contains(value.as_str()),
            "scope" => value == "local",
            "type" => value == "builtin",
            // The base networks have no labels and are never dangling.
            "dangling" => matches!(value.as_str(), "false" | "0"),
            _ => false,
        })
    })
}

async fn list(call: Call) -> Result<Reply> {
    let filters = call.query().filters()?;
    if let Some(key) = filters.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(Error::invalid(format!("Invalid filter '{key}'")));
    }
    let networks = call.engine().networks.list();
    let shown = networks.iter().filter(|network| matches(network, &filters));
    let list: Vec<Value> = shown.map(shape::network::inspect).collect();
    Reply::json(&list)
}

async fn inspect(call: Call) -> Result<Reply> {
    let id = call.param("id")?;
    let network = call.engine().networks.find(&id)?;
    let mut object = shape::network::inspect(network);
    let members = call.engine().containers.views();
    for view in members.iter().filter(|view| view.status().is_alive()) {
        if view.record.decided.network == network.name {
            object["Containers"][view.id().as_str()] = json!({
                "Name": view.name(), "EndpointID": "", "MacAddress": "",
                "IPv4Address": "", "IPv6Address": "",
            });
        }
    }
    Reply::json(&object)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Create {
    name: String,
}

async fn create(mut call: Call) -> Result<Reply> {
    let asked: Create = call.json().await?;
    let id = call.engine().networks.create(&asked.name)?;
    Reply::json_with(201, &json!({ "Id": id.as_str(), "Warning": "" }))
}

async fn remove(call: Call) -> Result<Reply> {
    call.engine().networks.remove(&call.param("id")?)?;
    Ok(Reply::status(204))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Connect {
    container: String,
}

async fn connect(mut call: Call) -> Result<Reply> {
    let asked: Connect = call.json().await?;
    let engine = call.engine();
    let network = engine.networks.find(&call.param("id")?)?;
    engine.containers.view(&asked.container)?;
    Err(Error::forbidden(format!(
        "container cannot be connected to or disconnected from network {}",
        network.name
    )))
}

/// There is never a network that nobody uses and that may go.
async fn prune(_call: Call) -> Result<Reply> {
    Reply::json(&json!({ "NetworksDeleted": null }))
}
