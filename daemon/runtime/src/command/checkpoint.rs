//! `checkpoint` and `restore`: refused in clear words.

use shared::error::{Error, Result};

/// Neither is done without criu, nor with it.
pub fn refuse(command: &str) -> Result<u8> {
    Err(Error::unimplemented(format!("{command} is not supported by this runtime")))
}
