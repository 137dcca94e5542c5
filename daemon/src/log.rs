//! What the daemon says: tracing to standard error, as text or JSON.
//!
//! The caller adds its own layers (metrics) before the subscriber is installed. `error`: somebody must
//! act; `warn`: we recovered; `info`: a fact; `debug`: a step.

use shared::error::{Context, Error, Result};
use std::io::IsTerminal;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Installs the subscriber. `level` is a level or a filter in `tracing`'s syntax; the sentence of the
/// error names a bad one.
pub fn install(
    level: &str,
    format: Format,
    further: impl Layer<Registry> + Send + Sync,
) -> Result<()> {
    let filter = EnvFilter::builder()
        .parse(level)
        .map_err(|_| Error::invalid(format!("unable to parse logging level: {level}")))?;
    let registry = tracing_subscriber::registry().with(further);
    match format {
        Format::Text => {
            let colours = std::io::stderr().is_terminal();
            let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
            registry.with(lines.with_target(false).with_filter(filter)).try_init()
        }
        Format::Json => {
            let lines = fmt::layer().json().with_writer(std::io::stderr);
            registry.with(lines.with_filter(filter)).try_init()
        }
    }
    .context("install the log")
}
