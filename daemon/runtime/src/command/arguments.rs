//! Flags as runc has them (`man runc`), and help in its shape: other programs read both.

use clap::builder::StyledStr;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use shared::error::{Error, Result};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// runc's version whose command line and messages this one follows.
const LIKE: &str = "1.1.5";
/// Version of the OCI runtime specification.
pub const SPEC: &str = "1.0.2";

#[derive(Parser)]
#[command(name = "coffer-runtime", disable_version_flag = true, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    /// Print the version
    #[arg(short = 'v', long)]
    version: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What stands before the command.
#[derive(Args, Clone)]
pub struct Global {
    /// Enable debug logging
    #[arg(long)]
    pub debug: bool,
    /// Set the log file to write to (default is standard error)
    #[arg(long)]
    pub log: Option<PathBuf>,
    /// Set the log format
    #[arg(long, value_enum, default_value = "text")]
    pub log_format: Format,
    /// Root directory for storage of container state
    #[arg(long, default_value = "/run/coffer-runtime")]
    pub root: PathBuf,
    /// Path to the criu binary used for checkpoint and restore
    #[arg(long)]
    pub criu: Option<String>,
    /// Use systemd for control groups (not supported: cgroupfs only)
    #[arg(long)]
    systemd_cgroup: bool,
    /// Ignore cgroup permission errors (true, false or auto)
    #[arg(long, default_value = "auto")]
    pub rootless: String,
}

impl Global {
    /// Options that this runtime does not have are refused, not ignored.
    pub fn check(&self) -> Result<()> {
        if self.systemd_cgroup {
            return Err(Error::unimplemented(
                "systemd cgroup flag passed, but this runtime manages control groups by cgroupfs only",
            ));
        }
        if self.rootless == "true" || !nix::unistd::geteuid().is_root() {
            return Err(Error::unimplemented("this runtime needs root"));
        }
        Ok(())
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// As logfmt.
    Text,
    /// One object a line.
    Json,
}

/// The commands.
#[derive(Subcommand, Clone)]
pub enum Command {
    /// Checkpoint a running container
    Checkpoint(Rest),
    /// Create a container
    Create(Create),
    /// Delete any resources held by the container often used with detached containers
    Delete(Delete),
    /// Display container events such as OOM notifications, cpu, memory, and IO usage statistics
    Events(Events),
    /// Execute new process inside the container
    Exec(Exec),
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
    Run(Run),
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

/// What came of parsing.
pub enum Parsed {
    /// Go on.
    Run(Global, Command),
    /// Help, version or an error was printed.
    Said(ExitCode),
}

fn shaped(name: &str, about: &str, usage: &str) -> StyledStr {
    let path = if name.is_empty() { "runc".to_owned() } else { format!("runc {name}") };
    let own = path.replacen("runc", "coffer-runtime", 1);
    format!(
        "NAME:\n   {own}, used as {path} - {about}\n\nUSAGE:\n   {own} {usage}\n\n{{all-args}}\n"
    )
    .into()
}

fn cli() -> clap::Command {
    let mut cli = Cli::command().help_template(shaped(
        "",
        "Open Container Initiative runtime",
        "[global options] command [command options] [arguments...]",
    ));
    let names: Vec<String> = cli.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for name in names {
        cli = cli.mut_subcommand(&name, |command| {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            command.help_template(shaped(&name, &about, &format!("{name} [command options]")))
        });
    }
    cli
}

/// Parses, and prints what asks to be printed.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Parsed {
    let matches = cli().try_get_matches_from(arguments);
    let parsed = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) if cli.version => {
            println!("coffer-runtime {}, like runc version {LIKE}", env!("CARGO_PKG_VERSION"));
            println!("commit: {}", option_env!("COFFER_COMMIT").unwrap_or("unknown"));
            println!("spec: {SPEC}");
            Parsed::Said(ExitCode::SUCCESS)
        }
        Ok(Cli { global, command: Some(command), .. }) => Parsed::Run(global, command),
        Ok(_) => {
            print!("{}", self::cli().render_help());
            Parsed::Said(ExitCode::SUCCESS)
        }
        Err(error) => Parsed::Said(say(&error)),
    }
}

fn say(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        print!("{error}");
        return ExitCode::SUCCESS;
    }
    if error.kind() == ErrorKind::InvalidSubcommand {
        if let Some(name) = error.get(clap::error::ContextKind::InvalidSubcommand) {
            eprintln!("No help topic for '{name}'");
            return ExitCode::from(3);
        }
    }
    eprint!("{error}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Command {
        let words = std::iter::once("coffer-runtime").chain(line.split(' ')).map(OsString::from);
        match parse(words) {
            Parsed::Run(_, command) => command,
            Parsed::Said(_) => panic!("{line} was not understood"),
        }
    }

    #[test]
    fn what_callers_write() {
        let Command::Exec(exec) = parsed("--root /r exec -t --user 1:2 box ls -la --x") else {
            panic!()
        };
        assert_eq!((exec.id.as_str(), exec.args.len(), exec.tty), ("box", 3, true));
        let Command::Ps(ps) = parsed("ps box -e -x") else { panic!() };
        assert_eq!(ps.options, ["-e", "-x"]);
        let Command::Run(run) = parsed("run -d --preserve-fds=2 --bundle /b box") else { panic!() };
        assert_eq!((run.create.preserve_fds, run.detach), (2, true));
        let Command::Kill(kill) = parsed("kill -a box KILL") else { panic!() };
        assert_eq!((kill.signal.as_str(), kill.all), ("KILL", true));
    }

    #[test]
    fn the_whole_of_it_is_consistent() {
        cli().debug_assert();
    }
}
