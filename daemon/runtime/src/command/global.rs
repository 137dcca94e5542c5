//! The flags before the command, which every command sees.

use clap::{Args, ValueEnum};
use shared::error::{Error, Result};
use std::path::PathBuf;

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
