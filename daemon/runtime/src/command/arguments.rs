//! Flags as runc has them (`man runc`): other programs write them.

use super::global::Global;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Version of the OCI runtime specification.
pub const SPEC: &str = "1.0.2";

#[derive(Parser)]
#[command(name = "coffer-runtime", disable_version_flag = true, disable_help_subcommand = true)]
/// The whole of it.
pub struct Cli {
    /// What stands before the command.
    #[command(flatten)]
    pub global: Global,
    /// Print the version
    #[arg(short = 'v', long)]
    pub version: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Subcommand, Clone)]
pub enum Command {
    /// Checkpoint a running container
    Checkpoint(Rest),
    /// Create a container
    Create(Box<Create>),
    /// Delete any resources held by the container often used with detached containers
    Delete(Delete),
    /// Display container events such as OOM notifications, cpu, memory, and IO usage statistics
    Events(Events),
    /// Execute new process inside the container
    Exec(Box<Exec>),
    /// Show the enabled features
    Features,
    /// Send the specified signal (default: SIGTERM) to the container's init process
    Kill(Kill),
    /// List containers started with the given root
    List(List),
    /// Suspend all processes inside the container
    Pause(Named),
    /// Display the processes running inside a container
    Ps(Ps),
    /// Restore a container from a previous checkpoint
    Restore(Rest),
    /// Resume all processes that have been previously paused
    Resume(Named),
    /// Create and run a container
    Run(Box<Run>),
    /// Create a new specification file
    Spec(Spec),
    /// Execute the user defined process in a created container
    Start(Named),
    /// Output the state of a container
    State(Named),
    /// Update container resource constraints
    Update(Box<super::update::Update>),
}

/// Anything at all: for commands that only refuse.
#[derive(Args, Clone)]
pub struct Rest {
    /// Ignored
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub rest: Vec<String>,
}

/// A container's name alone.
#[derive(Args, Clone)]
pub struct Named {
    /// Name of the container
    pub id: String,
}

/// Of `create`, and most of `run`.
#[derive(Args, Clone)]
pub struct Create {
    /// Path to the root of the bundle directory
    #[arg(short, long)]
    pub bundle: Option<PathBuf>,
    /// Path to a socket which will receive the terminal's master
    #[arg(long)]
    pub console_socket: Option<PathBuf>,
    /// File to write the process id to
    #[arg(long)]
    pub pid_file: Option<PathBuf>,
    /// Do not use pivot root to jail the process (for a root on a ramdisk)
    #[arg(long)]
    pub no_pivot: bool,
    /// Do not create a new session keyring for the container
    #[arg(long)]
    pub no_new_keyring: bool,
    /// Pass N additional file descriptors to the container
    #[arg(long, default_value_t = 0)]
    pub preserve_fds: u32,
    /// Name of the container
    pub id: String,
}

/// Of `run`.
#[derive(Args, Clone)]
pub struct Run {
    #[command(flatten)]
    pub create: Create,
    /// Detach from the container's process
    #[arg(short, long)]
    pub detach: bool,
    /// Do not delete the container after it exits
    #[arg(long)]
    pub keep: bool,
    /// Disable the use of the subreaper used to reap reparented processes
    #[arg(long)]
    pub no_subreaper: bool,
}

/// Of `delete`.
#[derive(Args, Clone)]
pub struct Delete {
    /// Forcibly deletes the container if it is still running
    #[arg(short, long)]
    pub force: bool,
    /// Name of the container
    pub id: String,
}

/// Of `events`.
#[derive(Args, Clone)]
pub struct Events {
    /// Set the stats collection interval
    #[arg(long, default_value = "5s")]
    pub interval: String,
    /// Display the container's stats then exit
    #[arg(long)]
    pub stats: bool,
    /// Name of the container
    pub id: String,
}

/// Of `exec`.
#[derive(Args, Clone)]
pub struct Exec {
    /// Path to a socket which will receive the terminal's master
    #[arg(long)]
    pub console_socket: Option<PathBuf>,
    /// Current working directory in the container
    #[arg(long)]
    pub cwd: Option<PathBuf>,
    /// Set environment variables
    #[arg(short, long)]
    pub env: Vec<String>,
    /// Allocate a pseudo terminal
    #[arg(short, long)]
    pub tty: bool,
    /// UID (format: <uid>[:<gid>])
    #[arg(short, long)]
    pub user: Option<String>,
    /// Additional gids
    #[arg(short = 'g', long)]
    pub additional_gids: Vec<u32>,
    /// Path to the process.json
    #[arg(short, long)]
    pub process: Option<PathBuf>,
    /// Detach from the container's process
    #[arg(short, long)]
    pub detach: bool,
    /// File to write the process id to
    #[arg(long)]
    pub pid_file: Option<PathBuf>,
    /// Set the asm process label
    #[arg(long)]
    pub process_label: Option<String>,
    /// Set the apparmor profile for the process
    #[arg(long)]
    pub apparmor: Option<String>,
    /// Set the no new privileges value for the process
    #[arg(long)]
    pub no_new_privs: bool,
    /// Add a capability to the bounding set for the process
    #[arg(short, long)]
    pub cap: Vec<String>,
    /// Disable the use of the subreaper used to reap reparented processes
    #[arg(long)]
    pub no_subreaper: bool,
    /// Pass N additional file descriptors to the container
    #[arg(long, default_value_t = 0)]
    pub preserve_fds: u32,
    /// Run the process in an (existing) sub-cgroup(s). Format is [<controller>:]<cgroup>
    #[arg(long)]
    pub cgroup: Vec<String>,
    /// Allow exec in a paused container
    #[arg(long)]
    pub ignore_paused: bool,
    /// Name of the container
    pub id: String,
    /// Program and arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<String>,
}

/// Of `kill`.
#[derive(Args, Clone)]
pub struct Kill {
    /// Send the specified signal to all processes inside the container
    #[arg(short, long)]
    pub all: bool,
    /// Name of the container
    pub id: String,
    /// Number or name
    #[arg(default_value = "SIGTERM", allow_hyphen_values = true)]
    pub signal: String,
}

/// Of `list`.
#[derive(Args, Clone)]
pub struct List {
    /// Select one of: table or json
    #[arg(short, long, default_value = "table")]
    pub format: String,
    /// Display only container IDs
    #[arg(short, long)]
    pub quiet: bool,
}

/// Of `ps`.
#[derive(Args, Clone)]
pub struct Ps {
    /// Select one of: table or json
    #[arg(short, long, default_value = "table")]
    pub format: String,
    /// Name of the container
    pub id: String,
    /// Options of ps
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub options: Vec<String>,
}

/// Of `spec`.
#[derive(Args, Clone)]
pub struct Spec {
    /// Path to the root of the bundle directory
    #[arg(short, long)]
    pub bundle: Option<PathBuf>,
    /// Generate a configuration for a rootless container
    #[arg(long)]
    pub rootless: bool,
}
