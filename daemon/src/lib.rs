//! The daemon, bottom layer first. A module may use those above it in this list, never those below
//! (`tests/tidy.rs` checks it).

pub mod guest;
pub mod limits;
pub mod task;
pub mod undo;

pub mod store;

pub mod event;

pub mod container;

pub mod metrics;
