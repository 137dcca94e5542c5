//! `coffer`: the terminal console and the scripted command line of Coffer.
//!
//! Alone on a terminal it opens the console; with a subcommand it is a command line with Docker's verbs,
//! flags and exit codes. Knows the daemon by protocol only.

mod app;
mod command;
mod fleet;
mod keys;
mod message;
mod overlay;
mod query;
mod rt;
mod screen;
mod table;
mod text;
mod theme;
mod update;

fn main() {}
