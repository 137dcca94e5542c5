//! Flags of what removes everything unused, the same for each kind of object.

use crate::units;
use clap::Args;

/// `coffer container prune`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Prune {
    /// Do not ask
    #[arg(short, long)]
    pub force: bool,
    /// Filter: name=value
    #[arg(long, value_parser = units::filter)]
    pub filter: Vec<String>,
}

/// `coffer image prune`, `coffer volume prune`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct PruneNamed {
    /// Also those with a name
    #[arg(short, long)]
    pub all: bool,
    #[command(flatten)]
    pub prune: Prune,
}
