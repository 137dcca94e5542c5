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
mod layout;
mod message;
mod overlay;
mod paint;
mod query;
mod rt;
mod screen;
mod signal;
mod table;
mod terminal;
mod text;
mod theme;
mod units;
mod update;
mod usage;
mod verb;

use args::{Cli, Color, Command, ContainerVerb, OnContainer};
use cli::output::BrokenPipe;
use shared::client::{Client, Endpoint};
use shared::error::{Error, Kind, Result};
use std::io::IsTerminal;
use terminal::Options;
use theme::{Charset, Palette, Theme};
use usage::Stop;

fn main() {
    // Asked for before the first thread exists: afterwards it cannot be known.
    let offset = time::UtcOffset::current_local_offset().map_or(0, time::UtcOffset::whole_seconds);
    let code = match usage::parse(std::env::args_os().collect()) {
        Ok(cli) => run(cli, offset).unwrap_or_else(|error| told(&error)),
        // The standard streams may be closed; the code says it too.
        Err(Stop::Asked(words)) => {
            let _ = cli::output::print(&words);
            0
        }
        Err(Stop::Wrong(words, code)) => {
            let _ = cli::output::print_error_bytes(words.as_bytes());
            code
        }
    };
    std::process::exit(code);
}

/// Prints an error in Docker's words; returns the exit code.
fn told(error: &Error) -> i32 {
    if error.find::<BrokenPipe>().is_some() {
        return 0;
    }
    let (code, words) = match error.find::<cli::Failed>() {
        Some(failed) => (failed.code, failed.message.clone()),
        None => (cli::code_of(error), cli::message(error)),
    };
    let lines: Vec<_> = words.split('\n').map(text::clean).collect();
    let words = text::without_numbers(&lines.join("\n"));
    // Standard error may be closed; the code says it too.
    let _ = cli::output::print_error_bytes(format!("{words}\n").as_bytes());
    code
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
        Some(Command::Completion(args)) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut usage::command(), "coffer", &mut script);
            cli::output::print_bytes(&script)?;
            Ok(0)
        }
        Some(command) => {
            let runs = matches!(
                command,
                Command::OnContainer(OnContainer::Run(_))
                    | Command::Container(ContainerVerb::On(OnContainer::Run(_)))
            );
            let result = rt::block_on(cli::run(&client, command));
            if runs { result.map_err(run_failed) } else { result }
        }
        None => Ok(0),
    }
}

/// An error of `run`: with the program's name, since it stands among what the container writes, and with
/// the code that says that it is not the container's.
fn run_failed(error: Error) -> Error {
    let (code, said) = match error.find::<cli::Failed>() {
        Some(failed) => (failed.code, failed.message.clone()),
        None => (125, cli::message(&error)),
    };
    if code == 1 || error.find::<BrokenPipe>().is_some() {
        return error;
    }
    let words = format!("coffer: {said}\n\nRun 'coffer run --help' for more information");
    cli::failed(&Error::new(error.kind(), words), code)
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
