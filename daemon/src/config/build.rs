//! What is known of this build. `cargo dev build` sets the variables; a plain build knows less.

/// Version of all Coffer processes.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Commit it was built from.
pub const COMMIT: &str = match option_env!("COFFER_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};
/// Time of the build, RFC 3339.
pub const TIME: &str = match option_env!("COFFER_BUILD_TIME") {
    Some(time) => time,
    None => "unknown",
};

/// One line for `--version`.
pub fn line() -> String {
    format!("cofferd version {VERSION}, commit {COMMIT}, built {TIME}")
}
