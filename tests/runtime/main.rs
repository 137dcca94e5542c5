//! The OCI runtime alone, by runc's command line: `coffer-runtime`, or the program that
//! `COFFER_TEST_RUNTIME` names, so that the suite is itself tested against runc. Needs root.

mod isolation;
mod life;
mod process;
mod resources;
mod scene;
