//! From the engine's own state to Docker's models. Pure: nothing here waits, reads or changes anything.

pub mod system;
