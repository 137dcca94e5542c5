//! Versions of the Docker Engine API: which we speak, and how a path names one.

use shared::error::{Error, Result};
use std::fmt;

/// A version such as 1.47.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

/// The newest that the implemented behaviour honours; a path without a version means it.
pub const MAX: Version = Version(1, 47);
/// The oldest that is answered.
pub const MIN: Version = Version(1, 24);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// `/v1.41/x?y` is version 1.41 of `/x?y`; a path without a version is its own. `Invalid`, in
/// dockerd's words, for one that is too old or too new.
pub fn strip(target: &str) -> Result<(Version, &str)> {
    let Some((text, _)) = target.strip_prefix("/v").and_then(|rest| rest.split_once('/')) else {
        return Ok((MAX, target));
    };
    let numbers = text.split_once('.').map(|(a, b)| (a.parse::<u32>(), b.parse::<u32>()));
    let Some((Ok(major), Ok(minor))) = numbers else { return Ok((MAX, target)) };
    let version = Version(major, minor);
    if version < MIN {
        return Err(Error::invalid(format!(
            "client version {text} is too old. Minimum supported API version is {MIN}, \
             please upgrade your client to a newer version"
        )));
    }
    if version > MAX {
        return Err(Error::invalid(format!(
            "client version {text} is too new. Maximum supported API version is {MAX}"
        )));
    }
    Ok((version, &target[2 + text.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_and_judges() {
        assert_eq!(strip("/v1.41/info?x=1").unwrap(), (Version(1, 41), "/info?x=1"));
        assert_eq!(strip("/volumes/v1.2").unwrap(), (MAX, "/volumes/v1.2"));
        assert_eq!(strip("/vx/y").unwrap(), (MAX, "/vx/y"));
        let old = strip("/v1.23/info").unwrap_err().to_string();
        assert!(old.starts_with("client version 1.23 is too old."), "{old}");
        let new = strip("/v1.99/info").unwrap_err().to_string();
        assert!(new.ends_with("Maximum supported API version is 1.47"), "{new}");
    }
}
