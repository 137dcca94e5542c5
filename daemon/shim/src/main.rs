//! `coffer-shim`: started by the daemon, one per container; nobody else needs it. It holds no logic: the
//! library beside it does everything.

use coffer_shim::{Options, engine};
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = Options::from_command_line();
    match options.and_then(|options| coffer_shim::run(options, engine::choose)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("coffer-shim: {error}");
            ExitCode::FAILURE
        }
    }
}
