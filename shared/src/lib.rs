//! The vocabulary of all Coffer processes: daemon, shim, runtime and console share this crate and
//! nothing else. A module is here only if two of them use it.

pub mod error;
pub mod frame;
pub mod id;
pub mod logline;
pub mod paths;
pub mod reference;
pub mod rotation;
pub mod shim;
pub mod size;
pub mod watch;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "docker")]
pub mod docker;
#[cfg(feature = "kernel")]
pub mod kernel;
#[cfg(feature = "net")]
pub mod net;
