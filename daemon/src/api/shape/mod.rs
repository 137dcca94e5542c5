//! From the engine's own state to Docker's models. Pure: nothing here waits, reads or changes anything.

pub mod change;
pub mod container;
pub mod event;
pub mod image;
pub mod info;
pub mod inspect;
pub mod network;
pub mod system;
pub mod time;
pub mod volume;
pub mod watch;
pub mod zero;
