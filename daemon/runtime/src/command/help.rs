//! Parsing the command line, and what is printed instead of running: help in runc's shape, the
//! version, what is wrong.

use super::arguments::{Cli, Command, SPEC};
use super::global::Global;
use clap::builder::StyledStr;
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};
use std::ffi::OsString;
use std::process::ExitCode;

/// runc's version whose command line and messages this one follows.
const LIKE: &str = "1.1.5";

/// What came of parsing.
pub enum Parsed {
    /// Go on.
    Run(Box<Global>, Command),
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
            command.help_template(shaped(&name, &about, "[command options] [arguments...]"))
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
        Ok(Cli { global, command: Some(command), .. }) => Parsed::Run(Box::new(global), command),
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
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Some(name) = error.get(clap::error::ContextKind::InvalidSubcommand)
    {
        eprintln!("No help topic for '{name}'");
        return ExitCode::from(3);
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
