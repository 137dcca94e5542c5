//! Where a daemon listens: `unix:///run/coffer.sock`, `tcp://127.0.0.1:2375`.

use crate::error::{Error, Result};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The socket of a daemon with default settings.
pub const DEFAULT_SOCKET: &str = "/run/coffer.sock";
/// Port of `tcp://` without one, as Docker has it.
pub const DEFAULT_PORT: u16 = 2375;

/// An address that a client can connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket's path.
    Unix(PathBuf),
    /// Host and port.
    Tcp {
        /// Name or address, without brackets.
        host: String,
        /// Port.
        port: u16,
    },
}

impl Endpoint {
    /// By the rule of every Coffer client: the flag if given, else `COFFER_HOST`, else `DOCKER_HOST`,
    /// else the default socket.
    pub fn choose(flag: Option<&str>) -> Result<Self> {
        let from = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        match flag
            .map(str::to_owned)
            .or_else(|| from("COFFER_HOST"))
            .or_else(|| from("DOCKER_HOST"))
        {
            Some(text) => text.parse(),
            None => Ok(Self::Unix(PathBuf::from(DEFAULT_SOCKET))),
        }
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::invalid(format!("bad address {text:?}, expected PROTO://ADDR"));
        let (protocol, address) = text.split_once("://").ok_or_else(bad)?;
        match protocol {
            "unix" if address.is_empty() => Ok(Self::Unix(PathBuf::from(DEFAULT_SOCKET))),
            "unix" => Ok(Self::Unix(PathBuf::from(address))),
            "tcp" => {
                let address = address.trim_end_matches('/');
                let (host, port) = match address.rsplit_once(':') {
                    Some((host, port)) if !port.contains(']') => {
                        (host, port.parse().map_err(|_| bad())?)
                    }
                    _ => (address, DEFAULT_PORT),
                };
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let host = if host.is_empty() { "127.0.0.1" } else { host };
                Ok(Self::Tcp { host: host.to_owned(), port })
            }
            _ => Err(Error::invalid(format!("unsupported protocol {protocol:?} in {text:?}"))),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_docker_reads() {
        let tcp = |host: &str, port| Endpoint::Tcp { host: host.into(), port };
        for (text, wanted) in [
            ("unix:///a/b.sock", Endpoint::Unix("/a/b.sock".into())),
            ("unix://", Endpoint::Unix(DEFAULT_SOCKET.into())),
            ("tcp://10.0.0.1:99", tcp("10.0.0.1", 99)),
            ("tcp://host", tcp("host", 2375)),
            ("tcp://[::1]:80", tcp("::1", 80)),
            ("tcp://[::1]", tcp("::1", 2375)),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap(), wanted, "{text}");
        }
        assert!("/run/x".parse::<Endpoint>().is_err());
        assert!("npipe://x".parse::<Endpoint>().is_err());
    }
}
