//! Identifiers as types: containers, execs, images, digests.
//!
//! Past `api/` no identifier travels as a bare string.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Read;

/// Bytes from the kernel's generator.
///
/// # Panics
/// When `/dev/urandom` cannot be read, which no supported host does.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut bytes));
    read.expect("read /dev/urandom");
    bytes
}

/// Lower-case hexadecimal of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// A new random one: 64 hexadecimal digits, never all decimal in the short form
            /// (so that a short id is never taken for a number, for instance as a host name).
            pub fn generate() -> Self {
                loop {
                    let text = hex(&random::<32>());
                    if !text[..12].bytes().all(|b| b.is_ascii_digit()) {
                        return Self(text);
                    }
                }
            }

            /// Accepts 64 lower-case hexadecimal digits.
            pub fn parse(text: &str) -> Result<Self> {
                if text.len() == 64 && is_hex(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(Error::invalid(format!(concat!("invalid ", $what, " id: {}"), text)))
                }
            }

            /// All 64 digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The first 12 digits, as Docker shows them.
            pub fn short(&self) -> &str {
                &self.0[..12]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

hex_id!(
    /// A container: 64 hexadecimal digits.
    ContainerId,
    "container"
);
hex_id!(
    /// A further process in a container: 64 hexadecimal digits.
    ExecId,
    "exec"
);
hex_id!(
    /// A network: 64 hexadecimal digits.
    NetworkId,
    "network"
);

/// A SHA-256 digest, written `sha256:<64 hexadecimal digits>` (OCI image spec, descriptor digests).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

/// An image is named by the digest of its configuration.
pub type ImageId = Digest;

impl Digest {
    /// The name of the only algorithm in use.
    pub const ALGORITHM: &'static str = "sha256";

    /// From the 32 bytes that a SHA-256 hasher gives.
    pub fn from_sha256(bytes: &[u8; 32]) -> Self {
        Self(format!("sha256:{}", hex(bytes)))
    }

    /// Accepts `sha256:` and 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self> {
        match text.strip_prefix("sha256:") {
            Some(digits) if digits.len() == 64 && is_hex(digits) => Ok(Self(text.to_owned())),
            _ => Err(Error::invalid(format!("invalid digest: {text}"))),
        }
    }

    /// With the algorithm: `sha256:...`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 64 digits alone.
    pub fn digits(&self) -> &str {
        &self.0["sha256:".len()..]
    }

    /// The first 12 digits, as Docker shows them.
    pub fn short(&self) -> &str {
        &self.digits()[..12]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generates_parses_shortens() {
        let id = ContainerId::generate();
        assert_eq!(ContainerId::parse(id.as_str()).unwrap(), id);
        assert_eq!(id.short().len(), 12);
        assert!(ContainerId::parse("ABC").is_err());
        assert!(ContainerId::parse(&"A".repeat(64)).is_err());
    }

    #[test]
    fn digests_need_their_algorithm() {
        let digest = Digest::from_sha256(&[0xab; 32]);
        assert_eq!(digest.short(), "abababababab");
        assert!(Digest::parse(digest.digits()).is_err());
        assert!(serde_json::from_str::<Digest>("\"sha256:zz\"").is_err());
    }
}
