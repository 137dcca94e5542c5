//! Flags of the verbs on volumes.

use crate::units;
use clap::Args;

/// `coffer volume ls`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct List {
    /// Filter: name=value
    #[arg(short, long, value_parser = units::filter)]
    pub filter: Vec<String>,
    /// table, json, or a template
    #[arg(long)]
    pub format: Option<String>,
    /// Only names
    #[arg(short, long)]
    pub quiet: bool,
}

/// `coffer volume create`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Create {
    /// Driver
    #[arg(short, long, default_value = "local")]
    pub driver: String,
    /// Label: name=value
    #[arg(long)]
    pub label: Vec<String>,
    /// Option of the driver
    #[arg(short, long)]
    pub opt: Vec<String>,
    /// Name; else a random one
    pub name: Option<String>,
}

/// `coffer volume rm`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Remove {
    /// Do not mind one that does not exist
    #[arg(short, long)]
    pub force: bool,
    /// Names
    #[arg(required = true)]
    pub names: Vec<String>,
}
