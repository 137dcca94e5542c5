//! The engine itself: ping, version, information, events, disk usage.

use super::reply::Reply;
use super::request::Call;
use super::route::{Route, get};
use super::shape;
use shared::error::Result;

/// Routes of this group.
pub fn routes() -> Vec<Route> {
    vec![get("/_ping", ping), get("/version", version)]
}

/// Clients learn from its headers what they talk to.
async fn ping(_call: Call) -> Result<Reply> {
    Ok(Reply::bytes(200, "text/plain; charset=utf-8", "OK")
        .header("Cache-Control", "no-cache, no-store, must-revalidate")
        .header("Pragma", "no-cache")
        .header("Swarm", "inactive"))
}

async fn version(call: Call) -> Result<Reply> {
    Reply::json(&shape::system::version(&call.engine().host))
}
