//! `coffer-shim`: started by the daemon; nobody else needs it. It holds no logic: the library beside it
//! does everything.

use coffer_shim::engine;
use std::process::ExitCode;

fn main() -> ExitCode {
    match coffer_shim::main(engine::choose) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("coffer-shim: {error}");
            ExitCode::FAILURE
        }
    }
}
