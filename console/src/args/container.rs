//! Flags of the verbs on containers.

use super::create::Limits;
use crate::units;
use clap::{ArgAction, Args};

/// One or several containers.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Targets {
    /// Names or ids
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// One container.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Target {
    /// Name or id
    pub container: String,
}

/// `coffer start`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Start {
    /// Attach to its output
    #[arg(short, long)]
    pub attach: bool,
    /// Attach to its input as well
    #[arg(short, long)]
    pub interactive: bool,
    /// Keys that detach
    #[arg(long)]
    pub detach_keys: Option<String>,
    /// Names or ids
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// `coffer stop`, `coffer restart`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Stop {
    /// Seconds until SIGKILL
    #[arg(short, long, alias = "time", allow_hyphen_values = true)]
    pub timeout: Option<i64>,
    /// Signal
    #[arg(short, long)]
    pub signal: Option<String>,
    /// Names or ids
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// `coffer kill`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Kill {
    /// Signal
    #[arg(short, long, default_value = "KILL")]
    pub signal: String,
    /// Names or ids
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// `coffer rm`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Remove {
    /// Kill it if it runs
    #[arg(short, long)]
    pub force: bool,
    /// Remove its anonymous volumes too
    #[arg(short, long)]
    pub volumes: bool,
    /// Remove a link
    #[arg(short, long)]
    pub link: bool,
    /// Names or ids
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// `coffer rename`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Rename {
    /// Name or id
    pub container: String,
    /// New name
    pub name: String,
}

/// `coffer update`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Update {
    #[command(flatten)]
    pub limits: Limits,
    /// Restart policy
    #[arg(long)]
    pub restart: Option<String>,
    /// Names or ids
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// `coffer ps`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct List {
    /// Also those that do not run
    #[arg(short, long)]
    pub all: bool,
    /// Filter: name=value
    #[arg(short, long, value_parser = units::filter)]
    pub filter: Vec<String>,
    /// table, json, or a template
    #[arg(long)]
    pub format: Option<String>,
    /// The last n created
    #[arg(short = 'n', long, allow_hyphen_values = true)]
    pub last: Option<i64>,
    /// The last created
    #[arg(short, long)]
    pub latest: bool,
    /// Cut nothing off
    #[arg(long)]
    pub no_trunc: bool,
    /// Only ids
    #[arg(short, long)]
    pub quiet: bool,
    /// Sizes
    #[arg(short, long)]
    pub size: bool,
}

/// `coffer logs`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Logs {
    /// Go on as more is written
    #[arg(short, long)]
    pub follow: bool,
    /// Time in front of each line
    #[arg(short, long)]
    pub timestamps: bool,
    /// Last lines, or all
    #[arg(short = 'n', long, default_value = "all")]
    pub tail: String,
    /// From then on: 10m, 2026-01-02T03:04:05Z, seconds
    #[arg(long)]
    pub since: Option<String>,
    /// Until then
    #[arg(long)]
    pub until: Option<String>,
    /// More attributes
    #[arg(long)]
    pub details: bool,
    /// Names or ids; several are shown with their names in front
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// `coffer exec`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Exec {
    /// In the background
    #[arg(short, long)]
    pub detach: bool,
    /// Keep standard input open
    #[arg(short, long)]
    pub interactive: bool,
    /// Give it a terminal
    #[arg(short, long)]
    pub tty: bool,
    /// Environment
    #[arg(short, long)]
    pub env: Vec<String>,
    /// Environment from a file
    #[arg(long)]
    pub env_file: Vec<String>,
    /// User
    #[arg(short, long)]
    pub user: Option<String>,
    /// Working directory
    #[arg(short, long)]
    pub workdir: Option<String>,
    /// All rights
    #[arg(long)]
    pub privileged: bool,
    /// Keys that detach
    #[arg(long)]
    pub detach_keys: Option<String>,
    /// Container, command and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CONTAINER COMMAND [ARG...]"
    )]
    pub container_and_command: Vec<String>,
}

/// `coffer attach`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Attach {
    /// Do not attach standard input
    #[arg(long)]
    pub no_stdin: bool,
    /// Pass signals on to the process
    #[arg(long, default_value = "true", action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub sig_proxy: bool,
    /// Keys that detach
    #[arg(long)]
    pub detach_keys: Option<String>,
    /// Name or id
    pub container: String,
}

/// `coffer top`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Top {
    /// Container, then options of ps
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CONTAINER [ps OPTIONS]"
    )]
    pub container_and_options: Vec<String>,
}

/// `coffer stats`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Stats {
    /// Also those that do not run
    #[arg(short, long)]
    pub all: bool,
    /// Once
    #[arg(long)]
    pub no_stream: bool,
    /// Cut nothing off
    #[arg(long)]
    pub no_trunc: bool,
    /// table, json, or a template
    #[arg(long)]
    pub format: Option<String>,
    /// Names or ids; none means all that run
    pub containers: Vec<String>,
}

/// `coffer port`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Port {
    /// Name or id
    pub container: String,
    /// Port in the container[/protocol]
    pub port: Option<String>,
}

/// `coffer cp`.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Copy {
    /// Keep user and group
    #[arg(short, long)]
    pub archive: bool,
    /// Follow a link at the source
    #[arg(short = 'L', long)]
    pub follow_link: bool,
    /// Say nothing
    #[arg(short, long)]
    pub quiet: bool,
    /// container:path, path, or - for a tar archive
    pub source: String,
    /// container:path, path, or - for a tar archive
    pub target: String,
}
