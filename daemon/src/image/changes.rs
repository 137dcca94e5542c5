//! `docker diff`: what a container has changed, without what the engine put there to mount on. Pure.

use crate::snapshot::{Change, ChangeKind};
use std::path::Path;

/// Files and folders that a start makes in the writable layer, empty, because something is mounted
/// there. Docker keeps them in a layer of their own and never shows them.
const MADE: [&str; 9] = [
    "/dev",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/mtab",
    "/etc/resolv.conf",
    "/proc",
    "/sbin/docker-init",
    "/sys",
    "/.dockerenv",
];

fn is_made(path: &Path) -> bool {
    let system = ["/dev", "/proc", "/sys"];
    MADE.iter().any(|made| path == Path::new(made))
        || system.iter().any(|top| path.starts_with(top))
}

/// The changes that are the container's own. A folder that changed only because one of ours was made in
/// it is left out too.
pub fn visible(changes: Vec<Change>) -> Vec<Change> {
    let ours = |change: &Change| change.kind == ChangeKind::Added && is_made(&change.path);
    let made: Vec<Change> = changes.iter().filter(|c| ours(c)).cloned().collect();
    let mut rest: Vec<Change> = changes.into_iter().filter(|c| !ours(c)).collect();
    for change in made {
        for above in change.path.ancestors().skip(1) {
            let empty = !rest.iter().any(|c| c.path != above && c.path.starts_with(above));
            if empty {
                rest.retain(|c| c.path != above || c.kind == ChangeKind::Deleted);
            }
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(list: &[(&str, ChangeKind)]) -> Vec<String> {
        let changes = list.iter().map(|(path, kind)| Change { path: path.into(), kind: *kind });
        visible(changes.collect()).into_iter().map(|c| c.path.display().to_string()).collect()
    }

    #[test]
    fn only_the_containers_own_changes_are_shown() {
        use ChangeKind::{Added, Deleted, Modified};
        let made = [("/etc", Modified), ("/etc/hosts", Added), ("/proc", Added), ("/dev", Added)];
        assert!(go(&made).is_empty());
        let own =
            [("/etc", Modified), ("/etc/hosts", Added), ("/etc/new", Added), ("/data/x", Deleted)];
        assert_eq!(go(&own), ["/etc", "/etc/new", "/data/x"]);
        assert_eq!(go(&[("/etc", Modified), ("/etc/hosts", Modified)]), ["/etc", "/etc/hosts"]);
    }
}
