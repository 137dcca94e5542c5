//! `docker cp` and `docker export`: files of a container as tar, in and out.
//!
//! ```text
//! place    a path of the user -> parent folder, name, what is there (kernel-resolved inside the root)
//! pack     a tree -> tar          entry   one file's header
//! unpack   tar -> a tree          clear   removes what is in the way
//!                                 dress   mode, time, attributes of an entry
//! ```
//! Every step holds a descriptor of a folder inside the container and names one entry in it, without
//! following links; folders are opened by `openat2(RESOLVE_IN_ROOT)`. So whatever a running container
//! renames meanwhile, nothing outside its root is read or written. Kernel filesystems (`/proc`, `/sys`, ...)
//! are not entered. Blocking.

mod clear;
mod dress;
mod entry;
mod mounts;
mod pack;
mod place;
#[cfg(test)]
mod tests;
mod unpack;
mod wrapping;

pub use mounts::{Boundary, stopped};
pub use pack::{export, pack};
pub use place::{PathStat, stat};
pub use unpack::{Owner, Replace, Unpack, unpack};

/// Folders nested deeper than this are refused: each level holds a descriptor.
const DEPTH_MAX: usize = 400;
/// Bytes copied at once.
const BLOCK: usize = 1 << 20;
