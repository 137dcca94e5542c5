//! What the steps that set a container up know of it.

use super::mount;
use crate::work::{Gate, Keyring, Pivot};
use oci_spec::runtime::{Linux, Spec};
use std::path::Path;

/// What a container has besides.
pub struct Container<'a> {
    /// Its name.
    pub id: &'a str,
    /// OCI bundle.
    pub bundle: &'a Path,
    /// All of the spec.
    pub spec: &'a Spec,
    /// Its Linux part.
    pub linux: &'a Linux,
    /// Root filesystem.
    pub rootfs: &'a [shared::shim::Mount],
    /// Where to wait.
    pub gate: &'a Gate,
    /// How `/` is changed.
    pub pivot: Pivot,
    /// Session keyring.
    pub keyring: Keyring,
    /// Copied sources of bind mounts.
    pub sources: &'a mount::Sources,
    /// Ids are to be mapped first.
    pub user_fresh: bool,
    /// Its network namespace was just made.
    pub network_fresh: bool,
    /// The outer half runs hooks.
    pub hooks: bool,
}
