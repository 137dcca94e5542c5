//! What watches over a running container and reacts: restart policy, health checks.

pub mod health;
pub mod restart;
