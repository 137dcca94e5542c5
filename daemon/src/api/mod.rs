//! The HTTP API: Docker's Engine API and Coffer's own under `/coffer/v1`.
//!
//! Handlers decode, call a manager, reply; they know no socket and no hyper type. Conversions to
//! Docker's models are in [`shape`]. This is layer 8: it uses the engine and nothing below it.

pub mod budget;
mod coffer;
mod container;
pub mod error;
mod events;
mod exec;
mod field;
mod image;
mod inactive;
mod json;
pub mod kept;
pub mod listen;
mod network;
pub mod reply;
pub mod request;
pub mod route;
pub mod shape;
pub mod slot;
mod status;
mod system;
pub mod trace;
mod upload;
pub mod version;
mod volume;

use crate::config::build;
use crate::engine::Engine;
use crate::task;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{HeaderName, HeaderValue, SERVER as SERVER_NAME};
use reply::Reply;
use route::Route;
use shared::error::{Error, Result};
use shared::net;
use shared::net::body::RequestBody;
use shared::net::conn::{Answer, App};
use shared::net::stop::Request as Counted;
use shared::net::tide::Parcel;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, LazyLock};
use tide::http as types;

/// The router with its state. Clones share it.
#[derive(Clone)]
pub struct Api(Arc<tide::Server<Engine>>);

/// Every route of the daemon's own.
pub fn routes() -> Vec<Route> {
    let groups = [
        inactive::routes(),
        container::routes(),
        exec::routes(),
        image::routes(),
        volume::routes(),
        network::routes(),
        system::routes(),
        events::routes(),
        coffer::routes(),
    ];
    groups.into_iter().flatten().collect()
}

impl Api {
    /// Registers the routes. `further` are those of parts beside this one.
    pub fn new(engine: Engine, further: Vec<Route>) -> Self {
        let mut server = tide::with_state(engine);
        let common = Arc::new(trace::Common::default());
        for route in routes().into_iter().chain(further) {
            let common = common.clone();
            let mut place = server.at(route.path);
            place.method(route.method, move |request: tide::Request<Engine>| {
                let (route, common) = (route.clone(), common.clone());
                async move { Ok(trace::run(&route, &common, request).await.into_tide()) }
            });
        }
        Self(Arc::new(server))
    }

    async fn respond(&self, request: types::Request) -> Result<Answer> {
        let response: types::Response = match self.0.respond(request).await {
            Ok(response) => response,
            Err(failure) => types::Response::new(failure.status()),
        };
        let unknown = matches!(u16::from(response.status()), 404 | 405);
        if unknown && response.ext().get::<Parcel<Answer>>().is_none() {
            return Ok(error::page_not_found().0);
        }
        net::tide::answer(response).await
    }
}

/// What every answer carries.
fn dress(mut answer: Reply) -> Answer {
    static VERSION: LazyLock<HeaderValue> = LazyLock::new(|| {
        let text = version::MAX.to_string();
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
    });
    const SERVER: &str = concat!("Coffer/", env!("CARGO_PKG_VERSION"), " (linux)");
    debug_assert!(SERVER.contains(build::VERSION));
    let headers = answer.headers();
    for (name, value) in [("docker-experimental", "false"), ("ostype", "linux")] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(SERVER_NAME, HeaderValue::from_static(SERVER));
    headers.insert(HeaderName::from_static("api-version"), VERSION.clone());
    answer.0
}

impl App for Api {
    fn answer(
        &self,
        request: http::Request<RequestBody>,
        counted: Counted,
    ) -> BoxFuture<'static, Answer> {
        let api = self.clone();
        Box::pin(async move {
            let reading = matches!(*request.method(), http::Method::GET | http::Method::HEAD);
            let work = async move {
                let counted = Arc::new(counted);
                match admit(request) {
                    Ok(mut request) => {
                        request.ext_mut().insert(counted.clone());
                        api.respond(request).await
                    }
                    Err(failure) => Ok(error::reply(&failure).0),
                }
            };
            // The connection drops this future when its client has gone: reading may stop then, a
            // change goes on to its end.
            let answer = if reading {
                AssertUnwindSafe(work).catch_unwind().await.map_err(|_| panicked())
            } else {
                task::spawn("request", work).await
            };
            dress(match answer.flatten() {
                Ok(answer) => Reply(answer),
                Err(failure) => {
                    tracing::error!(error = %failure, "cannot answer a request");
                    error::reply(&failure)
                }
            })
        })
    }
}

fn panicked() -> Error {
    Error::internal("the request met a fault of the daemon's, see its log")
}

/// Strips the version off the path and puts it beside the request.
fn admit(request: http::Request<RequestBody>) -> Result<types::Request> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let (version, target) = version::strip(&target)?;
    let mut request = net::tide::request(request, target)?;
    request.ext_mut().insert(version);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_routes_is_kept() {
        let mut lines: Vec<String> = routes()
            .iter()
            .map(|route| format!("{} {} {}", route.method, route.path, route.since))
            .collect();
        lines.sort();
        let listed = include_str!("../../../assets/docker/routes.txt");
        assert_eq!(lines.join("\n") + "\n", listed);
    }
}
