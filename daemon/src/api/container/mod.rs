//! `/containers`: routes of the group. Handlers decode, call the manager, reply.

mod archive;
mod attach;
mod create;
mod lifecycle;
mod logs;
mod read;
mod reframe;
mod stats;

pub use attach::{Joint, Left, input, join};
pub use lifecycle::size;
pub use read::sized_list;

use super::route::{Route, delete, get, head, post, put};

/// Routes of this group.
pub fn routes() -> Vec<Route> {
    vec![
        get("/containers/json", read::list),
        get("/containers/:id/json", read::inspect),
        get("/containers/:id/top", read::top),
        get("/containers/:id/changes", read::changes).action("container", "changes"),
        get("/containers/:id/logs", logs::logs),
        get("/containers/:id/stats", stats::stats),
        post("/containers/create", create::create).action("container", "create"),
        post("/containers/prune", lifecycle::prune).since(1, 25).action("container", "prune"),
        post("/containers/:id/start", lifecycle::start).action("container", "start"),
        post("/containers/:id/stop", lifecycle::stop).action("container", "stop"),
        post("/containers/:id/restart", lifecycle::restart).action("container", "restart"),
        post("/containers/:id/kill", lifecycle::kill).action("container", "kill"),
        post("/containers/:id/pause", lifecycle::pause).action("container", "pause"),
        post("/containers/:id/unpause", lifecycle::unpause).action("container", "unpause"),
        post("/containers/:id/rename", lifecycle::rename).action("container", "rename"),
        post("/containers/:id/update", lifecycle::update).action("container", "update"),
        post("/containers/:id/resize", lifecycle::resize),
        post("/containers/:id/wait", lifecycle::wait),
        delete("/containers/:id", lifecycle::remove).action("container", "delete"),
        post("/containers/:id/attach", attach::attach),
        get("/containers/:id/export", archive::export).action("container", "export"),
        head("/containers/:id/archive", archive::stat),
        get("/containers/:id/archive", archive::get).action("container", "archive"),
        put("/containers/:id/archive", archive::put).action("container", "extract"),
    ]
}
