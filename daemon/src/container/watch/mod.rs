//! What watches over a running container and reacts: restart policy, health checks,
//! forwarding and compressing of logs.

pub mod forward;
pub mod health;
mod log;
pub mod pack;
pub mod restart;
