//! Containers: what is asked of them, what they are doing, who may do what.
//!
//! Layer 5: this uses images, volumes, networks and shims; it knows nothing of HTTP or metrics.

pub mod account;
pub mod feed;
pub mod filter;
pub mod history;
pub mod io;
pub mod name;
pub mod policy;
pub mod reading;
pub mod record;
pub mod request;
pub mod row;
pub mod sampler;
pub mod spec;
pub mod state;
pub mod watch;
