//! runc's command line over the library: which commands there are, what they have in common. Each
//! command is a file of its own; its `run` returns the exit status.

mod arguments;
mod attend;
mod checkpoint;
mod container;
mod create;
mod delete;
mod events;
mod exec;
mod features;
mod global;
mod help;
mod kill;
mod launcher;
mod lenient;
mod list;
mod log;
mod pause;
mod ps;
mod run;
mod spec;
mod start;
mod state;
mod update;

use arguments::Command;
use global::Global;
use help::Parsed;
use shared::error::Result;
use std::process::ExitCode;

/// What `main` does: parse, run, report.
pub fn main() -> ExitCode {
    let (global, command) = match help::parse(std::env::args_os()) {
        Parsed::Run(global, command) => (global, command),
        Parsed::Said(code) => return code,
    };
    // Commands whose process becomes a container's, or enters one.
    if matches!(command, Command::Create(_) | Command::Run(_) | Command::Exec(_))
        && let Err(error) = shared::kernel::sealed::reexecute()
    {
        log::warn(&format!("go on without a sealed program: {error}"));
    }
    let wrong = if matches!(command, Command::Exec(_)) { 255 } else { 1 };
    let result = log::open(&global).and_then(|()| dispatch(&global, command));
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            log::fatal(&error.to_string());
            ExitCode::from(wrong)
        }
    }
}

fn dispatch(global: &Global, command: Command) -> Result<u8> {
    global.check()?;
    match command {
        Command::Create(args) => create::run(global, &args),
        Command::Start(args) => start::run(global, &args),
        Command::Run(args) => run::run(global, &args),
        Command::State(args) => state::run(global, &args),
        Command::Kill(args) => kill::run(global, &args),
        Command::Delete(args) => delete::run(global, &args),
        Command::Exec(args) => exec::run(global, &args),
        Command::Pause(args) => pause::pause(global, &args),
        Command::Resume(args) => pause::resume(global, &args),
        Command::Update(args) => update::run(global, &args),
        Command::Ps(args) => ps::run(global, &args),
        Command::List(args) => list::run(global, &args),
        Command::Events(args) => events::run(global, &args),
        Command::Features => features::run(),
        Command::Spec(args) => spec::run(&args),
        Command::Checkpoint(_) => checkpoint::refuse("checkpoint"),
        Command::Restore(_) => checkpoint::refuse("restore"),
    }
}
