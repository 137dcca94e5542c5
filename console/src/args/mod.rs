//! The command line: no subcommand opens the console; else Docker's verbs with Docker's flags.

pub mod container;
pub mod create;
pub mod image;
pub mod plugin;
pub mod prune;
pub mod system;
pub mod volume;

use clap::{Parser, Subcommand, ValueEnum};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "coffer",
    version,
    about = "Terminal console and command line of Coffer",
    infer_long_args = false
)]
pub struct Cli {
    /// Address of the daemon: unix:///path or tcp://host:port (else COFFER_HOST, DOCKER_HOST)
    #[arg(short = 'H', long, global = true)]
    pub host: Option<String>,
    /// Colours: auto obeys the terminal and NO_COLOR
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub color: Color,
    /// Draw with ASCII only
    #[arg(long, global = true)]
    pub ascii: bool,
    /// What to do; nothing opens the console
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open the console
    Tui,
    #[command(flatten)]
    #[allow(missing_docs)]
    OnContainer(OnContainer),
    /// List containers
    #[command(visible_alias = "ls")]
    Ps(container::List),
    /// Show everything about an object
    Inspect(system::Inspect),
    #[command(flatten)]
    #[allow(missing_docs)]
    OnImage(OnImage),
    /// List images
    Images(image::List),
    /// Remove images
    Rmi(image::Remove),
    /// Show what happens
    Events(system::Events),
    /// Show what the daemon is and has
    Info(system::Shown),
    /// Show the versions
    Version(system::Shown),
    /// Containers
    #[command(subcommand)]
    Container(ContainerVerb),
    /// Images
    #[command(subcommand)]
    Image(ImageVerb),
    /// Volumes
    #[command(subcommand)]
    Volume(VolumeVerb),
    /// Parts of the daemon
    #[command(subcommand)]
    Plugins(plugin::PluginVerb),
    /// Write what a shell needs to complete this command line
    Completion(system::Completion),
}

/// Verbs on containers, at the top and below `coffer container`.
#[derive(Debug, Subcommand)]
pub enum OnContainer {
    /// Create and start a container
    Run(Box<create::Run>),
    /// Create a container
    Create(Box<create::Create>),
    /// Start containers
    Start(container::Start),
    /// Stop containers
    Stop(container::Stop),
    /// Send a signal to containers
    Kill(container::Kill),
    /// Restart containers
    Restart(container::Stop),
    /// Freeze containers
    Pause(container::Targets),
    /// Thaw containers
    Unpause(container::Targets),
    /// Remove containers
    #[command(alias = "remove")]
    Rm(container::Remove),
    /// Wait until containers stop, and print their exit codes
    Wait(container::Targets),
    /// Rename a container
    Rename(container::Rename),
    /// Change limits of containers
    Update(Box<container::Update>),
    /// Show the output of containers
    Logs(container::Logs),
    /// Run a command in a running container
    Exec(container::Exec),
    /// Attach to a running container
    Attach(container::Attach),
    /// Show the processes of a container
    Top(container::Top),
    /// Show figures of containers
    Stats(container::Stats),
    /// Show published ports
    Port(container::Port),
    /// Show what has changed in a container's files
    Diff(container::Target),
    /// Copy files out of or into a container
    Cp(container::Copy),
    /// Make an image of a container
    Commit(image::Commit),
    /// Write a container's files as a tar archive
    Export(image::Export),
}

/// Verbs on images, at the top and below `coffer image`.
#[derive(Debug, Subcommand)]
pub enum OnImage {
    /// Make an image of a tar archive of files
    Import(image::Import),
    /// Load images from a tar archive
    Load(image::Load),
    /// Write images to a tar archive
    Save(image::Save),
    /// Give an image another name
    Tag(image::Tag),
}

/// `coffer container ...`.
#[derive(Debug, Subcommand)]
pub enum ContainerVerb {
    #[command(flatten)]
    #[allow(missing_docs)]
    On(OnContainer),
    /// List containers
    #[command(aliases = ["list", "ps"])]
    Ls(container::List),
    /// Show everything about containers
    Inspect(system::Inspect),
    /// Remove all containers that do not run
    Prune(prune::Prune),
}

/// `coffer image ...`.
#[derive(Debug, Subcommand)]
pub enum ImageVerb {
    #[command(flatten)]
    #[allow(missing_docs)]
    On(OnImage),
    /// List images
    #[command(alias = "list")]
    Ls(image::List),
    /// Show everything about images
    Inspect(system::Inspect),
    /// Remove images
    #[command(alias = "remove")]
    Rm(image::Remove),
    /// Remove images that no container uses
    Prune(prune::PruneNamed),
}

/// `coffer volume ...`.
#[derive(Debug, Subcommand)]
pub enum VolumeVerb {
    /// List volumes
    #[command(alias = "list")]
    Ls(volume::List),
    /// Create a volume
    Create(volume::Create),
    /// Remove volumes
    #[command(alias = "remove")]
    Rm(volume::Remove),
    /// Show everything about volumes
    Inspect(system::Inspect),
    /// Remove volumes that no container uses
    Prune(prune::PruneNamed),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage;

    fn parse(line: &str) -> Cli {
        usage::parse(line.split_whitespace().map(Into::into).collect()).unwrap()
    }

    #[test]
    fn the_table_of_flags_is_sound() {
        usage::command().debug_assert();
    }

    #[test]
    fn flags_after_the_image_belong_to_the_command() {
        let cli = parse("coffer -H unix:///x run -d --name web -e A=1 -h box img sh -c --name -d");
        let Some(Command::OnContainer(OnContainer::Run(run))) = cli.command else { panic!() };
        assert_eq!(run.create.image_and_command, ["img", "sh", "-c", "--name", "-d"]);
        assert_eq!(
            (run.create.name.as_deref(), run.create.hostname.as_deref()),
            (Some("web"), Some("box"))
        );
        assert!(run.detach && cli.host.as_deref() == Some("unix:///x"));
        let cli = parse("coffer exec -it web ls -la");
        let Some(Command::OnContainer(OnContainer::Exec(exec))) = cli.command else { panic!() };
        assert_eq!(exec.container_and_command, ["web", "ls", "-la"]);
        assert!(parse("coffer").command.is_none());
    }
}
