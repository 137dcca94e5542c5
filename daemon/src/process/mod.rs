//! The daemon as a process on its host: pid file, folders, identity, standing with the kernel,
//! signals, what it can tell about itself.

pub mod dump;
pub mod folder;
pub mod identity;
pub mod pidfile;
pub mod profile;
pub mod signal;
pub mod standing;
