//! `cofferd`: reads the command line, settles what a process can settle only once and while it has one
//! thread, then runs the daemon. Decides nothing else.
#![allow(unsafe_code)] // allocator settings and the environment, before any thread starts

use clap::Parser;
use daemon::args::{Args, Command, Which};
use daemon::config::{self, Config, build};
use daemon::{boot, process};
use shared::error::Result;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    settle_allocator();
    let args = Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cofferd: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Few arenas and early returns to the system: the daemon allocates little and lives long.
fn settle_allocator() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no other thread exists yet; both calls take plain numbers.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 256 << 10);
        // Buffers of 128 KiB come and go with every piece of a body: mapping each anew costs more
        // than filling it.
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20);
    }
}

fn run(args: Args) -> Result<()> {
    if args.version || matches!(args.command, Some(Command::Version)) {
        return print(&(build::line() + "\n"));
    }
    if let Some(Command::Config { which: Which::Default }) = args.command {
        return print(&config::to_text(&Config::default())?);
    }
    let config = config::load(args.config_file.as_deref(), args.flags.given()?)?;
    match args.command {
        Some(Command::Config { .. }) => print(&config::to_text(&config)?),
        Some(Command::Store { what }) => boot::offline(&config, what),
        Some(Command::Version) => Ok(()),
        None if args.validate => {
            print(&format!("configuration OK, kernel {}\n", boot::validate(&config)?))
        }
        None => serve(config),
    }
}

fn serve(config: Config) -> Result<()> {
    // Whoever started us with `&` from a shell script left SIGINT ignored; that must not reach
    // containers, nor keep us from seeing it.
    for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1] {
        // SAFETY: restoring the default disposition installs no handler.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    let signals = process::signal::Blocked::new()?;
    let prepared = boot::prepare(config)?;
    // SAFETY: no other thread exists yet.
    #[allow(clippy::disallowed_methods)] // the reason for which it is not allowed elsewhere
    unsafe {
        std::env::set_var("TMPDIR", prepared.scratch())
    };
    boot::run(prepared, signals)
}

fn print(text: &str) -> Result<()> {
    use shared::error::Context;
    std::io::stdout().write_all(text.as_bytes()).context("write to standard output")
}
