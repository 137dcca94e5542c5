//! The command line: dockerd's flag names. Flags become keys of [`crate::config`]; only what was given
//! is handed on.

use crate::config::build;
use clap::{ArgAction, Parser, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value};
use shared::error::{Context, Error, Result};
use std::path::PathBuf;

/// Coffer's daemon.
#[derive(Debug, Parser)]
#[command(name = "cofferd", disable_version_flag = true, version = build::VERSION, long_version = build::VERSION)]
pub struct Args {
    /// What to do instead of running the daemon.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Configuration file
    #[arg(long, value_name = "FILE", global = true)]
    pub config_file: Option<PathBuf>,
    /// Check the configuration and exit
    #[arg(long)]
    pub validate: bool,
    /// Print version information and exit
    #[arg(short = 'v', long)]
    pub version: bool,
    /// The settings.
    #[command(flatten)]
    pub flags: Flags,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the configuration
    Config {
        /// Which.
        #[command(subcommand)]
        which: Which,
    },
    /// Print version information
    Version,
    /// Work on the store of a daemon that is not running
    Store {
        /// What to do.
        #[command(subcommand)]
        what: Offline,
    },
}

/// Which configuration.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Which {
    /// Every key with its default
    Default,
    /// Every key as the file and the flags set it
    Dump,
}

/// Work on a closed store.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Offline {
    /// Read every record and report broken ones
    Check,
    /// Write every record as a line of JSON
    Export,
    /// Put back what `export` wrote, from standard input; a record that is there is replaced
    Import,
}

/// Settings; the names are keys of the configuration, `long` is dockerd's flag.
#[derive(Debug, Default, Serialize, clap::Args)]
#[serde(rename_all = "kebab-case")]
pub struct Flags {
    /// Address to listen on (unix://, tcp://, fd://), repeatable
    #[arg(short = 'H', long = "host", value_name = "ADDRESS", global = true)]
    hosts: Vec<String>,
    /// Group of the unix socket
    #[arg(short = 'G', long)]
    group: Option<String>,
    /// Root of what survives a reboot
    #[arg(long, value_name = "DIR", global = true)]
    data_root: Option<PathBuf>,
    /// Root of what does not
    #[arg(long, value_name = "DIR", global = true)]
    exec_root: Option<PathBuf>,
    /// Path of the pid file, empty for none
    #[arg(short = 'p', long, value_name = "FILE")]
    pidfile: Option<PathBuf>,
    /// Log every step and serve profiles
    #[arg(short = 'D', long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    debug: Option<bool>,
    /// trace, debug, info, warn, error
    #[arg(short = 'l', long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// text or json
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Label of the engine, key=value, repeatable
    #[arg(long = "label", value_name = "KEY=VALUE")]
    labels: Vec<String>,
    /// The daemon's oom_score_adj
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    oom_score_adjust: Option<i32>,
    /// Cgroup that the daemon moves itself into
    #[arg(long, value_name = "PATH")]
    daemon_cgroup: Option<String>,
    /// Seconds for requests to end when the daemon stops
    #[arg(long, value_name = "SECONDS")]
    shutdown_timeout: Option<u32>,
    /// Containers go on when the daemon stops
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    live_restore: Option<bool>,
    /// Runtime of containers that name none
    #[arg(long, value_name = "NAME")]
    default_runtime: Option<String>,
    /// Further OCI runtime, name=path, repeatable
    #[arg(long = "add-runtime", value_name = "NAME=PATH")]
    #[serde(skip)]
    add_runtime: Vec<String>,
    /// Option for the execution of containers, repeatable
    #[arg(long = "exec-opt", value_name = "KEY=VALUE")]
    exec_opts: Vec<String>,
    /// Cgroup under which containers are put
    #[arg(long, value_name = "PATH")]
    cgroup_parent: Option<String>,
    /// Program that supervises one container
    #[arg(long, value_name = "FILE")]
    shim: Option<PathBuf>,
    /// Seconds after which a start is given up
    #[arg(long, value_name = "SECONDS")]
    start_timeout: Option<u32>,
    /// Starts at the same time
    #[arg(long, value_name = "NUMBER")]
    max_concurrent_starts: Option<u32>,
    /// Resource limit of containers, name=soft[:hard], repeatable
    #[arg(long = "default-ulimit", value_name = "LIMIT")]
    #[serde(skip)]
    default_ulimit: Vec<String>,
    /// Size of /dev/shm
    #[arg(long, value_name = "BYTES")]
    default_shm_size: Option<String>,
    /// Containers get an init process
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    init: Option<bool>,
    /// Program of that process
    #[arg(long, value_name = "FILE")]
    init_path: Option<PathBuf>,
    /// Processes of containers cannot gain privileges
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_new_privileges: Option<bool>,
    /// builtin, unconfined or a file
    #[arg(long, value_name = "PROFILE")]
    seccomp_profile: Option<String>,
    /// Log driver of containers that name none
    #[arg(long, value_name = "DRIVER")]
    log_driver: Option<String>,
    /// Option of that driver, repeatable
    #[arg(long = "log-opt", value_name = "KEY=VALUE")]
    #[serde(skip)]
    log_opt: Vec<String>,
    /// Name server for containers, repeatable
    #[arg(long, value_name = "ADDRESS")]
    dns: Vec<String>,
    /// Option of the resolver in containers, repeatable
    #[arg(long = "dns-opt", value_name = "OPTION")]
    dns_opts: Vec<String>,
    /// Search domain in containers, repeatable
    #[arg(long, value_name = "DOMAIN")]
    dns_search: Vec<String>,
    /// overlayfs or copy
    #[arg(short = 's', long, value_name = "DRIVER")]
    storage_driver: Option<String>,
    /// Part that must come up, repeatable
    #[arg(long = "required-plugin", value_name = "ID", action = ArgAction::Append)]
    required_plugins: Vec<String>,
    /// Part that is left out, repeatable
    #[arg(long = "disabled-plugin", value_name = "ID", action = ArgAction::Append)]
    disabled_plugins: Vec<String>,
}

impl Flags {
    /// What was given, by configuration key.
    pub fn given(&self) -> Result<Map<String, Value>> {
        let value = serde_json::to_value(self).context("read the flags")?;
        let Value::Object(mut map) = value else {
            return Err(Error::internal("the flags are not a table"));
        };
        map.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty()));
        let mut table = |key: &str, entries: Map<String, Value>| {
            if !entries.is_empty() {
                map.insert(key.to_owned(), Value::Object(entries));
            }
        };
        table("log-opts", pairs("log-opt", &self.log_opt, |value| Ok(value.into()))?);
        table(
            "runtimes",
            pairs("add-runtime", &self.add_runtime, |path| {
                Ok(serde_json::json!({ "path": path }))
            })?,
        );
        let mut limits = Map::new();
        for (name, value) in pairs("default-ulimit", &self.default_ulimit, |v| Ok(v.into()))? {
            limits.insert(name.clone(), ulimit(&name, value.as_str().unwrap_or_default())?);
        }
        table("default-ulimits", limits);
        Ok(map)
    }
}

fn pairs(
    flag: &str,
    given: &[String],
    value_of: impl Fn(&str) -> Result<Value>,
) -> Result<Map<String, Value>> {
    let mut map = Map::new();
    for text in given {
        let Some((key, value)) = text.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(Error::invalid(format!(
                "--{flag} {text:?} must be in format of key=value"
            )));
        };
        map.insert(key.to_owned(), value_of(value)?);
    }
    Ok(map)
}

fn ulimit(name: &str, text: &str) -> Result<Value> {
    let bad = || Error::invalid(format!("invalid ulimit argument: {name}={text}"));
    let (soft, hard) = text.split_once(':').unwrap_or((text, text));
    let (soft, hard): (i64, i64) =
        (soft.parse().map_err(|_| bad())?, hard.parse().map_err(|_| bad())?);
    Ok(serde_json::json!({ "Name": name, "Soft": soft, "Hard": hard }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn only_what_was_given_is_handed_on() {
        let args =
            Args::parse_from(["cofferd", "-D", "--label", "a=1", "--log-opt", "max-size=1m"]);
        let given = Value::Object(args.flags.given().unwrap());
        let wanted =
            serde_json::json!({"debug": true, "labels": ["a=1"], "log-opts": {"max-size": "1m"}});
        assert_eq!(given, wanted);
    }

    #[test]
    fn every_flag_is_a_key() {
        let known = serde_json::to_value(crate::config::Config::default()).unwrap();
        let flags = serde_json::to_value(Flags::default()).unwrap();
        for key in flags.as_object().unwrap().keys() {
            assert!(known.get(key).is_some(), "{key}");
        }
    }
}
