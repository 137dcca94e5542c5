//! `create`: everything but running the program.

use super::arguments::Create;
use super::global::Global;
use super::launcher::{self, Ends};
use shared::error::Result;

/// Creates, and leaves the first process waiting.
pub fn run(global: &Global, args: &Create) -> Result<u8> {
    launcher::create(global, args, Ends::Detached)?;
    Ok(0)
}
