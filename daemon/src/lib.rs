//! The daemon, bottom layer first. A module may use those above it in this list, never those below
//! (`tests/tidy.rs` checks it).

pub mod config;
pub mod guest;
pub mod limits;
pub mod log;
pub mod plugin;
pub mod probe;
pub mod process;
pub mod task;
pub mod trash;
pub mod undo;

pub mod store;

pub mod event;

pub mod content;
pub mod snapshot;

pub mod image;
pub mod network;
pub mod shim;
pub mod volume;

pub mod container;

pub mod engine;

pub mod api;
pub mod metrics;

pub mod args;
pub mod boot;
pub mod builtin;
