//! Flags of the verbs on the daemon's parts.

use clap::{Args, Subcommand};

/// Verbs of `coffer plugins`.
#[derive(Debug, Subcommand)]
pub enum PluginVerb {
    /// List the parts of the daemon and how they fared at its start
    #[command(alias = "list")]
    Ls(List),
}

/// `coffer plugins ls`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct List {
    /// table, json, or a template
    #[arg(long)]
    pub format: Option<String>,
    /// Only ids
    #[arg(short, long)]
    pub quiet: bool,
}
