//! How a container differs from its image, as `diff` shows it.

use crate::snapshot::{Change, ChangeKind};
use serde_json::{Value, json};
use std::path::Path;

/// What the engine itself puts into every container: mount points, and the files of the network. Docker
/// hides them in a layer of their own.
const OWN: [&str; 12] = [
    "/dev",
    "/dev/console",
    "/dev/mqueue",
    "/dev/pts",
    "/dev/shm",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/mtab",
    "/proc",
    "/sys",
    "/sbin/docker-init",
];

/// The list, without what the engine added and the folders that changed by that alone. 0 is changed, 1
/// added, 2 deleted.
pub fn list(changes: &[Change]) -> Vec<Value> {
    let is_own = |change: &Change| {
        change.kind == ChangeKind::Added && OWN.iter().any(|own| change.path == Path::new(own))
    };
    let (own, others): (Vec<&Change>, Vec<&Change>) =
        changes.iter().partition(|change| is_own(change));
    let by_us_alone = |folder: &Change| {
        let below = |change: &&Change| change.path.parent() == Some(&folder.path);
        folder.kind == ChangeKind::Modified
            && own.iter().copied().any(|change| below(&change))
            && !others.iter().any(|c| c.path != folder.path && c.path.starts_with(&folder.path))
    };
    others.iter().filter(|change| !by_us_alone(change)).map(|change| entry(change)).collect()
}

fn entry(change: &Change) -> Value {
    json!({ "Path": change.path.display().to_string(), "Kind": change.kind as u8 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_what_the_engine_added() {
        let change = |kind, path: &str| Change { kind, path: path.into() };
        let (modified, added) = (ChangeKind::Modified, ChangeKind::Added);
        let mut changes = vec![
            change(modified, "/etc"),
            change(added, "/etc/hosts"),
            change(modified, "/tmp"),
            change(added, "/tmp/f"),
        ];
        let paths = |changes: &[Change]| -> Vec<String> {
            list(changes).iter().map(|entry| entry["Path"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(paths(&changes), ["/tmp", "/tmp/f"]);
        changes.push(change(added, "/etc/mine"));
        assert_eq!(paths(&changes), ["/etc", "/tmp", "/tmp/f", "/etc/mine"]);
    }
}
