//! One address to listen on, as `-H` takes it.

use shared::error::{Error, Result};
use shared::net::endpoint;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Port of `tcp://` without one; IANA's for Docker without TLS.
pub const TCP_PORT: u16 = endpoint::DEFAULT_PORT;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// A unix socket's path.
    Unix(PathBuf),
    /// Host and port.
    Tcp(String, u16),
    /// Sockets that systemd hands over: all, or the one with this name.
    Descriptors(Option<String>),
}

impl Default for Host {
    fn default() -> Self {
        Self::Unix(endpoint::DEFAULT_SOCKET.into())
    }
}

impl FromStr for Host {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(name) = text.strip_prefix("fd://") {
            let all = name.is_empty() || name == "*";
            return Ok(Self::Descriptors((!all).then(|| name.to_owned())));
        }
        match text.parse()? {
            endpoint::Endpoint::Unix(path) if path.is_absolute() => Ok(Self::Unix(path)),
            endpoint::Endpoint::Unix(path) => Err(Error::invalid(format!(
                "the socket {:?} needs an absolute path",
                path.display()
            ))),
            endpoint::Endpoint::Tcp { host, port } => Ok(Self::Tcp(host, port)),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(host, port) if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "tcp://{host}:{port}"),
            Self::Descriptors(name) => write!(f, "fd://{}", name.as_deref().unwrap_or("")),
        }
    }
}
