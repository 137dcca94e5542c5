//! What Docker has no word for, about the daemon itself: its parts and its configuration.

use super::reply::Reply;
use super::request::Call;
use super::route::{Route, get};
use shared::error::Result;

/// Routes of this group.
pub fn routes() -> Vec<Route> {
    vec![get("/coffer/v1/plugins", plugins), get("/coffer/v1/config", config)]
}

/// Every part with its state, in the order in which they started.
async fn plugins(call: Call) -> Result<Reply> {
    Reply::json(&call.engine().parts)
}

/// The configuration in effect.
async fn config(call: Call) -> Result<Reply> {
    Reply::json(&call.engine().config)
}
