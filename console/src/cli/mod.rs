//! The scripted command line: Docker's verbs with Docker's words on standard output and error.
//!
//! Exit codes: Docker's for its verbs (0, 1 when a target failed; `run` and `exec` the process's own,
//! 128+n for a signal, 125 the daemon refused, 126 not executable, 127 not found), 2 for wrong usage,
//! 3 when no daemon answers. A closed pipe ends quietly. Nothing here knows the console's screen.

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
mod progress;
mod ps;
mod run;
mod session;
mod stats;
mod system;
mod transfer;
mod volume;

pub use exit::{Failed, code_of};
pub use run::failed;

use crate::args::{Command, ContainerVerb, ImageVerb, VolumeVerb};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use shared::client::Client;
use shared::error::Result;

/// What a verb returns: its exit code.
pub type Outcome = Result<i32>;

const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A value as it may stand in a path or a query.
pub fn encode(value: &str) -> String {
    utf8_percent_encode(value, KEPT).to_string()
}

/// `name=value` pairs as a query; pairs without a value are left out.
pub fn query(pairs: &[(&str, Option<String>)]) -> String {
    let set = pairs.iter().filter_map(|(name, value)| {
        value.as_ref().map(|value| format!("{name}={}", encode(value)))
    });
    let joined = set.collect::<Vec<_>>().join("&");
    if joined.is_empty() { joined } else { format!("?{joined}") }
}

/// A switch as a value of a query.
pub fn switch(on: bool) -> Option<String> {
    on.then(|| "1".to_string())
}

/// Docker's filters, `name=value` each, as the JSON that the API takes.
pub fn filters(given: &[String]) -> Result<Option<String>> {
    if given.is_empty() {
        return Ok(None);
    }
    let mut map: std::collections::BTreeMap<&str, Vec<&str>> = Default::default();
    for one in given {
        let (name, value) = one.split_once('=').ok_or_else(|| {
            shared::error::Error::invalid(format!(
                "invalid argument {one:?} for \"-f, --filter\" flag: bad format of filter (expected name=value)"
            ))
        })?;
        map.entry(name.trim()).or_default().push(value.trim());
    }
    Ok(Some(serde_json::json!(map).to_string()))
}

/// Runs a verb.
pub async fn run(client: &Client, command: Command) -> Outcome {
    match command {
        Command::Tui => unreachable!("the console is opened before"),
        Command::Run(args) => run::run(client, *args).await,
        Command::Create(args) => run::create(client, *args).await,
        Command::Start(args) => lifecycle::start(client, args).await,
        Command::Stop(args) => lifecycle::stop(client, "stop", &args).await,
        Command::Restart(args) => lifecycle::stop(client, "restart", &args).await,
        Command::Kill(args) => lifecycle::kill(client, &args).await,
        Command::Pause(args) => lifecycle::plain(client, "pause", &args.containers).await,
        Command::Unpause(args) => lifecycle::plain(client, "unpause", &args.containers).await,
        Command::Rm(args) => lifecycle::remove(client, &args).await,
        Command::Wait(args) => lifecycle::wait(client, &args.containers).await,
        Command::Rename(args) => lifecycle::rename(client, &args).await,
        Command::Update(args) => lifecycle::update(client, &args).await,
        Command::Ps(args) | Command::Container(ContainerVerb::Ls(args)) => {
            ps::list(client, &args).await
        }
        Command::Logs(args) => logs::logs(client, &args).await,
        Command::Exec(args) => exec::exec(client, args).await,
        Command::Attach(args) => attach::attach(client, args).await,
        Command::Top(args) => look::top(client, &args).await,
        Command::Stats(args) => stats::stats(client, args).await,
        Command::Port(args) => look::port(client, &args).await,
        Command::Diff(args) => look::diff(client, &args.container).await,
        Command::Cp(args) => copy::copy(client, &args).await,
        Command::Commit(args) => image::commit(client, &args).await,
        Command::Export(args) => transfer::export(client, &args).await,
        Command::Import(args) => transfer::import(client, &args).await,
        Command::Images(args) | Command::Image(ImageVerb::Ls(args)) => {
            image::list(client, &args).await
        }
        Command::Load(args) => transfer::load(client, &args).await,
        Command::Save(args) => transfer::save(client, &args).await,
        Command::Rmi(args) | Command::Image(ImageVerb::Rm(args)) => {
            image::remove(client, &args).await
        }
        Command::Tag(args) => image::tag(client, &args).await,
        Command::Events(args) => events::events(client, &args).await,
        Command::Info(args) => system::info(client, &args).await,
        Command::Version(args) => system::version(client, &args).await,
        Command::Inspect(args) => inspect::any(client, &args).await,
        Command::Container(ContainerVerb::Inspect(args)) => {
            inspect::one(client, "container", &args).await
        }
        Command::Image(ImageVerb::Inspect(args)) => inspect::one(client, "image", &args).await,
        Command::Volume(VolumeVerb::Inspect(args)) => inspect::one(client, "volume", &args).await,
        Command::Container(ContainerVerb::Prune(args)) => {
            system::prune_containers(client, &args).await
        }
        Command::Image(ImageVerb::Prune(args)) => system::prune_images(client, &args).await,
        Command::Volume(VolumeVerb::Ls(args)) => volume::list(client, &args).await,
        Command::Volume(VolumeVerb::Create(args)) => volume::create(client, &args).await,
        Command::Volume(VolumeVerb::Rm(args)) => volume::remove(client, &args).await,
        Command::Volume(VolumeVerb::Prune(args)) => system::prune_volumes(client, &args).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_encoded() {
        let pairs = [("a", Some("x y/&".to_string())), ("b", None), ("c", switch(true))];
        assert_eq!(query(&pairs), "?a=x%20y%2F%26&c=1");
        assert_eq!(query(&[("a", None)]), "");
        let given = ["status=running".to_string(), "status=paused".into(), "label=a=b".into()];
        let json = filters(&given).unwrap().unwrap();
        assert_eq!(json, r#"{"label":["a=b"],"status":["running","paused"]}"#);
        assert!(filters(&["x".to_string()]).is_err());
    }
}
