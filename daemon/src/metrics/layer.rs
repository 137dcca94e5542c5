//! A tracing layer: when a span of a known name closes, its duration becomes an observation. So nobody
//! below this layer knows Prometheus.
//!
//! | span | fields | becomes |
//! |---|---|---|
//! | `request` | `method`, `route`, recorded later `code` | API request counters and latencies |
//! | `answering` | | a streamed answer: counts as a request in flight, too |
//! | `action` | `object`, `action`, recorded later `failed` | action counters and latencies, as clients see them |
//! | `work` | `what` | latencies of a container's start, exec, exit and removal alone, whoever asked for them |

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::fmt;
use std::time::Instant;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Name of the span around one HTTP request.
pub const REQUEST: &str = "request";
/// Name of the span around the body of one streamed answer.
pub const ANSWERING: &str = "answering";
/// Name of the span around one action on a container, image, volume or network.
pub const ACTION: &str = "action";
/// Name of the span around what an owner does.
pub const WORK: &str = "work";

/// What of an owner's work has a histogram of its own, and its help.
const WORKS: [(&str, &str); 4] = [
    ("start", "From the intent to the running program in seconds"),
    ("exec", "From an exec's request to its running program in seconds"),
    ("exit", "From the news of an exit to its last trace removed in seconds"),
    ("delete", "From the intent to the last record deleted in seconds"),
];

#[derive(Clone, Debug, Default, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
}

#[derive(Clone, Debug, Default, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AnswerLabels {
    method: String,
    route: String,
    code: String,
}

#[derive(Clone, Debug, Default, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ActionLabels {
    action: String,
}

type Latencies<L> = Family<L, Histogram, fn() -> Histogram>;

/// Counters and latencies of one kind of object.
#[derive(Clone)]
struct Actions {
    all: Family<ActionLabels, Counter>,
    good: Family<ActionLabels, Counter>,
    seconds: Latencies<ActionLabels>,
}

/// Turns closed spans into observations. Clones share their figures.
#[derive(Clone)]
pub struct Spans {
    answers: Family<AnswerLabels, Counter>,
    requests: Latencies<RequestLabels>,
    in_flight: Gauge,
    objects: [(&'static str, Actions); 4],
    works: [(&'static str, Histogram); 4],
}

/// Seconds from 0.25 ms to 16 s: a start takes a few milliseconds, a stop up to its timeout.
fn latencies() -> Histogram {
    let buckets = [
        0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
        10.0,
    ];
    Histogram::new(buckets)
}

impl Spans {
    /// With its metrics registered.
    pub fn register(registry: &mut Registry) -> Self {
        let family = || Latencies::new_with_constructor(latencies as fn() -> Histogram);
        let actions = |registry: &mut Registry, object: &str| {
            let actions =
                Actions { all: Family::default(), good: Family::default(), seconds: family() };
            let name = |what: &str| format!("engine_daemon_{object}_{what}");
            let help = |what: &str| format!("{what} of {object} actions, by action");
            let all = actions.all.clone();
            registry.register(name("actions"), help("Number"), all);
            let good = actions.good.clone();
            registry.register(name("success_actions"), help("Successful number"), good);
            let seconds = actions.seconds.clone();
            registry.register(name("actions_seconds"), help("Duration in seconds"), seconds);
            actions
        };
        let objects = ["container", "image", "volume", "network"]
            .map(|object| (object, actions(registry, object)));
        let spans = Self {
            answers: Family::default(),
            requests: Family::new_with_constructor(latencies as fn() -> Histogram),
            in_flight: Gauge::default(),
            objects,
            works: WORKS.map(|(what, help)| {
                let seconds = latencies();
                let name = format!("engine_daemon_container_{what}_seconds");
                registry.register(name, help, seconds.clone());
                (what, seconds)
            }),
        };
        let prefix = "engine_daemon_api_requests";
        registry.register(
            prefix,
            "API requests answered, by route and code",
            spans.answers.clone(),
        );
        registry.register(
            format!("{prefix}_seconds"),
            "Duration of API requests in seconds, by route",
            spans.requests.clone(),
        );
        registry.register(
            format!("{prefix}_in_flight"),
            "API requests being answered",
            spans.in_flight.clone(),
        );
        spans
    }

    fn observe(&self, timed: Timed, seconds: f64) {
        match timed.name {
            ANSWERING => {
                self.in_flight.dec();
            }
            WORK => {
                let known = self.works.iter().find(|(what, _)| *what == timed.fields.what);
                if let Some((_, work)) = known {
                    work.observe(seconds);
                }
            }
            REQUEST => {
                self.in_flight.dec();
                let Fields { method, route, code, .. } = timed.fields;
                let labels = RequestLabels { method, route };
                self.requests.get_or_create(&labels).observe(seconds);
                let RequestLabels { method, route } = labels;
                self.answers.get_or_create(&AnswerLabels { method, route, code }).inc();
            }
            _ => {
                let object = self.objects.iter().find(|(name, _)| *name == timed.fields.object);
                let Some((_, actions)) = object else { return };
                let labels = ActionLabels { action: timed.fields.action };
                actions.all.get_or_create(&labels).inc();
                if !timed.fields.failed {
                    actions.good.get_or_create(&labels).inc();
                }
                actions.seconds.get_or_create(&labels).observe(seconds);
            }
        }
    }
}

struct Timed {
    name: &'static str,
    since: Instant,
    fields: Fields,
}

#[derive(Default)]
struct Fields {
    method: String,
    route: String,
    code: String,
    object: String,
    action: String,
    what: String,
    failed: bool,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        let slot = match field.name() {
            "method" => &mut self.method,
            "route" => &mut self.route,
            "object" => &mut self.object,
            "action" => &mut self.action,
            "what" => &mut self.what,
            _ => return,
        };
        value.clone_into(slot);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "code" {
            self.code = value.to_string();
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == "failed" {
            self.failed = value;
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl<S> Layer<S> for Spans
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let name = attributes.metadata().name();
        if ![REQUEST, ANSWERING, ACTION, WORK].contains(&name) {
            return;
        }
        if name == REQUEST || name == ANSWERING {
            self.in_flight.inc();
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Timed { name, since: Instant::now(), fields });
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(timed) = span.extensions_mut().get_mut::<Timed>()
        {
            values.record(&mut timed.fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let timed = context.span(&id).and_then(|span| span.extensions_mut().remove::<Timed>());
        if let Some(timed) = timed {
            let seconds = timed.since.elapsed().as_secs_f64();
            self.observe(timed, seconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn closed_spans_become_observations() {
        let mut registry = Registry::default();
        let spans = Spans::register(&mut registry);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(spans), || {
            let span = tracing::info_span!(
                "request",
                method = "GET",
                route = "/_ping",
                code = tracing::field::Empty
            );
            span.record("code", 200u64);
            drop(span);
            drop(tracing::info_span!("action", object = "container", action = "start"));
            drop(tracing::info_span!("work", what = "start"));
            let answering = tracing::info_span!("answering");
            let text = super::super::text::encode(&registry).unwrap();
            assert!(text.contains("engine_daemon_api_requests_in_flight 1"), "{text}");
            drop(answering);
            drop(tracing::info_span!("other", object = "container", action = "start"));
        });
        let text = super::super::text::encode(&registry).unwrap();
        let line = r#"engine_daemon_api_requests_total{method="GET",route="/_ping",code="200"} 1"#;
        assert!(text.contains(line), "{text}");
        let line = r#"engine_daemon_container_actions_total{action="start"} 1"#;
        assert!(text.contains(line), "{text}");
        assert!(text.contains("engine_daemon_api_requests_in_flight 0"), "{text}");
        assert!(text.contains("engine_daemon_container_start_seconds_count 1"), "{text}");
    }
}
