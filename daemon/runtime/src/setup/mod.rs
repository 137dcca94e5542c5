//! The steps of the inner half, one file each; `child.rs` is the order in which they run.

pub mod capability;
pub mod cgroup;
pub mod console;
pub mod container;
pub mod device;
mod flags;
pub mod hostname;
pub mod identity;
pub mod limit;
pub mod lsm;
pub mod mask;
pub mod mount;
pub mod namespace;
pub mod network;
pub mod place;
pub mod rootfs;
pub mod seccomp;
pub mod sysctl;
pub mod user;
