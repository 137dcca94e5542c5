//! The scripted command line: Docker's verbs with Docker's words on standard output and error.
//!
//! Exit codes: Docker's for its verbs (0, 1 when a target failed; `run` and `exec` the process's own,
//! 128+n for a signal, 125 the daemon refused, 126 not executable, 127 not found), 125 for a wrong flag,
//! 2 for a wrong address, 3 when no daemon answers. A closed pipe ends quietly. Nothing here knows the console's screen.

pub mod attach;
mod body;
mod copy;
mod events;
pub mod exec;
mod exit;
mod image;
mod input;
mod inspect;
mod lifecycle;
mod logs;
mod look;
pub mod output;
mod plugin;
mod progress;
mod ps;
mod request;
mod run;
mod session;
mod stats;
mod system;
mod transfer;
mod volume;

pub use exit::{Failed, Outcome, code_of, failed, message};

use crate::args::plugin::PluginVerb;
use crate::args::{Command, ContainerVerb, ImageVerb, OnContainer, OnImage, VolumeVerb};
use shared::client::Client;

/// Runs a verb. The console and what needs no daemon are for the caller.
pub async fn run(client: &Client, command: Command) -> Outcome {
    match command {
        Command::Tui | Command::Completion(_) => unreachable!("done before a daemon is asked"),
        Command::OnContainer(verb) | Command::Container(ContainerVerb::On(verb)) => {
            on_container(client, verb).await
        }
        Command::OnImage(verb) | Command::Image(ImageVerb::On(verb)) => {
            on_image(client, verb).await
        }
        Command::Ps(args) | Command::Container(ContainerVerb::Ls(args)) => {
            ps::list(client, &args).await
        }
        Command::Inspect(args) => inspect::any(client, &args).await,
        Command::Images(args) | Command::Image(ImageVerb::Ls(args)) => {
            image::list(client, &args).await
        }
        Command::Rmi(args) | Command::Image(ImageVerb::Rm(args)) => {
            image::remove(client, &args).await
        }
        Command::Events(args) => events::events(client, &args).await,
        Command::Info(args) => system::info(client, &args).await,
        Command::Version(args) => system::version(client, &args).await,
        Command::Container(ContainerVerb::Inspect(args)) => {
            inspect::one(client, "container", &args).await
        }
        Command::Container(ContainerVerb::Prune(args)) => {
            system::prune_containers(client, &args).await
        }
        Command::Image(ImageVerb::Inspect(args)) => inspect::one(client, "image", &args).await,
        Command::Image(ImageVerb::Prune(args)) => system::prune_images(client, &args).await,
        Command::Volume(verb) => on_volume(client, verb).await,
        Command::Plugins(PluginVerb::Ls(args)) => plugin::list(client, &args).await,
    }
}

async fn on_container(client: &Client, verb: OnContainer) -> Outcome {
    match verb {
        OnContainer::Run(args) => run::run(client, *args).await,
        OnContainer::Create(args) => run::create(client, *args).await,
        OnContainer::Start(args) => lifecycle::start(client, args).await,
        OnContainer::Stop(args) => lifecycle::stop(client, "stop", &args).await,
        OnContainer::Restart(args) => lifecycle::stop(client, "restart", &args).await,
        OnContainer::Kill(args) => lifecycle::kill(client, &args).await,
        OnContainer::Pause(args) => lifecycle::plain(client, "pause", &args.containers).await,
        OnContainer::Unpause(args) => lifecycle::plain(client, "unpause", &args.containers).await,
        OnContainer::Rm(args) => lifecycle::remove(client, &args).await,
        OnContainer::Wait(args) => lifecycle::wait(client, &args.containers).await,
        OnContainer::Rename(args) => lifecycle::rename(client, &args).await,
        OnContainer::Update(args) => lifecycle::update(client, &args).await,
        OnContainer::Logs(args) => logs::logs(client, &args).await,
        OnContainer::Exec(args) => exec::exec(client, args).await,
        OnContainer::Attach(args) => attach::attach(client, args).await,
        OnContainer::Top(args) => look::top(client, &args).await,
        OnContainer::Stats(args) => stats::stats(client, args).await,
        OnContainer::Port(args) => look::port(client, &args).await,
        OnContainer::Diff(args) => look::diff(client, &args.container).await,
        OnContainer::Cp(args) => copy::copy(client, &args).await,
        OnContainer::Commit(args) => image::commit(client, &args).await,
        OnContainer::Export(args) => transfer::export(client, &args).await,
    }
}

async fn on_image(client: &Client, verb: OnImage) -> Outcome {
    match verb {
        OnImage::Import(args) => transfer::import(client, &args).await,
        OnImage::Load(args) => transfer::load(client, &args).await,
        OnImage::Save(args) => transfer::save(client, &args).await,
        OnImage::Tag(args) => image::tag(client, &args).await,
    }
}

async fn on_volume(client: &Client, verb: VolumeVerb) -> Outcome {
    match verb {
        VolumeVerb::Ls(args) => volume::list(client, &args).await,
        VolumeVerb::Create(args) => volume::create(client, &args).await,
        VolumeVerb::Rm(args) => volume::remove(client, &args).await,
        VolumeVerb::Inspect(args) => inspect::one(client, "volume", &args).await,
        VolumeVerb::Prune(args) => system::prune_volumes(client, &args).await,
    }
}
