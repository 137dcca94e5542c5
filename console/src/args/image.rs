//! Flags of the verbs on images.

use crate::units;
use clap::{ArgAction, Args};

/// `coffer images`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct List {
    /// Also intermediate ones
    #[arg(short, long)]
    pub all: bool,
    /// Digests
    #[arg(long)]
    pub digests: bool,
    /// Filter: name=value
    #[arg(short, long, value_parser = units::filter)]
    pub filter: Vec<String>,
    /// table, json, or a template
    #[arg(long)]
    pub format: Option<String>,
    /// Cut nothing off
    #[arg(long)]
    pub no_trunc: bool,
    /// Only ids
    #[arg(short, long)]
    pub quiet: bool,
    /// Only this repository[:tag]
    pub repository: Option<String>,
}

/// `coffer load`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Load {
    /// Archive; else standard input
    #[arg(short, long)]
    pub input: Option<String>,
    /// Say nothing
    #[arg(short, long)]
    pub quiet: bool,
}

/// `coffer save`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Save {
    /// Archive; else standard output
    #[arg(short, long)]
    pub output: Option<String>,
    /// Images
    #[arg(required = true)]
    pub images: Vec<String>,
}

/// `coffer rmi`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Remove {
    /// Even when it is used
    #[arg(short, long)]
    pub force: bool,
    /// Keep untagged parents
    #[arg(long)]
    pub no_prune: bool,
    /// Images
    #[arg(required = true)]
    pub images: Vec<String>,
}

/// `coffer tag`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Tag {
    /// Image
    pub source: String,
    /// New name[:tag]
    pub target: String,
}

/// `coffer commit`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Commit {
    /// Author
    #[arg(short, long)]
    pub author: Option<String>,
    /// Instruction of a Dockerfile to apply
    #[arg(short, long)]
    pub change: Vec<String>,
    /// Message
    #[arg(short, long)]
    pub message: Option<String>,
    /// Freeze the container meanwhile
    #[arg(short, long, default_value = "true", action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub pause: bool,
    /// Name or id
    pub container: String,
    /// Name[:tag] of the image
    pub image: Option<String>,
}

/// `coffer export`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Export {
    /// Archive; else standard output
    #[arg(short, long)]
    pub output: Option<String>,
    /// Name or id
    pub container: String,
}

/// `coffer import`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Import {
    /// Instruction of a Dockerfile to apply
    #[arg(short, long)]
    pub change: Vec<String>,
    /// Message
    #[arg(short, long)]
    pub message: Option<String>,
    /// Platform
    #[arg(long)]
    pub platform: Option<String>,
    /// Archive, or - for standard input
    pub file: String,
    /// Name[:tag] of the image
    pub image: Option<String>,
}
