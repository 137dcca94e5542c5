//! Whether the host lets a bind do what its propagation promises: below a private mount nothing is ever
//! passed on, and Docker refuses rather than pretend. Pure but for the list of mounts.

use super::spec::point::{Point, PointKind};
use shared::error::{Error, Result};
use shared::kernel::mount::{Mounted, mountinfo};
use std::path::Path;

/// Refuses binds that ask for more than the mounts of their sources give, in Docker's words.
pub fn check(points: &[Point]) -> Result<()> {
    let asks = |point: &&Point| {
        let words = ["shared", "rshared", "slave", "rslave"];
        point.kind == PointKind::Bind && words.contains(&point.propagation.as_str())
    };
    let mut asking = points.iter().filter(asks).peekable();
    if asking.peek().is_none() {
        return Ok(());
    }
    let mounts = mountinfo(Path::new("/proc/self/mountinfo"))?;
    asking.try_for_each(|point| judge(&point.source, &point.propagation, &mounts))
}

fn judge(source: &str, propagation: &str, mounts: &[Mounted]) -> Result<()> {
    let above = mounts.iter().filter(|mount| Path::new(source).starts_with(&mount.target));
    // Of several on one place the last one is on top.
    let Some(mount) = above.max_by_key(|mount| mount.target.components().count()) else {
        return Ok(());
    };
    let has = |prefix: &str| mount.tags.iter().any(|tag| tag.starts_with(prefix));
    let (fits, wanted) = match propagation {
        "shared" | "rshared" => (has("shared:"), "shared"),
        _ => (has("shared:") || has("master:"), "shared or slave"),
    };
    if fits {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "path {source} is mounted on {} but it is not a {wanted} mount",
        mount.target.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_of_the_source_decides() {
        let mount = |target: &str, tags: &[&str]| Mounted {
            target: target.into(),
            root: "/".into(),
            kind: "tmpfs".into(),
            source: "tmpfs".into(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            options: "rw".into(),
        };
        let mounts =
            [mount("/", &[]), mount("/shared", &["shared:1"]), mount("/slave", &["master:1"])];
        for (source, propagation, fits) in [
            ("/data", "rshared", false),
            ("/data", "slave", false),
            ("/shared/x", "shared", true),
            ("/shared/x", "rslave", true),
            ("/sharedx", "shared", false),
            ("/slave", "rslave", true),
            ("/slave", "rshared", false),
        ] {
            let judged = judge(source, propagation, &mounts);
            assert_eq!(judged.is_ok(), fits, "{source} {propagation}");
        }
        let words = judge("/data", "rshared", &mounts).unwrap_err().to_string();
        assert_eq!(words, "path /data is mounted on / but it is not a shared mount");
    }
}
