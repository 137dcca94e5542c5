//! Wrong usage in Docker's words: what is wrong, how the verb is used, where to read more, and the exit
//! code. Also what of the command line differs from clap's own ways: switches take `=false`, and of a flag
//! that is given twice the last counts.

use crate::args::Cli;
use clap::builder::BoolValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use std::error::Error as _;
use std::ffi::OsString;

/// Exit code of a wrong flag.
const FLAG: i32 = 125;
/// Exit code of too many or too few words.
const WORDS: i32 = 1;

/// What follows the name of a verb, in Docker's words.
const USAGES: &[(&str, &str)] = &[
    ("run", "[OPTIONS] IMAGE [COMMAND] [ARG...]"),
    ("create", "[OPTIONS] IMAGE [COMMAND] [ARG...]"),
    ("start", "[OPTIONS] CONTAINER [CONTAINER...]"),
    ("stop", "[OPTIONS] CONTAINER [CONTAINER...]"),
    ("kill", "[OPTIONS] CONTAINER [CONTAINER...]"),
    ("restart", "[OPTIONS] CONTAINER [CONTAINER...]"),
    ("pause", "CONTAINER [CONTAINER...]"),
    ("unpause", "CONTAINER [CONTAINER...]"),
    ("rm", "[OPTIONS] CONTAINER [CONTAINER...]"),
    ("wait", "CONTAINER [CONTAINER...]"),
    ("rename", "CONTAINER NEW_NAME"),
    ("update", "[OPTIONS] CONTAINER [CONTAINER...]"),
    ("ps", "[OPTIONS]"),
    ("logs", "[OPTIONS] CONTAINER [CONTAINER...]"),
    ("exec", "[OPTIONS] CONTAINER COMMAND [ARG...]"),
    ("attach", "[OPTIONS] CONTAINER"),
    ("inspect", "[OPTIONS] NAME|ID [NAME|ID...]"),
    ("top", "CONTAINER [ps OPTIONS]"),
    ("stats", "[OPTIONS] [CONTAINER...]"),
    ("port", "CONTAINER [PRIVATE_PORT[/PROTO]]"),
    ("diff", "CONTAINER"),
    (
        "cp",
        "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tcoffer cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
    ),
    ("commit", "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]"),
    ("export", "[OPTIONS] CONTAINER"),
    ("import", "[OPTIONS] file|- [REPOSITORY[:TAG]]"),
    ("images", "[OPTIONS] [REPOSITORY[:TAG]]"),
    ("load", "[OPTIONS]"),
    ("save", "[OPTIONS] IMAGE [IMAGE...]"),
    ("rmi", "[OPTIONS] IMAGE [IMAGE...]"),
    ("tag", "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]"),
    ("events", "[OPTIONS]"),
    ("info", "[OPTIONS]"),
    ("version", "[OPTIONS]"),
    ("completion", "SHELL"),
    ("container", "COMMAND"),
    ("image", "COMMAND"),
    ("volume", "COMMAND"),
    ("container ls", "[OPTIONS]"),
    ("container inspect", "[OPTIONS] CONTAINER [CONTAINER...]"),
    ("container prune", "[OPTIONS]"),
    ("image ls", "[OPTIONS] [REPOSITORY[:TAG]]"),
    ("image inspect", "[OPTIONS] IMAGE [IMAGE...]"),
    ("image rm", "[OPTIONS] IMAGE [IMAGE...]"),
    ("image prune", "[OPTIONS]"),
    ("volume ls", "[OPTIONS]"),
    ("volume create", "[OPTIONS] [VOLUME]"),
    ("volume rm", "[OPTIONS] VOLUME [VOLUME...]"),
    ("volume inspect", "[OPTIONS] VOLUME [VOLUME...]"),
    ("volume prune", "[OPTIONS]"),
];

/// What to print instead of running, and the exit code.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// Help or the version, for standard output.
    Asked(String),
    /// What is wrong, for standard error.
    Wrong(String, i32),
}

/// Reads the command line, the name of the program first.
pub fn parse(arguments: Vec<OsString>) -> Result<Cli, Stop> {
    let command = command();
    let found = command.clone().try_get_matches_from(&arguments);
    let found = found.and_then(|matches| {
        swallowed(&command, &matches)?;
        Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command.clone()))
    });
    found.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Stop::Asked(error.render().to_string())
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Stop::Wrong(error.render().to_string(), 0)
        }
        _ => wrong(&command, &error, &arguments),
    })
}

/// The table of flags with Docker's ways.
pub fn command() -> Command {
    adapted(Cli::command(), "")
}

/// What follows a verb's whole name; one below `container` or `image` is used as at the top.
fn usage_of(name: &str) -> Option<&'static str> {
    let find =
        |name: &str| USAGES.iter().find(|(known, _)| *known == name).map(|(_, words)| *words);
    find(name).or_else(|| find(name.split_once(' ')?.1))
}

fn adapted(command: Command, path: &str) -> Command {
    let command = match usage_of(path) {
        Some(words) => command.override_usage(format!("coffer {path} {words}")),
        None => command,
    };
    let path = path.to_owned();
    command
        .args_override_self(true)
        .mut_args(|argument| match argument.get_action() {
            ArgAction::SetTrue => switch(argument),
            _ => argument,
        })
        .mut_subcommands(move |verb| {
            let name = format!("{path} {}", verb.get_name());
            adapted(verb, name.trim_start())
        })
}

/// A switch that also takes `=true` and `=false`.
fn switch(argument: Arg) -> Arg {
    argument
        .action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .value_parser(BoolValueParser::new())
        .default_value("false")
        .default_missing_value("true")
        .hide_default_value(true)
        .hide_possible_values(true)
}

/// Finds a flag that the words of a command in a container have swallowed: one before the image.
fn swallowed(command: &Command, matches: &ArgMatches) -> Result<(), clap::Error> {
    let (mut command, mut matches) = (command, matches);
    while let Some((name, below)) = matches.subcommand() {
        let Some(verb) = command.find_subcommand(name) else { return Ok(()) };
        (command, matches) = (verb, below);
    }
    for argument in command.get_positionals().filter(|p| p.is_trailing_var_arg_set()) {
        let words = matches.get_many::<String>(argument.get_id().as_str());
        let words: Vec<&String> = words.into_iter().flatten().collect();
        let error = |kind| Err(clap::Error::new(kind).with_cmd(command));
        match words.first() {
            Some(first) if first.starts_with('-') && first.len() > 1 => {
                let mut error = clap::Error::new(ErrorKind::UnknownArgument).with_cmd(command);
                let first = ContextValue::String((*first).clone());
                error.insert(ContextKind::InvalidArg, first);
                return Err(error);
            }
            _ if words.len() < least(argument) => return error(ErrorKind::TooFewValues),
            _ => {}
        }
    }
    Ok(())
}

/// How many words a positional argument wants, by its name: those without brackets.
fn least(argument: &Arg) -> usize {
    let names = argument.get_value_names().and_then(|names| names.first());
    let wanted = names.map_or(1, |n| n.split(' ').take_while(|w| !w.starts_with('[')).count());
    if argument.is_required_set() { wanted.max(1) } else { 0 }
}

fn wrong(command: &Command, error: &clap::Error, arguments: &[OsString]) -> Stop {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let given = text(ContextKind::InvalidArg);
    let (verb, path) = verb(command, arguments, given);
    let typed = arguments.last().map(|word| word.to_string_lossy()).unwrap_or_default();
    let said = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let unknown = text(ContextKind::InvalidSubcommand);
            let usage = match path.as_str() {
                "coffer" => String::new(),
                path => format!("Usage:  {path} COMMAND\n\n"),
            };
            let said = format!("coffer: unknown command: {path} {unknown}\n\n{usage}");
            return Stop::Wrong(format!("{said}{}", more(&path, "Run")), WORDS);
        }
        ErrorKind::UnknownArgument if given.starts_with("--") => {
            format!("unknown flag: {}", given.split('=').next().unwrap_or(given))
        }
        ErrorKind::UnknownArgument if given.starts_with('-') => {
            let letter = given.trim_start_matches('-').chars().next().unwrap_or('-');
            format!("unknown shorthand flag: '{letter}' in {given}")
        }
        ErrorKind::InvalidValue if text(ContextKind::InvalidValue).is_empty() => {
            match typed.strip_prefix('-').filter(|rest| !rest.starts_with('-')) {
                Some(letters) => {
                    let last = letters.chars().next_back().unwrap_or('-');
                    format!("flag needs an argument: '{last}' in {typed}")
                }
                None => {
                    format!("flag needs an argument: {}", given.split(' ').next().unwrap_or(given))
                }
            }
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::TooManyValues => {
            let value = text(ContextKind::InvalidValue);
            let why = error.source().map(|source| reason(value, &source.to_string()));
            let why = why.unwrap_or_else(|| reason(value, ""));
            format!("invalid argument {value:?} for \"{}\" flag: {why}", flag(verb, given))
        }
        _ => return Stop::Wrong(arity(verb, &path), WORDS),
    };
    Stop::Wrong(format!("{said}\n\n{}{}", usage(&path), more(&path, "Run")), FLAG)
}

/// The verb that was meant, and its whole name: what stands before the word that is wrong.
fn verb<'a>(command: &'a Command, arguments: &[OsString], bad: &str) -> (&'a Command, String) {
    let (mut found, mut path) = (command, "coffer".to_owned());
    let mut words = arguments.iter().skip(1).filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        if word.starts_with('-') && word.split('=').next() == Some(bad) {
            break;
        }
        if matches!(word, "-H" | "--host" | "--color") {
            words.next();
        } else if !word.starts_with('-') {
            let Some(verb) = found.find_subcommand(word) else { break };
            path = format!("{path} {word}");
            found = verb;
        }
    }
    (found, path)
}

/// Both names of a flag, as `-m, --memory`, of clap's `--memory <MEMORY>`.
fn flag(verb: &Command, given: &str) -> String {
    let name = given.split([' ', '=', '[']).next().unwrap_or(given);
    let long = name.trim_start_matches('-');
    let found = verb.get_arguments().find(|a| {
        a.get_long() == Some(long) || long.len() == 1 && a.get_short() == long.chars().next()
    });
    match found.map(|argument| (argument.get_short(), argument.get_long())) {
        Some((Some(short), Some(long))) => format!("-{short}, --{long}"),
        _ => name.to_owned(),
    }
}

/// What Go says of such a value.
fn reason(value: &str, said: &str) -> String {
    match said {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            format!("strconv.ParseInt: parsing {value:?}: invalid syntax")
        }
        _ if said.starts_with("number too") || said.contains("is not in") => {
            format!("strconv.ParseInt: parsing {value:?}: value out of range")
        }
        "" => format!("strconv.ParseBool: parsing {value:?}: invalid syntax"),
        other => other.to_owned(),
    }
}

/// How many words a verb takes.
fn arity(verb: &Command, path: &str) -> String {
    let all: Vec<&Arg> = verb.get_positionals().collect();
    let fewest: usize = all.iter().map(|argument| least(argument)).sum();
    let several = |a: &&Arg| {
        a.get_num_args().is_some_and(|n| n.max_values() > 1)
            || matches!(a.get_action(), ArgAction::Append)
    };
    let most = (!all.iter().any(several)).then_some(all.len());
    let words = |n: usize| format!("{n} argument{}", if n == 1 { "" } else { "s" });
    let (said, see) = match most {
        Some(0) => ("accepts no arguments".to_owned(), "Run"),
        Some(most) if most == fewest => (format!("requires {}", words(most)), "Run"),
        Some(most) if fewest == 0 => (format!("requires at most {}", words(most)), "Run"),
        Some(most) => (format!("requires at least {fewest} and at most {}", words(most)), "Run"),
        None => (format!("requires at least {}", words(fewest)), "See"),
    };
    format!("coffer: '{path}' {said}\n\n{}{}", usage(path), more(path, see))
}

fn usage(path: &str) -> String {
    let name = path.strip_prefix("coffer").unwrap_or(path).trim();
    match usage_of(name) {
        Some(words) => format!("Usage:  {path} {words}\n\n"),
        None => format!("Usage:  {path} [OPTIONS] COMMAND [ARG...]\n\n"),
    }
}

fn more(path: &str, see: &str) -> String {
    format!("{see} '{path} --help' for more information\n")
}
