//! Networks: the two that need nothing of the host, `none` and `host`, and what a container's wish
//! comes to.
//!
//! Bridges are not built yet. A container that asks for nothing in particular (`default`) is stored as
//! asked and decided as `none`; one that asks for a bridge or publishes a port is refused with the
//! reason, so that nobody believes in a port that is not there.

pub mod name;

pub use name::Dns;

use sha2::{Digest, Sha256};
use shared::docker::HostConfig;
use shared::error::{Error, Kind, Result};
use shared::id::{NetworkId, hex};
use std::sync::Arc;

/// The base networks' names.
pub const NONE: &str = "none";
/// The host's own network.
pub const HOST: &str = "host";
/// What a container asks for that asks for nothing.
pub const DEFAULT: &str = "default";

/// A network as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The same for the life of the engine.
    pub id: NetworkId,
    /// Unique name.
    pub name: String,
    /// Docker's driver name: `null`, `host`.
    pub driver: String,
}

/// The manager of all networks. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Networks(Arc<Vec<Network>>);

/// What a container's wish comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A network namespace of its own with nothing but loopback.
    None,
    /// The host's.
    Host,
    /// That of another container: name or id, as asked.
    Container(String),
}

impl Mode {
    /// As stored: `none`, `host`, `container:<reference>`.
    pub fn to_word(&self) -> String {
        match self {
            Self::None => NONE.into(),
            Self::Host => HOST.into(),
            Self::Container(other) => format!("container:{other}"),
        }
    }

    /// From what [`Mode::to_word`] gave.
    pub fn parse(word: &str) -> Self {
        match word.strip_prefix("container:") {
            Some(other) => Self::Container(other.to_owned()),
            None if word == HOST => Self::Host,
            None => Self::None,
        }
    }
}

impl Networks {
    /// The base networks of the engine with this id.
    pub fn new(engine: &str) -> Result<Self> {
        let base = |name: &str, driver: &str| {
            let digest = Sha256::digest(format!("{engine}/network/{name}"));
            let id = NetworkId::parse(&hex(&digest))?;
            Ok::<_, Error>(Network { id, name: name.into(), driver: driver.into() })
        };
        Ok(Self(Arc::new(vec![base(HOST, "host")?, base(NONE, "null")?])))
    }

    /// All of them.
    pub fn list(&self) -> &[Network] {
        &self.0
    }

    /// By full id, exact name or unique id prefix.
    pub fn find(&self, reference: &str) -> Result<&Network> {
        let exact = self.0.iter().find(|n| n.id.as_str() == reference || n.name == reference);
        let fits: Vec<&Network> =
            self.0.iter().filter(|n| n.id.as_str().starts_with(reference)).collect();
        match (exact, fits.as_slice()) {
            (Some(network), _) => Ok(network),
            (None, [network]) if !reference.is_empty() => Ok(network),
            (None, [_, _, ..]) if !reference.is_empty() => Err(Error::invalid(format!(
                "network {reference} is ambiguous ({} matches found based on ID prefix)",
                fits.len()
            ))),
            _ => Err(Error::not_found(format!("network {reference} not found"))),
        }
    }

    /// The base networks stay.
    pub fn remove(&self, reference: &str) -> Result<()> {
        let network = self.find(reference)?;
        Err(Error::forbidden(format!(
            "{} is a pre-defined network and cannot be removed",
            network.name
        )))
    }

    /// Networks of one's own need bridges.
    pub fn create(&self, name: &str) -> Result<NetworkId> {
        if self.0.iter().any(|network| network.name == name) {
            return Err(Error::forbidden(format!(
                "operation is not permitted on predefined {name} network"
            )));
        }
        Err(Error::new(Kind::Unimplemented, "this build has the networks none and host only"))
    }

    /// Judges a container's wish.
    pub fn decide(&self, host: &HostConfig) -> Result<Mode> {
        let asked = host.network_mode.as_deref().unwrap_or_default();
        let mode = match asked {
            "" | DEFAULT | NONE => Mode::None,
            HOST => Mode::Host,
            other => match other.strip_prefix("container:") {
                Some("") => return Err(Error::invalid(format!("Invalid network mode: {other}"))),
                Some(reference) => Mode::Container(reference.to_owned()),
                None => match self.find(other)?.name.as_str() {
                    HOST => Mode::Host,
                    _ => Mode::None,
                },
            },
        };
        let publishes = host.port_bindings.as_ref().is_some_and(|ports| !ports.is_empty());
        // With the host's network Docker drops published ports; with none they cannot work.
        if mode == Mode::None && (publishes || host.publish_all_ports == Some(true)) {
            return Err(Error::invalid(
                "cannot publish ports: this build has no bridge networks; use --network host",
            ));
        }
        Ok(mode)
    }

    /// The network of a decided mode, for events and inspect; a joined one has none of its own.
    pub fn of(&self, mode: &Mode) -> Option<&Network> {
        let name = match mode {
            Mode::None => NONE,
            Mode::Host => HOST,
            Mode::Container(_) => return None,
        };
        self.0.iter().find(|network| network.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(mode: &str) -> HostConfig {
        HostConfig { network_mode: Some(mode.into()), ..HostConfig::default() }
    }

    #[test]
    fn wishes() {
        let networks = Networks::new("engine").unwrap();
        for (mode, word) in [
            ("", "none"),
            ("default", "none"),
            ("none", "none"),
            ("host", "host"),
            ("container:web", "container:web"),
        ] {
            let decided = networks.decide(&asked(mode)).unwrap();
            assert_eq!(decided.to_word(), word);
            assert_eq!(Mode::parse(word), decided);
        }
        for unknown in ["bridge", "zzz"] {
            let error = networks.decide(&asked(unknown)).unwrap_err();
            assert_eq!(error.kind(), Kind::NotFound);
            assert_eq!(error.to_string(), format!("network {unknown} not found"));
        }
    }

    #[test]
    fn a_published_port_is_refused_where_it_cannot_work() {
        let networks = Networks::new("engine").unwrap();
        let ports = Some([("80/tcp".to_owned(), None)].into_iter().collect());
        let bound = |mode| HostConfig { port_bindings: ports.clone(), ..asked(mode) };
        assert_eq!(networks.decide(&bound("default")).unwrap_err().kind(), Kind::Invalid);
        assert!(networks.decide(&bound("host")).is_ok());
    }

    #[test]
    fn the_base_networks_keep_their_ids_and_stay() {
        let networks = Networks::new("engine").unwrap();
        assert_eq!(networks.list(), Networks::new("engine").unwrap().list());
        let host = networks.find("host").unwrap();
        assert_eq!(networks.find(host.id.short()).unwrap(), host);
        assert_eq!(networks.remove("host").unwrap_err().kind(), Kind::Forbidden);
        assert_eq!(networks.create("host").unwrap_err().kind(), Kind::Forbidden);
        assert_eq!(networks.create("mine").unwrap_err().kind(), Kind::Unimplemented);
    }
}
