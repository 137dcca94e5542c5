//! The façade: the managers that the servers above may reach, and nothing else.

use crate::config::Config;
use crate::container::Containers;
use crate::event::Journal;
use crate::image::Images;
use crate::network::Networks;
use crate::plugin::Status;
use crate::probe::Host;
use crate::volume::Volumes;
use shared::paths::Paths;
use std::ops::Deref;
use std::sync::Arc;

/// Shared by all servers; clones are cheap.
#[derive(Clone)]
pub struct Engine(Arc<Managers>);

/// The managers.
pub struct Managers {
    /// What was configured.
    pub config: Config,
    /// What the host can do.
    pub host: Host,
    /// Who this engine is.
    pub identity: Identity,
    /// Which parts are up.
    pub parts: Vec<Status>,
    /// Where everything lies.
    pub paths: Arc<Paths>,
    /// Facts.
    pub journal: Journal,
    /// Images and writable layers.
    pub images: Images,
    /// Volumes.
    pub volumes: Volumes,
    /// Networks.
    pub networks: Networks,
    /// Containers.
    pub containers: Containers,
}

/// Who this engine is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Stable id.
    pub id: String,
    /// Labels, those found on the host included.
    pub labels: Vec<String>,
    /// Nanoseconds since 1970 at which the daemon started.
    pub started_at_nanos: i64,
}

impl Engine {
    /// Joins the managers.
    pub fn new(managers: Managers) -> Self {
        Self(Arc::new(managers))
    }
}

impl Deref for Engine {
    type Target = Managers;

    fn deref(&self) -> &Managers {
        &self.0
    }
}
