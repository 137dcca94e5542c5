//! What Docker has no word for, under `/coffer/v1`.

mod history;
mod watch;

use super::reply::Reply;
use super::request::Call;
use super::route::{Route, get, put};
use shared::error::Result;

/// Routes of this group.
pub fn routes() -> Vec<Route> {
    vec![
        get("/coffer/v1/watch", watch::watch),
        put("/coffer/v1/watch/:id/interest", watch::interest),
        get("/coffer/v1/containers/:id/history", history::history),
        get("/coffer/v1/plugins", plugins),
        get("/coffer/v1/config", config),
    ]
}

/// Every part with its state, in the order in which they started.
async fn plugins(call: Call) -> Result<Reply> {
    Reply::json(&call.engine().parts)
}

/// The configuration in effect.
async fn config(call: Call) -> Result<Reply> {
    Reply::json(&call.engine().config)
}
