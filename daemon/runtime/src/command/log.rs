//! The log that callers such as containerd read: runc's two formats, to a file or standard error.

use super::global::{Format, Global};
use shared::error::{Context, Result};
use std::fs::File;
use std::io::Write;
use std::sync::OnceLock;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

struct Log {
    file: Option<File>,
    format: Format,
    debug: bool,
}

static LOG: OnceLock<Log> = OnceLock::new();

/// Once, before anything is logged.
pub fn open(global: &Global) -> Result<()> {
    let open = |path| File::options().append(true).create(true).open(path);
    let file = global.log.as_ref().map(open).transpose().context("open the log file")?;
    // Set twice only by tests.
    let _first = LOG.set(Log { file, format: global.log_format, debug: global.debug });
    Ok(())
}

fn write(level: &str, message: &str) {
    let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    let log = LOG.get();
    let line = match log.map(|l| l.format) {
        Some(Format::Json) => {
            let line = serde_json::json!({"level": level, "msg": message, "time": now});
            format!("{line}\n")
        }
        _ => format!("time=\"{now}\" level={level} msg={message:?}\n"),
    };
    // Nowhere is left to complain when the log itself fails.
    let _lost = match log.and_then(|l| l.file.as_ref()) {
        Some(mut file) => file.write_all(line.as_bytes()),
        None => std::io::stderr().write_all(line.as_bytes()),
    };
}

/// A step, with `--debug`.
pub fn debug(message: &str) {
    if LOG.get().is_some_and(|log| log.debug) {
        write("debug", message);
    }
}

/// We went on without something.
pub fn warn(message: &str) {
    write("warning", message);
}

/// The last word: to the log, and to standard error for people.
pub fn fatal(message: &str) {
    write("error", message);
    if LOG.get().is_some_and(|log| log.file.is_some()) {
        eprintln!("{message}");
    }
}
