//! Security modules: a label or profile that takes effect at `execve`.

use oci_spec::runtime::Process;
use shared::error::{Context, Error, Result};
use std::path::Path;

/// AppArmor's profile and SELinux's label. Asking for one that this kernel does not have is an error.
pub fn prepare(process: &Process) -> Result<()> {
    if let Some(profile) = process.apparmor_profile().as_deref().filter(|p| !p.is_empty()) {
        let enabled = std::fs::read_to_string("/sys/module/apparmor/parameters/enabled");
        if !enabled.is_ok_and(|text| text.starts_with('Y')) && profile != "unconfined" {
            return Err(Error::invalid(format!(
                "apparmor profile {profile:?} is asked for, but AppArmor is not enabled"
            )));
        }
        if profile != "unconfined" {
            let own = Path::new("/proc/self/attr/apparmor/exec");
            let path = if own.exists() { own } else { Path::new("/proc/self/attr/exec") };
            std::fs::write(path, format!("exec {profile}"))
                .with_context(|| format!("apply the apparmor profile {profile}"))?;
        }
    }
    if let Some(label) = process.selinux_label().as_deref().filter(|l| !l.is_empty()) {
        if !Path::new("/sys/fs/selinux").exists() {
            return Err(Error::invalid(format!(
                "selinux label {label:?} is asked for, but SELinux is not enabled"
            )));
        }
        std::fs::write("/proc/self/attr/exec", label)
            .with_context(|| format!("apply the selinux label {label}"))?;
    }
    Ok(())
}
