//! System calls that two processes need: one call, one function, one sentence of context. Thin and
//! blocking; `unsafe` lives here, in `net`, in the shim and in the runtime, nowhere else.

pub mod detached;
pub mod priority;
pub mod cgroup;
pub mod mount;
pub mod namespace;
pub mod process;
