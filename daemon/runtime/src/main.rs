//! `coffer-runtime`: the library behind runc's command line.

fn main() -> std::process::ExitCode {
    runtime::command::main()
}
