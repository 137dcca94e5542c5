//! Kernel parameters of the container's namespaces.

use oci_spec::runtime::Linux;
use shared::error::{Context, Kind, Result};

/// Writes them; `validate.rs` has refused those that would be the host's.
pub fn set(linux: &Linux) -> Result<()> {
    for (key, value) in linux.sysctl().iter().flatten() {
        let path = format!("/proc/sys/{}", path_of(key));
        std::fs::write(&path, value)
            .context_kind(Kind::Invalid, format!("write sysctl key {key}: open {path}"))?;
    }
    Ok(())
}

/// `net.ipv4.conf.eth0/1.forwarding`: dots part the levels, and a slash stands for a dot in a name;
/// a key that begins with a slash-parted level is taken the other way round (sysctl(8)).
fn path_of(key: &str) -> String {
    let slash_first = match (key.find('/'), key.find('.')) {
        (Some(slash), Some(dot)) => slash < dot,
        (Some(_), None) => true,
        _ => false,
    };
    if slash_first {
        return key.to_owned();
    }
    key.chars()
        .map(|c| match c {
            '.' => '/',
            '/' => '.',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_dots() {
        assert_eq!(path_of("net.ipv4.ip_forward"), "net/ipv4/ip_forward");
        assert_eq!(path_of("net.ipv4.conf.eth0/1.forwarding"), "net/ipv4/conf/eth0.1/forwarding");
        assert_eq!(path_of("net/ipv4/conf/eth0.1/forwarding"), "net/ipv4/conf/eth0.1/forwarding");
    }
}
