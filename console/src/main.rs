//! `coffer`: the terminal console and the scripted command line of Coffer.
//!
//! Alone on a terminal it opens the console; with a subcommand it is a command line with Docker's verbs,
//! flags and exit codes. Knows the daemon by protocol only.

mod app;
mod args;
mod cli;
mod command;
mod effect;
mod fleet;
mod keys;
mod message;
mod overlay;
mod query;
mod rt;
mod screen;
mod signal;
mod table;
mod terminal;
mod text;
mod theme;
mod update;

use args::{Cli, Color, Command};
use clap::Parser;
use clap::error::{ContextKind, ContextValue};
use cli::output::BrokenPipe;
use shared::client::{Answered, Client, Endpoint};
use shared::error::{Error, Kind, Result};
use std::io::IsTerminal;
use terminal::Options;
use theme::{Charset, Palette, Theme};

fn main() {
    // Asked for before the first thread exists: afterwards it cannot be known.
    let offset = time::UtcOffset::current_local_offset().map_or(0, time::UtcOffset::whole_seconds);
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        // Standard error may be closed; the code says it too.
        let _ = error.print();
        std::process::exit(usage_code(&error));
    });
    let code = match run(cli, offset) {
        Ok(code) => code,
        Err(error) if error.find::<BrokenPipe>().is_some() => 0,
        Err(error) => {
            let (code, words) = match error.find::<cli::Failed>() {
                Some(failed) => (failed.code, format!("coffer: {}", failed.message)),
                None if error.find::<Answered>().is_some() => {
                    (cli::code_of(&error), format!("Error response from daemon: {error}"))
                }
                None => (cli::code_of(&error), format!("coffer: {error}")),
            };
            // Standard error may be closed; the code says it too.
            let _ = cli::output::print_error_bytes(format!("{}\n", text::clean(&words)).as_bytes());
            code
        }
    };
    std::process::exit(code);
}

/// Docker's exit code of wrong usage: 125 for flags, 1 for too many or too few words.
fn usage_code(error: &clap::Error) -> i32 {
    if error.exit_code() == 0 {
        return 0;
    }
    let flag = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.starts_with('-'),
        _ => false,
    };
    if flag { 125 } else { 1 }
}

fn run(cli: Cli, offset: i32) -> Result<i32> {
    let opens = matches!(cli.command, None | Some(Command::Tui));
    if opens && !(std::io::stdout().is_terminal() && std::io::stdin().is_terminal()) {
        let words = "the console needs a terminal; try `coffer ps`";
        return Err(cli::failed(&Error::new(Kind::Invalid, words), 2));
    }
    let client =
        Client::new(Endpoint::choose(cli.host.as_deref()).map_err(|e| cli::failed(&e, 2))?);
    if opens {
        return terminal::open(client, Options { theme: theme_of(cli.color, cli.ascii), offset });
    }
    match cli.command {
        Some(command) => {
            let process = matches!(command, Command::Run(_));
            let result = rt::block_on(cli::run(&client, command));
            result.map_err(|error| {
                if process
                    && error.find::<cli::Failed>().is_none()
                    && error.find::<BrokenPipe>().is_none()
                {
                    cli::failed(&error, 125)
                } else {
                    error
                }
            })
        }
        None => Ok(0),
    }
}

/// Colours on a terminal that can show them, unless NO_COLOR is set; ASCII where the locale has no UTF-8.
fn theme_of(color: Color, ascii: bool) -> Theme {
    let set = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    let palette = match color {
        Color::Always => Palette::Ansi,
        Color::Never => Palette::Mono,
        Color::Auto if set("NO_COLOR") || dumb => Palette::Mono,
        Color::Auto => Palette::Ansi,
    };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    let plain = locale.is_some_and(|l| matches!(l.as_str(), "C" | "POSIX"));
    let linux = std::env::var("TERM").is_ok_and(|term| term == "linux");
    let charset = if ascii || plain || linux || dumb { Charset::Ascii } else { Charset::Unicode };
    Theme { palette, charset }
}
