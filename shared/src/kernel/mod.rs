//! System calls that two processes need: one call, one function, one sentence of context. Thin and
//! blocking; `unsafe` lives here, in `net`, in the shim and in the runtime, nowhere else.

pub mod apart;
pub mod cgroup;
pub mod clone;
pub mod command;
pub mod detached;
pub mod memory;
pub mod mount;
pub mod namespace;
pub mod priority;
pub mod process;
pub mod sealed;
pub mod socket;
pub mod text;
pub mod wire;
