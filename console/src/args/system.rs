//! Flags of the verbs on the daemon, on volumes, and on any object.

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
    #[arg(short, long)]
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

/// `coffer container prune`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Prune {
    /// Do not ask
    #[arg(short, long)]
    pub force: bool,
    /// Filter: name=value
    #[arg(long)]
    pub filter: Vec<String>,
}

/// `coffer volume prune`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct VolumePrune {
    /// Also named ones
    #[arg(short, long)]
    pub all: bool,
    /// Do not ask
    #[arg(short, long)]
    pub force: bool,
    /// Filter: name=value
    #[arg(long)]
    pub filter: Vec<String>,
}

/// `coffer volume ls`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct VolumeList {
    /// Filter: name=value
    #[arg(short, long)]
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
pub struct VolumeCreate {
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
pub struct VolumeRemove {
    /// Do not mind one that does not exist
    #[arg(short, long)]
    pub force: bool,
    /// Names
    #[arg(required = true)]
    pub names: Vec<String>,
}
