//! What watches over a running container and reacts: restart policy, health checks,
//! forwarding of logs.

pub mod forward;
pub mod health;
pub mod restart;
