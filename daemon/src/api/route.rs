//! A route: method, path, the API version it came with, and its handler. A group's module lists its
//! routes as data; `assets/docker/routes.txt` is the list of all of them.

use super::reply::Reply;
use super::request::Call;
use super::version::{MIN, Version};
use futures_util::future::BoxFuture;
use shared::error::Result;
use std::future::Future;
use std::sync::Arc;
use tide::http::Method;

type Run = Arc<dyn Fn(Call) -> BoxFuture<'static, Result<Reply>> + Send + Sync>;

/// One route. Paths are tide's: `:id` is one segment, `*name` one or more.
#[derive(Clone)]
pub struct Route {
    /// Method.
    pub method: Method,
    /// Path without a version.
    pub path: &'static str,
    /// Older clients get 404.
    pub since: Version,
    /// What it does to what kind of object, if its count and duration are of interest.
    pub action: Option<Action>,
    /// Handler.
    pub run: Run,
}

/// An action, under the names of its metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// `container`, `image`, `volume` or `network`.
    pub object: &'static str,
    /// Docker's word where it has one: `start`, `create`, `delete`.
    pub name: &'static str,
}

fn route<F, R>(method: Method, path: &'static str, run: F) -> Route
where
    F: Fn(Call) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Reply>> + Send + 'static,
{
    Route { method, path, since: MIN, action: None, run: Arc::new(move |call| Box::pin(run(call))) }
}

macro_rules! methods {
    ($($name:ident $method:ident),* $(,)?) => {$(
        #[doc = concat!("A route for ", stringify!($method), ".")]
        pub fn $name<F, R>(path: &'static str, run: F) -> Route
        where
            F: Fn(Call) -> R + Send + Sync + 'static,
            R: Future<Output = Result<Reply>> + Send + 'static,
        {
            route(Method::$method, path, run)
        }
    )*};
}

methods! { get Get, head Head, post Post, put Put, delete Delete }

impl Route {
    /// From this version on.
    pub fn since(mut self, major: u32, minor: u32) -> Self {
        self.since = Version(major, minor);
        self
    }

    /// Counted and timed as an action.
    pub fn action(mut self, object: &'static str, name: &'static str) -> Self {
        self.action = Some(Action { object, name });
        self
    }
}
