//! Real containers by the real docker client: every test has a daemon of its own, and looks afterwards
//! for what was left behind. Needs root. Named by `COFFER_TEST_PEER`, a real dockerd answers instead.

mod coffer;
mod disk;
mod exchange;
mod exec;
mod files;
mod fuzz;
mod host;
mod image;
mod inside;
mod io;
mod lifecycle;
mod limits;
mod observe;
mod oom;
mod packing;
mod race;
mod runtime;
mod scene;
mod security;
