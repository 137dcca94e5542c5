//! Running one command of a task, visibly; and where the workspace and its build are.

use shared::error::{Context, Error, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// The workspace's folder.
pub fn workspace() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let own = own.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    own.parent().map_or(own.clone(), Path::to_owned)
}

/// `CARGO_TARGET_DIR`, or `target` in the workspace.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => std::path::absolute(PathBuf::from(&folder)).unwrap_or(folder.into()),
        None => workspace().join("target"),
    }
}

/// The cargo that runs us.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.args(arguments).current_dir(workspace());
    // Set by the outer cargo for this package; an inner build must not see them change.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"]
    {
        command.env_remove(name);
    }
    command
}

/// Runs `command` with our own streams; a failure is an error with the command's words in it.
pub fn run(mut command: Command) -> Result<()> {
    let text = words(&command);
    eprintln!("» {text}");
    let begin = Instant::now();
    let status = command.status().with_context(|| format!("run {text}"))?;
    if !status.success() {
        return Err(Error::internal(format!("{text} ended with {status}")));
    }
    let seconds = begin.elapsed().as_secs();
    if seconds >= 10 {
        eprintln!("  took {seconds} s");
    }
    Ok(())
}

fn words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// True when `flag` is among the arguments.
pub fn has(arguments: &[String], flag: &str) -> bool {
    arguments.iter().any(|argument| argument == flag)
}

/// The value behind `flag`.
pub fn value<'a>(arguments: &'a [String], flag: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| argument == flag)?;
    arguments.get(at + 1).map(String::as_str)
}
