//! Models of the Docker Engine API: `bollard-stubs` re-exported. Nothing else names that crate.

pub use bollard_stubs::models;
pub use bollard_stubs::models::*;
