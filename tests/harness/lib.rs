//! What the suites and `cargo dev` share: a daemon of their own, the image made of `probe`, a plain
//! HTTP client, the real docker client, waiting by condition, and the hunt for leaks. It speaks to
//! the built programs from outside and must never link a part of the daemon.

pub mod docker;
pub mod engine;
pub mod http;
pub mod image;
pub mod leak;
pub mod program;
pub mod remains;
pub mod sandbox;
pub mod terminal;
pub mod wait;
