//! Host and domain name, in the container's UTS namespace.

use oci_spec::runtime::Spec;
use shared::error::{Context, Error, Result};

/// Sets what the spec names.
pub fn set(spec: &Spec) -> Result<()> {
    if let Some(name) = spec.hostname().as_deref().filter(|n| !n.is_empty()) {
        nix::unistd::sethostname(name).context("set the host name")?;
    }
    if let Some(name) = spec.domainname().as_deref().filter(|n| !n.is_empty()) {
        std::fs::write("/proc/sys/kernel/domainname", name)
            .map_err(|e| Error::internal(e.to_string()))
            .context("set the domain name")?;
    }
    Ok(())
}
