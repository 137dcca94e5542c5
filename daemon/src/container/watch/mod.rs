//! What watches over a running container and reacts: restart policy, health checks, OOM kills.

pub mod restart;
