//! The OCI runtime as a library: the shim links it, `coffer-runtime` puts runc's command line before
//! it. No threads, no async. It makes containers; it never decides what one should look like.
//!
//! Three processes take part in making one: the *caller* (shim or `coffer-runtime`), the *outer half*
//! ([`parent`]: forked from the caller, parses the spec, makes control groups, clones) and the *inner
//! half* ([`child`]: the container's first process, a child of the caller by `CLONE_PARENT`). They talk
//! by [`sync`].

pub mod command;
pub mod embed;
pub mod resource;
pub mod seccomp;

mod child;
mod descriptor;
mod fifo;
mod fork;
mod hook;
mod launch;
mod listener;
mod parent;
mod program;
mod setup;
mod sync;
mod validate;
mod work;
