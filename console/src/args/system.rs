//! Flags of the verbs on the daemon and on any object.

use crate::units;
use clap::Args;

/// `coffer inspect`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Inspect {
    /// json, or a template
    #[arg(short, long)]
    pub format: Option<String>,
    /// Sizes of containers
    #[arg(short, long)]
    pub size: bool,
    /// container, image or volume; else the first that fits
    #[arg(long = "type")]
    pub kind: Option<String>,
    /// Names or ids
    #[arg(required = true)]
    pub names: Vec<String>,
}

/// `coffer events`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Events {
    /// From then on
    #[arg(long)]
    pub since: Option<String>,
    /// Until then, then stop
    #[arg(long)]
    pub until: Option<String>,
    /// Filter: name=value
    #[arg(short, long, value_parser = units::filter)]
    pub filter: Vec<String>,
    /// json, or a template
    #[arg(long)]
    pub format: Option<String>,
}

/// `coffer info`, `coffer version`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Shown {
    /// json, or a template
    #[arg(short, long)]
    pub format: Option<String>,
}

/// `coffer completion`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Completion {
    /// bash, zsh, fish, elvish or powershell
    pub shell: clap_complete::Shell,
}
