//! What the Engine API promises its clients, checked over plain HTTP. It runs against `cofferd` with the
//! fake shim and needs no privilege; named by `COFFER_TEST_PEER`, a real dockerd is held to the same
//! assertions, which tests the tests. Where Debian's dockerd (API 1.41) differs, the test says so.

mod bench;
mod container;
mod crowd;
mod errors;
mod events;
mod exec;
mod host;
mod hostile;
mod image;
mod io;
mod system;
mod volume;
