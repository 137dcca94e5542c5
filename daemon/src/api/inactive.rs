//! Routes of dockerd that this engine answers as a dockerd does on which they are switched off: swarm,
//! managed plugins, sessions, checkpoints, the builder.

use super::reply::Reply;
use super::request::Call;
use super::route::{Route, delete, get, post};
use shared::error::{Error, Result};

const NOT_A_MANAGER: &str = "This node is not a swarm manager. Use \"docker swarm init\" or \
     \"docker swarm join\" to connect this node to swarm and try again.";
const EXPERIMENTAL: &str = "This experimental feature is disabled by default. Start the Docker \
     daemon in experimental mode in order to enable it.";

/// Dockerd's answer outside a swarm.
pub fn not_a_manager() -> Error {
    Error::unavailable(NOT_A_MANAGER)
}

async fn swarm(_call: Call) -> Result<Reply> {
    Err(not_a_manager())
}

async fn swarm_change(_call: Call) -> Result<Reply> {
    Err(Error::unimplemented("this engine does not take part in swarms"))
}

async fn checkpoint(_call: Call) -> Result<Reply> {
    Err(Error::unimplemented(EXPERIMENTAL))
}

async fn build(_call: Call) -> Result<Reply> {
    Err(Error::unimplemented("this engine does not build images yet: load or import one"))
}

/// There is no build cache, so nothing of it is in the way: `docker system prune` asks for this, too.
async fn build_prune(call: Call) -> Result<Reply> {
    call.query().filters()?;
    Reply::json(&serde_json::json!({"CachesDeleted": null, "SpaceReclaimed": 0}))
}

async fn session(_call: Call) -> Result<Reply> {
    Err(Error::unimplemented("this engine has no BuildKit: sessions are not served"))
}

async fn no_plugins(call: Call) -> Result<Reply> {
    // A bad filter is a mistake also where there is nothing to filter.
    call.query().filters()?;
    Reply::json(&serde_json::json!([]))
}

async fn plugin(call: Call) -> Result<Reply> {
    Err(Error::not_found(format!("plugin \"{}\" not found", call.param("name")?)))
}

async fn plugin_change(_call: Call) -> Result<Reply> {
    Err(Error::unimplemented("this engine does not manage plugins"))
}

async fn registry(_call: Call) -> Result<Reply> {
    Err(Error::unimplemented("registries are not supported yet: load or import an image"))
}

/// Routes of this group.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        get("/containers/:id/checkpoints", checkpoint).since(1, 25),
        post("/containers/:id/checkpoints", checkpoint).since(1, 25),
        delete("/containers/:id/checkpoints/:name", checkpoint).since(1, 25),
        post("/build", build),
        post("/build/prune", build_prune).since(1, 31),
        post("/build/cancel", build).since(1, 39),
        post("/session", session).since(1, 31),
        post("/grpc", session).since(1, 38),
        get("/plugins", no_plugins).since(1, 25),
        get("/plugins/privileges", plugin_change).since(1, 25),
        get("/plugins/*name/json", plugin).since(1, 25),
        post("/plugins/pull", plugin_change).since(1, 25),
        post("/plugins/create", plugin_change).since(1, 25),
        delete("/plugins/*name", plugin).since(1, 25),
        get("/distribution/*name/json", registry).since(1, 30),
        get("/images/search", registry),
        post("/auth", registry),
        post("/swarm/init", swarm_change),
        post("/swarm/join", swarm_change),
    ];
    for path in [
        "/plugins/*name/enable",
        "/plugins/*name/disable",
        "/plugins/*name/upgrade",
        "/plugins/*name/push",
        "/plugins/*name/set",
    ] {
        routes.push(post(path, plugin).since(1, 25));
    }
    for path in [
        "/swarm",
        "/swarm/unlockkey",
        "/nodes",
        "/nodes/:id",
        "/services",
        "/services/:id",
        "/services/:id/logs",
        "/tasks",
        "/tasks/:id",
        "/tasks/:id/logs",
        "/secrets",
        "/secrets/:id",
        "/configs",
        "/configs/:id",
    ] {
        routes.push(get(path, swarm));
    }
    for path in [
        "/swarm/leave",
        "/swarm/update",
        "/swarm/unlock",
        "/nodes/:id/update",
        "/services/create",
        "/services/:id/update",
        "/secrets/create",
        "/secrets/:id/update",
        "/configs/create",
        "/configs/:id/update",
    ] {
        routes.push(post(path, swarm));
    }
    for path in ["/nodes/:id", "/services/:id", "/secrets/:id", "/configs/:id"] {
        routes.push(delete(path, swarm));
    }
    routes
}
