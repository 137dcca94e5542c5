//! What happens around every handler: a span with the request's number, method and route, the check
//! of the route's version, one log line with the status and the time taken. The metrics layer counts
//! the spans; nothing is counted here. The request's span ends with its head; those of a streamed
//! answer and of the action go on until the last byte of a streamed body.

use super::budget::Budget;
use super::error;
use super::kept::Kept;
use super::reply::Reply;
use super::request::Call;
use super::route::{Action, Route};
use super::slot::Slots;
use super::version::{MAX, Version};
use crate::engine::Engine;
use shared::net::conn::Peer;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tide::http::Method;
use tracing::{Instrument, Level};

/// What all requests share.
#[derive(Debug, Default)]
pub struct Common {
    /// Numbers requests, so that their lines can be told apart.
    last: AtomicU64,
    slots: Slots,
    budget: Budget,
    kept: Kept,
}

/// Runs a handler. Errors become answers here; those of 500 and above are logged, once.
pub async fn run(route: &Route, common: &Common, request: tide::Request<Engine>) -> Reply {
    let version = request.ext::<Version>().copied().unwrap_or(MAX);
    if version < route.since {
        return error::page_not_found();
    }
    let since = Instant::now();
    let reading = matches!(route.method, Method::Get | Method::Head);
    let id = common.last.fetch_add(1, Ordering::Relaxed) + 1;
    // The metrics see both; the log's lines carry a read's span at debug level only.
    macro_rules! span {
        ($level:expr) => {
            tracing::span!(
                $level,
                "request",
                id,
                method = route.method.as_ref(),
                route = route.path,
                code = tracing::field::Empty,
            )
        };
    }
    let span = if reading { span!(Level::DEBUG) } else { span!(Level::INFO) };
    let action = route.action.map(|Action { object, name }| {
        tracing::info_span!(parent: None, "action", object, action = name, failed = tracing::field::Empty)
    });
    let peer = request.ext::<Peer>().cloned();
    let (slots, kept) = (common.slots.clone(), common.kept.clone());
    let call = Call { request, slots, kept, share: common.budget.share(), version };
    let handler = (route.run)(call);
    let result = handler.instrument(span.clone()).await;
    let _inside = span.enter();
    let reply = result.unwrap_or_else(|failure| {
        let reply = error::reply(&failure);
        if reply.code() >= 500 && reply.code() != 501 {
            tracing::error!(error = %failure, route = route.path, "request failed");
        }
        reply
    });
    let code = reply.code();
    span.record("code", u64::from(code));
    if let Some(action) = &action {
        action.record("failed", code >= 400);
    }
    let took_micros = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
    if reading {
        tracing::debug!(client = client(peer.as_ref()), took_micros, "answered");
    } else {
        tracing::info!(client = client(peer.as_ref()), code, took_micros, "answered");
    }
    reply.keeping(|| (tracing::debug_span!(parent: None, "answering"), action))
}

fn client(peer: Option<&Peer>) -> String {
    match peer {
        Some(Peer::Unix { uid, pid }) => format!("uid={uid},pid={pid}"),
        Some(Peer::Tcp(address)) => address.to_string(),
        None => String::new(),
    }
}
